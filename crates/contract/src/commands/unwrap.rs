//! `unwrap`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::content::Content;
use super::parsed::ParsedCommand;
use super::verb::{Address, Answer, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::handover::HandoverToken;
use crate::route::{HttpRoute, Method};

/// `unwrap`: receives what was handed over.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UnwrapBody {
    /// The token, if the credential of the request is another one: a handover that is for one
    /// principal is received with that principal's key. Otherwise the token is the credential.
    token: Option<HandoverToken>,
}

/// Receives what was handed over.
#[derive(Debug)]
pub(super) enum Unwrap {}

impl VerbDefinition for Unwrap {
    type Body = UnwrapBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "unwrap",
        target: Target::Token,
        route: HttpRoute { method: Method::Post, path: "/api/v1/unwrap", operation_id: "unwrap" },
        summary: "Receive, once, the values or the key that a token stands for",
        description: "The token is the credential: `Authorization: Bearer once_...`. It needs no \
             other right, and is good for this command alone. The use is durable before the values \
             leave, so a second one is always refused, with `handover_used` and the time of the \
             first. A key is in `api_key`, and values are in `secrets`. Only over TLS or on the server's own machine.",
        requires: &[],
        refusals: &[
            Code::HandoverUnknown,
            Code::HandoverUsed,
            Code::HandoverEnded,
            Code::HandoverForOther,
            Code::ConnectionArchived,
            Code::ConnectionDisabled,
            Code::GenerationCompromised,
            Code::GenerationRetired,
            Code::SecretFieldUnknown,
            Code::RevealUnsafe,
            Code::ReferenceForbidden,
            Code::ReferenceUnusable,
            Code::ReferenceUnavailable,
            Code::Sealed,
        ],
        answer: Answer::Secrets,
    };

    fn read(_: &Address, body: UnwrapBody) -> Result<ParsedCommand, Problem> {
        Ok(ParsedCommand::Unwrap { token: body.token, from: None })
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        // Nobody can repeat it, so it has no receipt.
        matches!(command, ParsedCommand::Unwrap { .. }).then_some(to)
    }
}
