//! Sends commands.

use std::collections::BTreeMap;

use ledger_contract::access::IssuedKey;
use ledger_contract::alerts::IssuedSigning;
use ledger_contract::handover::IssuedHandover;
use ledger_contract::reply::{
    AlertReceipt, ConnectBegun, ConnectReceipt, KeyReceipt, ModelList, ModelsReceipt, Receipt,
    ReportReceipt, ReportTaken, TestReceipt, TestReport,
};
use ledger_contract::subjects::{self, LEDGER};

use crate::connect::Client;
use crate::error::ClientError;
use crate::moment;
use crate::sealed::Answer;

/// Optional headers of a command.
#[derive(Clone, Debug, Default)]
pub struct CommandHeaders {
    /// The command id, for idempotency; a new one if absent.
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
    /// Sets the command id, so that a repeated command takes effect once.
    pub fn with_id(command_id: impl Into<String>) -> Self {
        Self { command_id: Some(command_id.into()), ..Self::default() }
    }
}

/// An accepted command: durable in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The ledger's answer.
    pub receipt: Receipt,
    /// Whether this is the receipt of an earlier execution with the same command id.
    pub repeated: bool,
    /// The command id under which it was sent.
    pub command_id: String,
}

impl Client {
    /// Sends a command to a workspace and waits until it is durable.
    ///
    /// Nothing is sent while NATS is disconnected. The message carries a deadline, so the ledger
    /// does not execute a command after this method has timed out.
    pub async fn command(
        &self,
        workspace: &str,
        verb: &str,
        body: Vec<u8>,
        about: CommandHeaders,
    ) -> Result<Accepted, ClientError> {
        let (accepted, _) = self.send_command(workspace, verb, body, about).await?;
        Ok(accepted)
    }

    /// Tests a connection with its credentials, and returns the result with the receipt. A repeat
    /// sends nothing to the provider and returns the first result.
    pub async fn test(
        &self,
        workspace: &str,
        connection: &str,
        about: CommandHeaders,
    ) -> Result<(Accepted, TestReport), ClientError> {
        let body = serde_json::json!({ "connection": connection }).to_string().into_bytes();
        let (accepted, answer) =
            self.send_command(workspace, "test-connection", body, about).await?;
        let tested: TestReceipt = serde_json::from_slice(answer.body()).map_err(unreadable)?;
        Ok((accepted, tested.test))
    }

    /// Begins to connect a connection, by a link or by a code for another device, and returns where
    /// a person permits it with the receipt of the connection's last change. The query `attempts`
    /// tells how it goes.
    pub async fn begin_connect(
        &self,
        workspace: &str,
        connection: &str,
        device: bool,
        about: CommandHeaders,
    ) -> Result<(Accepted, ConnectBegun), ClientError> {
        let body = serde_json::json!({ "connection": connection, "device": device });
        let body = body.to_string().into_bytes();
        let (accepted, answer) = self.send_command(workspace, "connect", body, about).await?;
        let begun: ConnectReceipt = serde_json::from_slice(answer.body()).map_err(unreadable)?;
        Ok((accepted, begun.connect))
    }

    /// Reports that a connection did not work, with the generations that were used, and returns
    /// what follows. Gateways may send it for each failure.
    pub async fn report_failure(
        &self,
        workspace: &str,
        connection: &str,
        outcome: &str,
        status: Option<u16>,
        generations: &BTreeMap<String, u64>,
    ) -> Result<ReportTaken, ClientError> {
        let body = serde_json::json!({
            "connection": connection, "outcome": outcome, "status": status,
            "generations": generations,
        });
        let (body, about) = (body.to_string().into_bytes(), CommandHeaders::default());
        let (_, answer) = self.send_command(workspace, "report-failure", body, about).await?;
        let taken: ReportReceipt = serde_json::from_slice(answer.body()).map_err(unreadable)?;
        Ok(taken.report)
    }

    /// Lists the models of a connection. With `refresh`, the provider is asked although there is a
    /// recent answer.
    pub async fn models(
        &self,
        workspace: &str,
        connection: &str,
        refresh: bool,
    ) -> Result<ModelList, ClientError> {
        let body = serde_json::json!({ "connection": connection, "refresh": refresh });
        let (body, about) = (body.to_string().into_bytes(), CommandHeaders::default());
        let (_, answer) = self.send_command(workspace, "list-models", body, about).await?;
        let listed: ModelsReceipt = serde_json::from_slice(answer.body()).map_err(unreadable)?;
        Ok(listed.list)
    }

    /// Sends `issue-key` and returns the key with the receipt. A repeat has no key, because it is
    /// returned once and not stored.
    pub async fn issue_key(
        &self,
        body: Vec<u8>,
        about: CommandHeaders,
    ) -> Result<(Accepted, Option<IssuedKey>), ClientError> {
        let (accepted, answer) = self.issue(body, about).await?;
        Ok((accepted, answer.api_key))
    }

    /// Sends `issue-key` with `wrap` in its body, and returns the token that stands for the key,
    /// with the receipt. A repeat has no token.
    pub async fn hand_over_key(
        &self,
        body: Vec<u8>,
        about: CommandHeaders,
    ) -> Result<(Accepted, Option<IssuedHandover>), ClientError> {
        let (accepted, answer) = self.issue(body, about).await?;
        Ok((accepted, answer.handover))
    }

    /// Sends `create-alert` or `rotate-alert-secret`, and returns what receivers of its messages
    /// check signatures with, beside the receipt. A repeat has none, nor has an alert by mail.
    pub async fn sign_alert(
        &self,
        workspace: &str,
        verb: &str,
        body: Vec<u8>,
        about: CommandHeaders,
    ) -> Result<(Accepted, Option<IssuedSigning>), ClientError> {
        let (accepted, answer) = self.send_command(workspace, verb, body, about).await?;
        let receipt: AlertReceipt = serde_json::from_slice(answer.body()).map_err(unreadable)?;
        Ok((accepted, receipt.signing))
    }

    async fn issue(
        &self,
        body: Vec<u8>,
        about: CommandHeaders,
    ) -> Result<(Accepted, KeyReceipt), ClientError> {
        let (accepted, answer) = self.send_command(LEDGER, "issue-key", body, about).await?;
        let receipt = serde_json::from_slice(answer.body()).map_err(unreadable)?;
        Ok((accepted, receipt))
    }

    async fn send_command(
        &self,
        workspace: &str,
        verb: &str,
        body: Vec<u8>,
        about: CommandHeaders,
    ) -> Result<(Accepted, Answer), ClientError> {
        let command_id = about.command_id.unwrap_or_else(moment::new_command_id);
        let given = [
            (subjects::DEADLINE, Some(moment::deadline(self.timeout))),
            (subjects::COMMAND_ID, Some(command_id.clone())),
            (subjects::EXPECTED_VERSION, about.expected_version),
            (subjects::CORRELATION_ID, about.correlation_id),
            (subjects::CAUSATION_ID, about.causation_id),
            (subjects::TRACEPARENT, about.traceparent),
        ];
        let given = given.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let subject = self.subjects.command(workspace, verb);
        let answer = self.request(subject, given.collect(), body).await?;
        let receipt = serde_json::from_slice(answer.body()).map_err(unreadable)?;
        let repeated = answer.header(subjects::REPEATED) == Some("true");
        Ok((Accepted { receipt, repeated, command_id }, answer))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "given to map_err")]
fn unreadable(error: serde_json::Error) -> ClientError {
    ClientError::Internal(format!("the ledger's receipt cannot be read: {error}"))
}
