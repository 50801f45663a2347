//! `enable-principal`.

use ledger_domain::principal::PrincipalCommand;

use super::ParsedCommand;
use super::bodies::PrincipalBody;
use super::content::Content;
use super::verb::{Address, Answer, OVER_PRINCIPALS, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// Enables a principal and its keys again.
#[derive(Debug)]
pub(super) enum EnablePrincipal {}

impl VerbDefinition for EnablePrincipal {
    type Body = PrincipalBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "enable-principal",
        target: Target::Principal,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/principals/{principal}/enable",
            operation_id: "enablePrincipal",
        },
        summary: "Enable a principal and its keys again",
        description: "",
        requires: OVER_PRINCIPALS,
        refusals: &[Code::PrincipalUnknown, Code::AlreadyEnabled],
        answer: Answer::Changed,
    };

    fn read(address: &Address, body: PrincipalBody) -> Result<ParsedCommand, Problem> {
        let name = address.principal(body.principal)?;
        Ok(ParsedCommand::principal(name, PrincipalCommand::Enable))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command.as_principal()? {
            (name, PrincipalCommand::Enable) => Some(to.field("principal", name)),
            _ => None,
        }
    }
}
