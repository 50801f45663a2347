//! `archive`.

use ledger_domain::Command;
use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::bodies::{ConnectionName, Reason};
use super::content::Content;
use super::input::Checked as _;
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// `archive`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ArchiveBody {
    /// Id or slug of the connection.
    connection: ConnectionName,
    /// The reason, at most 1,024 characters.
    reason: Reason,
    /// Archives the connection even if something depends on it.
    #[serde(default)]
    force: bool,
}

/// Takes a connection out of use; it can be restored.
#[derive(Debug)]
pub(super) enum Archive {}

impl VerbDefinition for Archive {
    type Body = ArchiveBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "archive",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/archive",
            operation_id: "archiveConnection",
        },
        summary: "Take a connection out of use; it can be restored",
        description: "Its slug becomes free; use its id from then on.",
        requires: &[Requirement::always(&[Scope::Write])],
        refusals: &[Code::ConnectionInUse],
        answer: Answer::Changed,
    };

    fn read(address: &Address, body: ArchiveBody) -> Result<ParsedCommand, Problem> {
        let reason = body.reason.check("reason")?;
        let target = address.connection(body.connection)?;
        Ok(ParsedCommand::change(target, Command::Archive { reason, force: body.force }))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command.as_change()? {
            Command::Archive { reason, force } => {
                Some(to.field("reason", reason).flag("force", *force))
            }
            _ => None,
        }
    }
}
