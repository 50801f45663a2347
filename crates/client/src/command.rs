//! Sends commands.

use ledger_contract::reply::Receipt;
use ledger_contract::subjects;

use crate::connect::Client;
use crate::error::ClientError;
use crate::moment;

/// What a caller may say about a command beside its body.
#[derive(Clone, Debug, Default)]
pub struct CommandHeaders {
    /// The key of idempotency; a fresh one when absent.
    pub command_id: Option<String>,
    /// `any`, `absent` or a version number.
    pub expected_version: Option<String>,
    /// Id of the whole conversation.
    pub correlation_id: Option<String>,
    /// Id of the direct parent message.
    pub causation_id: Option<String>,
    /// W3C trace context.
    pub traceparent: Option<String>,
}

impl CommandHeaders {
    /// Names the command, so that sending it again does nothing twice.
    pub fn with_id(command_id: impl Into<String>) -> Self {
        Self { command_id: Some(command_id.into()), ..Self::default() }
    }
}

/// An accepted command: durable in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The ledger's answer.
    pub receipt: Receipt,
    /// Whether the command had been executed before, under the same command id.
    pub repeated: bool,
    /// The command id it was sent under.
    pub command_id: String,
}

impl Client {
    /// Sends a command to a workspace and waits until it is durable.
    ///
    /// Nothing is sent while NATS is not connected, and the message carries a deadline, so a
    /// command that this method has given up on is not executed later than that.
    pub async fn command(
        &self,
        workspace: &str,
        verb: &str,
        body: Vec<u8>,
        about: CommandHeaders,
    ) -> Result<Accepted, ClientError> {
        let command_id = about.command_id.unwrap_or_else(moment::new_command_id);
        let mut headers = self.headers();
        headers.insert(subjects::DEADLINE, moment::deadline(self.timeout));
        let given = [
            (subjects::COMMAND_ID, Some(command_id.clone())),
            (subjects::EXPECTED_VERSION, about.expected_version),
            (subjects::CORRELATION_ID, about.correlation_id),
            (subjects::CAUSATION_ID, about.causation_id),
            (subjects::TRACEPARENT, about.traceparent),
        ];
        for (name, value) in given {
            if let Some(value) = value {
                headers.insert(name, header_value(name, &value)?);
            }
        }
        let subject = self.subjects.command(workspace, verb);
        let message = self.request(subject, headers, body).await?;
        let receipt = serde_json::from_slice(&message.payload).map_err(|error| {
            ClientError::Internal(format!("the ledger's receipt cannot be read: {error}"))
        })?;
        let repeated = message
            .headers
            .as_ref()
            .and_then(|headers| headers.get(subjects::REPEATED))
            .is_some_and(|value| value.as_str() == "true");
        Ok(Accepted { receipt, repeated, command_id })
    }
}

/// Refuses what would break the header block.
fn header_value(name: &str, value: &str) -> Result<async_nats::HeaderValue, ClientError> {
    value.parse().map_err(|_| ClientError::Internal(format!("the header {name} is not one line")))
}
