//! `revoke-workspace`.

use ledger_domain::Command;
use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::bodies::ConnectionName;
use super::content::Content;
use super::input::{GrantToRule, Input};
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// `revoke-workspace`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RevokeBody {
    /// Id or slug of the connection.
    connection: ConnectionName,
    /// Name of a workspace, or `*` for all.
    grant_to: Input<GrantToRule>,
}

/// Prevents another workspace from using a connection.
#[derive(Debug)]
pub(super) enum RevokeWorkspace {}

impl VerbDefinition for RevokeWorkspace {
    type Body = RevokeBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "revoke-workspace",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/revoke-workspace",
            operation_id: "revokeWorkspace",
        },
        summary: "Prevent another workspace from using a connection",
        description: "",
        requires: &[Requirement::always(&[Scope::Write])],
        refusals: &[Code::GrantUnknown, Code::NothingToChange],
        answer: Answer::Changed,
    };

    fn read(address: &Address, body: RevokeBody) -> Result<ParsedCommand, Problem> {
        let scope = body.grant_to.check("grant_to")?;
        let target = address.connection(body.connection)?;
        Ok(ParsedCommand::change(target, Command::RevokeWorkspace { scope }))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command.as_change()? {
            Command::RevokeWorkspace { scope } => Some(to.field("grant_to", scope)),
            _ => None,
        }
    }
}
