//! The bucket of the lease: reading it, and writing it by compare-and-set.

use async_nats::HeaderValue;
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use async_nats::jetstream::{Context, ErrorCode};
use ledger_contract::errors::Problem;
use ledger_contract::lease::Lease;
use ledger_contract::subjects::Subjects;
use rand::Rng as _;

use crate::connect::unreachable;
use crate::jetstream_error;
use crate::kv;

/// The header with the random name of a write. A copy of a running machine does not know the names
/// of the writes that the original makes afterwards.
const WRITE: &str = "Ledger-Write";

/// The bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    jetstream: Context,
    stream: String,
    subject: String,
    /// The last write that was acknowledged.
    last: Option<String>,
    /// A write after it whose outcome is unknown.
    in_doubt: Option<String>,
}

/// What the bucket holds, with its revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// Nobody has ever held the lease.
    Absent,
    /// The last holder released it.
    Released(u64),
    /// It is as this process wrote it last.
    Own(u64),
    /// Another process holds it, or held it and ended.
    Held(u64, Lease),
    /// Something else than a lease.
    Foreign(u64),
}

/// Why a write was not acknowledged.
#[derive(Debug)]
pub(super) enum WriteError {
    /// The bucket is at another revision.
    Moved,
    /// The bucket is missing.
    Missing,
    /// Unknown. The write may still take effect.
    Unknown(Problem),
}

impl Bucket {
    pub(super) fn new(jetstream: Context, subjects: &Subjects) -> Self {
        let stream = format!("KV_{}", subjects.lease_bucket_name());
        Self { jetstream, stream, subject: subjects.lease(), last: None, in_doubt: None }
    }

    /// Reads the lease from the leader of the stream, never from a replica.
    pub(super) async fn read(&self) -> Result<Entry, Problem> {
        let silent =
            |error: &dyn std::fmt::Display| unreachable(format!("cannot read the lease: {error}"));
        let stream = self.jetstream.get_stream_no_info(&self.stream).await;
        let stream = stream.map_err(|error| silent(&error))?;
        let message = match stream.get_last_raw_message_by_subject(&self.subject).await {
            Ok(message) => message,
            Err(error) => {
                return match error.kind() {
                    LastRawMessageErrorKind::NoMessageFound => Ok(Entry::Absent),
                    LastRawMessageErrorKind::JetStream(cause)
                        if cause.error_code() != ErrorCode::STREAM_NOT_FOUND =>
                    {
                        Err(jetstream_error::problem(
                            "the NATS server does not show the lease",
                            &cause,
                        ))
                    }
                    _ => Err(silent(&error)),
                };
            }
        };
        let revision = message.sequence;
        if message.headers.get(kv::OPERATION).is_some() {
            return Ok(Entry::Released(revision));
        }
        let write = message.headers.get(WRITE).map(HeaderValue::as_str);
        if write.is_some_and(|write| self.knows(write)) {
            return Ok(Entry::Own(revision));
        }
        Ok(match serde_json::from_slice(&message.payload) {
            Ok(lease) => Entry::Held(revision, lease),
            Err(_) => Entry::Foreign(revision),
        })
    }

    /// Returns whether a write was made by this process, and none after it was acknowledged.
    fn knows(&self, write: &str) -> bool {
        [&self.last, &self.in_doubt].into_iter().flatten().any(|known| known == write)
    }

    /// Writes the lease if the bucket is at `revision`, and returns the new revision.
    pub(super) async fn write(&mut self, revision: u64, lease: &Lease) -> Result<u64, WriteError> {
        let body = serde_json::to_vec(lease).expect("a lease has a JSON form");
        let name = format!("{:032x}", rand::rng().random::<u128>());
        let message = PublishMessage::build().header(WRITE, name.as_str());
        self.in_doubt = Some(name);
        let written = self.publish(revision, message.payload(body.into())).await;
        match &written {
            Ok(_) => self.last = self.in_doubt.take(),
            Err(WriteError::Moved | WriteError::Missing) => self.in_doubt = None,
            Err(WriteError::Unknown(_)) => {}
        }
        written
    }

    /// Deletes the lease if the bucket is at `revision`.
    pub(super) async fn release(&self, revision: u64) -> Result<u64, WriteError> {
        let deletion = PublishMessage::build().header(kv::OPERATION, kv::DELETE);
        self.publish(revision, deletion).await
    }

    async fn publish(&self, revision: u64, message: PublishMessage) -> Result<u64, WriteError> {
        let message = message.expected_last_subject_sequence(revision);
        let unknown = |error: &dyn std::fmt::Display| {
            WriteError::Unknown(unreachable(format!("the lease was not written: {error}")))
        };
        let sent = self.jetstream.send_publish(self.subject.clone(), message).await;
        let acknowledged = sent.map_err(|error| unknown(&error))?.await;
        acknowledged.map(|stored| stored.sequence).map_err(|error| match error.kind() {
            PublishErrorKind::WrongLastSequence => WriteError::Moved,
            PublishErrorKind::StreamNotFound => WriteError::Missing,
            _ => unknown(&error),
        })
    }
}
