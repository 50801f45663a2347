//! `mark-failed`.

use ledger_domain::Command;
use ledger_domain::principal::Scope;

use super::ParsedCommand;
use super::bodies::ReasonBody;
use super::content::Content;
use super::input::Checked as _;
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// Reports that a connection does not work.
#[derive(Debug)]
pub(super) enum MarkFailed {}

impl VerbDefinition for MarkFailed {
    type Body = ReasonBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "mark-failed",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/mark-failed",
            operation_id: "markFailed",
        },
        summary: "Report that a connection does not work",
        description: "For a failure that needs manual intervention.",
        requires: &[Requirement::always(&[Scope::Write])],
        refusals: &[Code::HealthUnchanged],
        answer: Answer::Changed,
    };

    fn read(address: &Address, body: ReasonBody) -> Result<ParsedCommand, Problem> {
        let target = address.connection(body.connection)?;
        let reason = body.reason.check("reason")?;
        Ok(ParsedCommand::change(target, Command::MarkFailed { reason }))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command.as_change()? {
            Command::MarkFailed { reason } => Some(to.field("reason", reason)),
            _ => None,
        }
    }
}
