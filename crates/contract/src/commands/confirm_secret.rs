//! `confirm-secret`.

use ledger_domain::principal::Scope;
use ledger_domain::{ConsumerCommand, limits};
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::bodies::ConnectionName;
use super::content::Content;
use super::input::{ConsumerRule, FieldNameRule, GenerationNumber, Input, MapInput, entry};
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

type Generations = MapInput<FieldNameRule, Input<GenerationNumber>, { limits::SECRET_FIELDS }>;

/// `confirm-secret`: says which generations of a connection's secrets a consumer uses.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfirmSecretBody {
    /// Id or slug of the connection.
    connection: ConnectionName,
    /// Name of the consumer, which it chooses: 1 to 128 visible ASCII characters. It must stay the
    /// same across restarts.
    consumer: Input<ConsumerRule>,
    /// The generation that the consumer uses, for each secret field that it uses. Without any, it
    /// uses the connection no more.
    #[serde(default)]
    generations: Generations,
}

/// Says which generations a consumer uses.
#[derive(Debug)]
pub(super) enum ConfirmSecret {}

impl VerbDefinition for ConfirmSecret {
    type Body = ConfirmSecretBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "confirm-secret",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/confirm-secret",
            operation_id: "confirmSecret",
        },
        summary: "Say which generation of a secret a consumer uses",
        description: "The first time, this registers the consumer. A rotation that waits for \
             confirmations keeps the former generation until every consumer of the field has \
             confirmed the current one. What is said is an event in the history; the same again only \
             notes that the consumer was seen, and is answered with the first receipt. A consumer \
             of which nothing is heard for 3 days counts as gone: send it again every hour. The \
             connection's version stays as it is.",
        requires: &[Requirement::always(&[Scope::Reveal])],
        refusals: &[
            Code::SecretFieldUnknown,
            Code::GenerationUnknown,
            Code::ConsumerTaken,
            Code::ConsumerUnknown,
            Code::ConsumersFull,
        ],
        answer: Answer::Noted,
    };

    fn read(address: &Address, body: ConfirmSecretBody) -> Result<ParsedCommand, Problem> {
        let target = address.connection(body.connection)?;
        let consumer = body.consumer.check("consumer")?;
        let generations = body
            .generations
            .check("generations", |name, value| value.check(&entry("generations", name)))?;
        let command = ConsumerCommand::Confirm { consumer, generations };
        Ok(ParsedCommand::Consumer { target, command })
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command.as_consumer()? {
            ConsumerCommand::Confirm { consumer, generations } => {
                Some(to.field("consumer", consumer).field("generations", generations))
            }
            ConsumerCommand::Remove { .. } => None,
        }
    }
}
