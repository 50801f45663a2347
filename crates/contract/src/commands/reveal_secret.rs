//! `reveal-secret`.

use ledger_domain::WantedGeneration;
use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::bodies::ConnectionName;
use super::content::Content;
use super::input::{
    Checked as _, FieldNameRule, GenerationRule, Input, MomentRule, PrincipalRule, ReasonRule, list,
};
use super::parsed::{ParsedCommand, Wrap};
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// `reveal-secret`: requests secret values in the clear.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RevealSecretBody {
    /// Id or slug of the connection.
    connection: ConnectionName,
    /// The secret fields to reveal; all when absent or empty.
    #[serde(default)]
    #[schemars(extend("default" = serde_json::json!([])))]
    fields: Vec<Input<FieldNameRule>>,
    /// Which generation: `current` (default), `former`, or its number. Former ones are revealed
    /// while a rotation keeps them.
    generation: Option<Input<GenerationRule>>,
    /// The reason, 1 to 1,024 characters; stored in the history.
    reason: Input<ReasonRule>,
    /// Answers a token in place of the values, for whoever is to receive them with `unwrap`: a time
    /// until which it can be used, or a span of time from now like `10m`, at most 24 hours ahead.
    wrap: Option<Input<MomentRule>>,
    /// With `wrap`: the only principal that may use the token; anyone who has it by default.
    r#for: Option<Input<PrincipalRule>>,
}

/// Requests secret values in the clear.
#[derive(Debug)]
pub(super) enum RevealSecret {}

impl VerbDefinition for RevealSecret {
    type Body = RevealSecretBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "reveal-secret",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/reveal-secret",
            operation_id: "revealSecret",
        },
        summary: "Reveal secrets in the clear",
        description: "Each time is an event, durable before the answer. Only over TLS or on the \
            server's own machine; an idempotency key is not used. A reference is followed then: \
            what it leads to may have changed since it was set. For a field of another connection \
            that takes the right to reveal there, too, and an event is recorded there as well. With \
            `wrap`, it hands the values that the fields have now over to the bearer of a token, who \
            receives them once.",
        requires: &[Requirement::always(&[Scope::Reveal])],
        refusals: &[
            Code::ConnectionDisabled,
            Code::SecretFieldUnknown,
            Code::GenerationCompromised,
            Code::GenerationRetired,
            Code::GenerationUnknown,
            Code::RevealUnsafe,
            Code::HandoversFull,
            Code::ReferenceForbidden,
            Code::ReferenceUnusable,
            Code::ReferenceUnavailable,
            Code::Sealed,
        ],
        answer: Answer::Secrets,
    };

    fn read(address: &Address, body: RevealSecretBody) -> Result<ParsedCommand, Problem> {
        let fields = list("fields", body.fields)?.into_iter().collect();
        let reason = body.reason.check("reason")?;
        let target = address.connection(body.connection)?;
        let generation = body.generation.check("generation")?.unwrap_or_default();
        let wrap = Wrap::read(body.wrap, body.r#for)?;
        Ok(ParsedCommand::Reveal { target, fields, generation, reason, from: None, wrap })
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            // Nobody can repeat it, so it has no receipt.
            ParsedCommand::Reveal { target: _, fields, generation, reason, from: _, wrap: _ } => {
                let to = to.field("fields", fields).field("reason", reason);
                Some(match generation {
                    WantedGeneration::Current => to,
                    WantedGeneration::Former => to.flag("former", true),
                    WantedGeneration::Exactly(number) => to.field("generation", number),
                })
            }
            _ => None,
        }
    }
}
