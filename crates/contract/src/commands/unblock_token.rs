//! `unblock-token`.

use ledger_domain::principal::{PrincipalCommand, Scope};

use super::ParsedCommand;
use super::bodies::TokenBody;
use super::content::Content;
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// Accepts tokens again.
#[derive(Debug)]
pub(super) enum UnblockToken {}

impl VerbDefinition for UnblockToken {
    type Body = TokenBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "unblock-token",
        target: Target::Tokens,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/blocked-tokens/unblock",
            operation_id: "unblockToken",
        },
        summary: "Accept blocked tokens again",
        description: "Names what was blocked. Tokens that have expired stay so.",
        requires: &[Requirement::always(&[Scope::Administer])],
        refusals: &[Code::NothingToChange],
        answer: Answer::Changed,
    };

    fn read(_: &Address, body: TokenBody) -> Result<ParsedCommand, Problem> {
        let (token, reason) = body.check()?;
        Ok(ParsedCommand::tokens(PrincipalCommand::UnblockToken { token, reason }))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command.as_principal()? {
            (_, PrincipalCommand::UnblockToken { token, reason }) => {
                let to = to.field("subject", &token.subject().cloned());
                Some(to.field("token_id", &token.id().cloned()).field("reason", reason))
            }
            _ => None,
        }
    }
}
