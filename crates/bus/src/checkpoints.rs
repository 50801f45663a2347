//! The stream in which checkpoints of the log are published, beside that of the events.
//!
//! Its subject is `<prefix>.checkpoints`, so whoever listens there gets each, and whoever comes
//! later reads the last one from the stream.

use std::fmt::Display;
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::stream::{Config, DiscardPolicy, LastRawMessageErrorKind};
use async_nats::jetstream::{self, Context};
use ledger_contract::errors::{Code, Problem};
use ledger_contract::subjects::Subjects;

use crate::topology::kept;

/// Checkpoints that the stream keeps.
const KEPT: i64 = 1_024;
/// How long requests wait.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where checkpoints are on NATS.
#[derive(Debug)]
pub struct CheckpointStream {
    jetstream: Context,
    subject: String,
    config: Config,
}

impl CheckpointStream {
    /// Prepares to use the stream of a ledger, which is made when it is missing.
    pub fn new(client: Client, subjects: &Subjects, replicas: Option<usize>) -> Self {
        let mut jetstream = jetstream::new(client);
        jetstream.set_timeout(PATIENCE);
        let subject = subjects.checkpoints();
        let config = Config {
            subjects: vec![subject.clone()],
            description: Some("signed checkpoints of the log of the ledger".to_owned()),
            max_messages: KEPT,
            discard: DiscardPolicy::Old,
            ..kept(subjects.checkpoint_stream_name(), std::collections::HashMap::new(), replicas)
        };
        Self { jetstream, subject, config }
    }

    /// Returns the last checkpoint in the stream. A copy of the stream that is behind may answer
    /// with an earlier one.
    ///
    /// Errors: `nats_unreachable`.
    pub async fn last(&self) -> Result<Option<Vec<u8>>, Problem> {
        let stream = self.jetstream.get_or_create_stream(self.config.clone()).await;
        let stream = stream.map_err(|error| away("found", &error))?;
        match stream.get_last_raw_message_by_subject(&self.subject).await {
            Ok(message) => Ok(Some(message.payload.to_vec())),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(away("read", &error)),
        }
    }

    /// Publishes a checkpoint. The stream must have been read before.
    ///
    /// Errors: `nats_unreachable`.
    pub async fn publish(&self, checkpoint: Vec<u8>) -> Result<(), Problem> {
        let sent = self.jetstream.publish(self.subject.clone(), checkpoint.into()).await;
        let acknowledged = sent.map_err(|error| away("written", &error))?.await;
        acknowledged.map_err(|error| away("written", &error))?;
        Ok(())
    }
}

fn away(what: &str, error: &dyn Display) -> Problem {
    let text = format!("the stream of checkpoints was not {what}: {error}");
    Problem::because(Code::NatsUnreachable, text)
}
