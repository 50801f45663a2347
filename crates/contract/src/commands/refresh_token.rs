//! `refresh-token`.

use ledger_domain::Command;
use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::bodies::ConnectionName;
use super::content::Content;
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// Body of `refresh-token`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefreshTokenBody {
    /// Id or slug of the connection.
    connection: ConnectionName,
}

/// Asks the token service of a connection for a token now.
#[derive(Debug)]
pub(super) enum RefreshToken {}

impl VerbDefinition for RefreshToken {
    type Body = RefreshTokenBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "refresh-token",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/refresh-token",
            operation_id: "refreshToken",
        },
        summary: "Get a new token from the token service of a connection",
        description: "The server asks the connection's `token_url`, or signs a token with its \
            `secret_key`, and stores it as the secret field `access_token`. Nobody needs to send \
            this to have a usable token: whoever reveals or leases `access_token` is given one that \
            is still valid, and tokens in use are refreshed before they expire. It is tried even \
            if an earlier attempt was given up. Two events record it: a reveal, durable before a \
            secret leaves for the token service, and the new token, together with the refresh \
            token that the service may have replaced. A repeated command asks for nothing, and is \
            answered with its first receipt.",
        requires: &[Requirement::always(&[Scope::Rotate])],
        refusals: &[
            Code::RefreshImpossible,
            Code::RefreshSuperseded,
            Code::ProviderTokenRefused,
            Code::ProviderTokenUnavailable,
            Code::ReferenceForbidden,
            Code::ReferenceUnusable,
            Code::ReferenceUnavailable,
            Code::Sealed,
        ],
        answer: Answer::Changed,
    };

    fn read(address: &Address, body: RefreshTokenBody) -> Result<ParsedCommand, Problem> {
        Ok(ParsedCommand::RefreshToken { target: address.connection(body.connection)? })
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            // The engine makes the command that records what came of it.
            ParsedCommand::RefreshToken { .. } => Some(to),
            _ => matches!(command.as_change()?, Command::RefreshToken { .. }).then_some(to),
        }
    }
}
