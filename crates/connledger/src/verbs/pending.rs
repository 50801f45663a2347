//! Building and sending commands.

use clap::Args;
use ledger_client::{Accepted, ClientError, CommandHeaders};
use ledger_contract::commands::{Answer, Verb};
use ledger_contract::subjects::LEDGER;
use serde_json::json;

use super::archived;
use crate::body::{self, Body};
use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;

/// Flags of every command that changes something.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Command options")]
pub(crate) struct WriteArgs {
    /// Idempotency key: a repeated command with the same id gets the first answer and changes
    /// nothing
    #[arg(long, value_name = "ID")]
    pub(crate) command_id: Option<String>,
    /// Expected version: a number, absent or any; the command is refused if the connection has
    /// another
    #[arg(long, value_name = "VERSION")]
    pub(crate) expect_version: Option<String>,
    /// Id that links related commands and events
    #[arg(long, value_name = "ID")]
    pub(crate) correlation_id: Option<String>,
}

impl From<WriteArgs> for CommandHeaders {
    fn from(write: WriteArgs) -> Self {
        Self {
            command_id: write.command_id,
            expected_version: write.expect_version,
            correlation_id: write.correlation_id,
            ..Self::default()
        }
    }
}

/// A command ready to be sent.
#[derive(Debug)]
pub(crate) struct PendingCommand {
    pub(crate) verb: &'static str,
    pub(crate) body: Body,
    pub(crate) write: WriteArgs,
}

impl PendingCommand {
    /// Creates a command about one connection.
    pub(super) fn about(verb: &'static str, name: &str, write: WriteArgs) -> Self {
        Self::about_nothing(verb, write).with("connection", name)
    }

    /// Creates a command with an empty body.
    pub(crate) fn about_nothing(verb: &'static str, write: WriteArgs) -> Self {
        Self { verb, body: Body::new(), write }
    }

    /// Sets a field.
    pub(crate) fn with(mut self, field: &str, value: impl Into<serde_json::Value>) -> Self {
        self.body.insert(field.to_owned(), value.into());
        self
    }

    /// Sets a field if a value is given.
    pub(crate) fn with_some(
        self,
        field: &str,
        value: Option<impl Into<serde_json::Value>>,
    ) -> Self {
        match value {
            Some(value) => self.with(field, value),
            None => self,
        }
    }

    /// Returns the text of a field; empty if the field is missing or no text.
    pub(crate) fn text(&self, field: &str) -> &str {
        self.body.get(field).and_then(serde_json::Value::as_str).unwrap_or_default()
    }
}

/// Sends a command and writes its receipt.
pub(crate) async fn send(
    session: &Session,
    workspace: &str,
    command: PendingCommand,
) -> Result<(), Failure> {
    let named =
        ["principal", "subject", "token_id", "key", "alert"].map(|field| command.text(field));
    // Of the others, the subject says what they change.
    let other = if workspace == LEDGER { "ledger" } else { "workspace" };
    let subject = named.into_iter().find(|text| !text.is_empty()).unwrap_or(other).to_owned();
    let connection = command.text("connection").to_owned();
    let mut headers = CommandHeaders::from(command.write);
    let command_id = headers.command_id.get_or_insert_with(ledger_client::new_command_id).clone();
    let body = body::bytes(command.body);
    match session.client.command(workspace, command.verb, body, headers).await {
        Ok(accepted) => write_receipt(session.out, command.verb, &subject, &accepted),
        Err(error @ ClientError::Unanswered(_)) => Err(Failure::from(error).hint(format!(
            "it may have been executed; repeating it is safe with --command-id {command_id}"
        ))),
        Err(error) => Err(archived::with_hint(session, error.into(), &connection).await),
    }
}

/// Returns what --json tells of every receipt.
pub(crate) fn told(accepted: &Accepted) -> Body {
    let receipt = &accepted.receipt;
    Body::from_iter([
        ("version".to_owned(), receipt.version.into()),
        ("position".to_owned(), receipt.position.into()),
        ("incarnation".to_owned(), receipt.incarnation.as_str().into()),
        ("recorded_at".to_owned(), receipt.recorded_at.as_str().into()),
        ("command_id".to_owned(), accepted.command_id.as_str().into()),
    ])
}

/// Returns what it tells of one for a change to a connection.
pub(super) fn of_connection(accepted: &Accepted) -> Body {
    let mut told = told(accepted);
    told.insert("connection".to_owned(), json!(accepted.receipt.connection));
    told.insert("repeated".to_owned(), accepted.repeated.into());
    told
}

fn write_receipt(
    out: Output,
    verb: &str,
    subject: &str,
    accepted: &Accepted,
) -> Result<(), Failure> {
    let receipt = &accepted.receipt;
    if out.is_json() {
        return out.object(&of_connection(accepted));
    }
    let subject = receipt.connection.as_deref().unwrap_or(subject);
    let (version, position) = (receipt.version, receipt.position);
    let note = if accepted.repeated { "  (repeated)" } else { "" };
    // What is recorded beside a connection has a number of its own.
    let is_beside = Verb::find(verb).is_some_and(|verb| verb.spec().answer == Answer::Noted);
    let version = if is_beside { String::new() } else { format!("  version {version}") };
    out.line(format!("{verb}: {subject}{version}  position {position}{note}"))
}
