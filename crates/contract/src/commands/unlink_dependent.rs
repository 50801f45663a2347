//! `unlink-dependent`.

use ledger_domain::Command;
use ledger_domain::connection::DependentKey;
use ledger_domain::principal::Scope;
use ledger_domain::{InvalidField, limits};
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::bodies::ConnectionName;
use super::content::Content;
use super::input::{Input, LineRule};
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// Text about a dependent.
pub(super) type DependentRule = LineRule<{ limits::DEPENDENT_CHARS }>;
/// Text about a dependent, as a body holds it.
pub(super) type DependentText = Input<DependentRule>;

/// `unlink-dependent`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UnlinkDependentBody {
    /// Id or slug of the connection.
    connection: ConnectionName,
    /// Kind of dependent, such as `tool`, `mcp_server` or `gateway`.
    kind: DependentText,
    /// Id of the dependent in its own system.
    id: DependentText,
}

/// Checks the parts of a dependent's key.
pub(super) fn dependent_key(
    kind: DependentText,
    id: DependentText,
) -> Result<DependentKey, InvalidField> {
    Ok(DependentKey { kind: kind.check("kind")?, id: id.check("id")? })
}

/// Records that something no longer uses a connection.
#[derive(Debug)]
pub(super) enum UnlinkDependent {}

impl VerbDefinition for UnlinkDependent {
    type Body = UnlinkDependentBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "unlink-dependent",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/unlink-dependent",
            operation_id: "unlinkDependent",
        },
        summary: "Record that something no longer uses a connection",
        description: "",
        requires: &[Requirement::always(&[Scope::Write])],
        refusals: &[Code::DependentUnknown],
        answer: Answer::Changed,
    };

    fn read(address: &Address, body: UnlinkDependentBody) -> Result<ParsedCommand, Problem> {
        let key = dependent_key(body.kind, body.id)?;
        let target = address.connection(body.connection)?;
        Ok(ParsedCommand::change(target, Command::UnlinkDependent { key }))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command.as_change()? {
            Command::UnlinkDependent { key } => {
                Some(to.field("kind", &key.kind).field("id", &key.id))
            }
            _ => None,
        }
    }
}
