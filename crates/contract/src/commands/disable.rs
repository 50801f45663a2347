//! `disable`.

use ledger_domain::Command;
use ledger_domain::principal::Scope;

use super::ParsedCommand;
use super::bodies::ReasonBody;
use super::content::Content;
use super::input::Checked as _;
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// Prevents gateways from using a connection.
#[derive(Debug)]
pub(super) enum Disable {}

impl VerbDefinition for Disable {
    type Body = ReasonBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "disable",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/disable",
            operation_id: "disableConnection",
        },
        summary: "Prevent gateways from using a connection",
        description: "",
        requires: &[Requirement::always(&[Scope::Write])],
        refusals: &[Code::AlreadyDisabled],
        answer: Answer::Changed,
    };

    fn read(address: &Address, body: ReasonBody) -> Result<ParsedCommand, Problem> {
        let target = address.connection(body.connection)?;
        let reason = body.reason.check("reason")?;
        Ok(ParsedCommand::change(target, Command::Disable { reason }))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command.as_change()? {
            Command::Disable { reason } => Some(to.field("reason", reason)),
            _ => None,
        }
    }
}
