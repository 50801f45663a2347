//! `mark-degraded`.

use ledger_domain::Command;
use ledger_domain::principal::Scope;

use super::ParsedCommand;
use super::bodies::ReasonBody;
use super::content::Content;
use super::input::Checked as _;
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// Reports that a connection works badly.
#[derive(Debug)]
pub(super) enum MarkDegraded {}

impl VerbDefinition for MarkDegraded {
    type Body = ReasonBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "mark-degraded",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/mark-degraded",
            operation_id: "markDegraded",
        },
        summary: "Report that a connection works badly",
        description: "For a temporary failure that the caller keeps retrying.",
        requires: &[Requirement::always(&[Scope::Write])],
        refusals: &[Code::HealthUnchanged],
        answer: Answer::Changed,
    };

    fn read(address: &Address, body: ReasonBody) -> Result<ParsedCommand, Problem> {
        let target = address.connection(body.connection)?;
        let reason = body.reason.check("reason")?;
        Ok(ParsedCommand::change(target, Command::MarkDegraded { reason }))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command.as_change()? {
            Command::MarkDegraded { reason } => Some(to.field("reason", reason)),
            _ => None,
        }
    }
}
