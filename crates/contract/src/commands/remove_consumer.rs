//! `remove-consumer`.

use ledger_domain::ConsumerCommand;
use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::bodies::ConnectionName;
use super::content::Content;
use super::input::{ConsumerRule, Input};
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// `remove-consumer`: forgets a consumer of a connection.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RemoveConsumerBody {
    /// Id or slug of the connection.
    connection: ConnectionName,
    /// Name of the consumer.
    consumer: Input<ConsumerRule>,
}

/// Forgets a consumer of a connection.
#[derive(Debug)]
pub(super) enum RemoveConsumer {}

impl VerbDefinition for RemoveConsumer {
    type Body = RemoveConsumerBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "remove-consumer",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/remove-consumer",
            operation_id: "removeConsumer",
        },
        summary: "Forget a consumer, so that no rotation waits for it",
        description: "It is registered again if it confirms again. A consumer leaves by itself with \
             `confirm-secret` without generations.",
        requires: &[Requirement::always(&[Scope::Rotate])],
        refusals: &[Code::ConsumerUnknown],
        answer: Answer::Noted,
    };

    fn read(address: &Address, body: RemoveConsumerBody) -> Result<ParsedCommand, Problem> {
        let target = address.connection(body.connection)?;
        let command = ConsumerCommand::Remove { consumer: body.consumer.check("consumer")? };
        Ok(ParsedCommand::Consumer { target, command })
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command.as_consumer()? {
            ConsumerCommand::Remove { consumer } => Some(to.field("consumer", consumer)),
            ConsumerCommand::Confirm { .. } => None,
        }
    }
}
