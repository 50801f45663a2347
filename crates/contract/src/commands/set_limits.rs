//! `set-limits`.

use ledger_domain::Command;
use ledger_domain::principal::Scope;

use super::ParsedCommand;
use super::bodies::GrantBody;
use super::content::Content;
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// Changes the limits of a grant.
#[derive(Debug)]
pub(super) enum SetLimits {}

impl VerbDefinition for SetLimits {
    type Body = GrantBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "set-limits",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/set-limits",
            operation_id: "setLimits",
        },
        summary: "Change the limits of a grant",
        description: "",
        requires: &[Requirement::always(&[Scope::Write])],
        refusals: &[Code::GrantUnknown, Code::NothingToChange],
        answer: Answer::Changed,
    };

    fn read(address: &Address, body: GrantBody) -> Result<ParsedCommand, Problem> {
        let (scope, limits) = (body.grant_to.check("grant_to")?, body.limits.check()?);
        let target = address.connection(body.connection)?;
        Ok(ParsedCommand::change(target, Command::SetLimits { scope, limits }))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command.as_change()? {
            Command::SetLimits { scope, limits } => {
                Some(to.field("grant_to", scope).field("limits", limits))
            }
            _ => None,
        }
    }
}
