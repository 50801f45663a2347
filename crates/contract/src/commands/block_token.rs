//! `block-token`.

use ledger_domain::principal::{PrincipalCommand, Scope};

use super::ParsedCommand;
use super::bodies::TokenBody;
use super::content::Content;
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// Refuses tokens.
#[derive(Debug)]
pub(super) enum BlockToken {}

impl VerbDefinition for BlockToken {
    type Body = TokenBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "block-token",
        target: Target::Tokens,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/blocked-tokens/block",
            operation_id: "blockToken",
        },
        summary: "Refuse tokens of an identity provider",
        description: "Names a subject, all of whose tokens are refused from now on, or the id of one \
                      token. This holds at every way in, from the next request and the next event of a \
                      feed on.",
        requires: &[Requirement::always(&[Scope::Administer])],
        refusals: &[Code::NothingToChange],
        answer: Answer::Changed,
    };

    fn read(_: &Address, body: TokenBody) -> Result<ParsedCommand, Problem> {
        let (token, reason) = body.check()?;
        Ok(ParsedCommand::tokens(PrincipalCommand::BlockToken { token, reason }))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command.as_principal()? {
            (_, PrincipalCommand::BlockToken { token, reason }) => {
                let to = to.field("subject", &token.subject().cloned());
                Some(to.field("token_id", &token.id().cloned()).field("reason", reason))
            }
            _ => None,
        }
    }
}
