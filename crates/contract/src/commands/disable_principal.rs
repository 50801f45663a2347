//! `disable-principal`.

use ledger_domain::principal::PrincipalCommand;

use super::ParsedCommand;
use super::bodies::PrincipalBody;
use super::content::Content;
use super::input::Checked as _;
use super::verb::{Address, Answer, OVER_PRINCIPALS, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// Disables a principal and all its keys.
#[derive(Debug)]
pub(super) enum DisablePrincipal {}

impl VerbDefinition for DisablePrincipal {
    type Body = PrincipalBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "disable-principal",
        target: Target::Principal,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/principals/{principal}/disable",
            operation_id: "disablePrincipal",
        },
        summary: "Disable a principal and all its keys",
        description: "",
        requires: OVER_PRINCIPALS,
        refusals: &[Code::PrincipalUnknown, Code::AlreadyDisabled],
        answer: Answer::Changed,
    };

    fn read(address: &Address, body: PrincipalBody) -> Result<ParsedCommand, Problem> {
        let reason = body.reason.check("reason")?;
        let name = address.principal(body.principal)?;
        Ok(ParsedCommand::principal(name, PrincipalCommand::Disable { reason }))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command.as_principal()? {
            (name, PrincipalCommand::Disable { reason }) => {
                Some(to.field("principal", name).field("reason", reason))
            }
            _ => None,
        }
    }
}
