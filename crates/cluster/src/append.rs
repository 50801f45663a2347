//! What the engine of the writer appends with.

use std::future::IntoFuture as _;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, Context};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::future::try_join_all;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use ledger_contract::errors::Problem;
use ledger_contract::log_stream::encode_group;
use ledger_engine::{Anew, Appended, GroupLog, ValueBeside};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::stream::MAC;
use crate::{APPEND_PATIENCE, Common, away};

/// Room for the headers of a message.
const HEADERS_BYTES: usize = 4 * 1024;
/// What a server carries at least; see `ledger_bus::check`.
const PAYLOAD_BYTES_MIN: usize = 1024 * 1024;
/// Interval between looks whether what was appended is acknowledged.
const ACKNOWLEDGED_INTERVAL: Duration = Duration::from_millis(5);
/// Values of a group that are stored at the same time.
const VALUES_AT_ONCE: usize = 256;
/// Values that are replaced at the same time.
const REPLACED_AT_ONCE: usize = 64;

/// Appends to the stream while this node is at its end.
#[derive(Debug)]
pub(crate) struct StreamLog {
    common: Arc<Common>,
    jetstream: Context,
    runtime: Handle,
    /// The sequence of the last message, while this node writes.
    end: Mutex<Option<u64>>,
    /// Told when an append failed.
    failed: Notify,
}

impl StreamLog {
    pub(crate) fn new(common: Arc<Common>) -> Self {
        let mut jetstream = jetstream::new(common.client.clone());
        jetstream.set_timeout(APPEND_PATIENCE);
        let (end, failed) = (Mutex::new(None), Notify::new());
        Self { common, jetstream, runtime: Handle::current(), end, failed }
    }

    /// Appends a message directly after another. Returns its sequence.
    pub(crate) async fn append_after(&self, end: u64, body: Vec<u8>) -> Result<u64, Problem> {
        self.send(end, body).await?.await
    }

    /// Sends a message, and returns what waits for its acknowledgment.
    async fn send(
        &self,
        end: u64,
        body: Vec<u8>,
    ) -> Result<impl Future<Output = Result<u64, Problem>>, Problem> {
        let Common { engine, subjects, stream, client, .. } = &*self.common;
        if client.connection_state() != async_nats::connection::State::Connected {
            return Err(away("the NATS server does not respond"));
        }
        let sequence = end + 1;
        let mac = STANDARD.encode(engine.log_mac(sequence, &body));
        let message = PublishMessage::build()
            .payload(Bytes::from(body))
            .header(MAC, mac)
            .expected_last_sequence(end)
            .expected_stream(&stream.log.name);
        let failed = |error| away(format!("the log stream did not take a message: {error}"));
        let sent = self.jetstream.send_publish(subjects.log(), message).await.map_err(failed)?;
        let acknowledged = sent.into_future();
        Ok(async move {
            let acknowledged = acknowledged.await.map_err(failed)?;
            if acknowledged.sequence == sequence && !acknowledged.duplicate {
                return Ok(sequence);
            }
            let other = acknowledged.sequence;
            Err(away(format!("the log stream took message {sequence} as {other}")))
        })
    }

    /// Appends from this message on; the engine leads.
    pub(crate) fn begin(&self, end: u64) {
        *self.end.lock() = Some(end);
    }

    /// Appends no more.
    pub(crate) fn end(&self) {
        *self.end.lock() = None;
    }

    /// Forgets an append of a former term that failed after that ended.
    pub(crate) fn forget_failure(&self) {
        // Without one there is nothing to forget.
        let _: Option<()> = self.failed.notified().now_or_never();
    }

    /// Waits until an append fails.
    pub(crate) async fn until_failed(&self) {
        self.failed.notified().await;
    }

    async fn append_group(&self, end: Option<u64>, group: &Appended<'_>) -> Result<u64, Problem> {
        let end = end.ok_or_else(|| away("this node is not the writer"))?;
        let put = group.values.iter().map(|value| self.common.stream.put(&self.common, value));
        stream::iter(put).buffer_unordered(VALUES_AT_ONCE).try_collect::<()>().await?;
        let payload = self.common.client.server_info().max_payload.max(PAYLOAD_BYTES_MIN);
        let first = group.first.get();
        let parts = encode_group(first, &group.records, &group.beside, payload - HEADERS_BYTES);
        // Each part expects the one before, so whatever is lost, none is stored out of order.
        let mut waiting = Vec::with_capacity(parts.len());
        let mut last = end;
        for part in parts {
            waiting.push(self.send(last, part).await?);
            last += 1;
        }
        for acknowledged in waiting {
            acknowledged.await?;
        }
        Ok(last)
    }
}

/// A value beside the log that is looked at: its place among the names, and its name.
type Place<'a> = (usize, &'a String);

impl StreamLog {
    async fn replace_all(&self, names: &[String], anew: Anew<'_>) -> Result<(), Problem> {
        let places: Vec<Place<'_>> = names.iter().enumerate().collect();
        for chunk in places.chunks(REPLACED_AT_ONCE) {
            let (mut left, mut settled) = (chunk.to_vec(), Vec::with_capacity(chunk.len()));
            // What somebody else changes meanwhile is looked at again.
            while !left.is_empty() {
                left = self.replace_some(left, &mut *anew, &mut settled).await?;
            }
            let (common, stream) = (&self.common, &self.common.stream);
            let forget = settled.iter().map(|(name, end)| stream.forget_former(common, name, *end));
            try_join_all(forget).await?;
        }
        Ok(())
    }

    /// Returns those that were changed while they were replaced. Adds the others to `settled`, with
    /// the sequences of their values.
    async fn replace_some<'a>(
        &self,
        places: Vec<Place<'a>>,
        anew: Anew<'_>,
        settled: &mut Vec<(&'a String, u64)>,
    ) -> Result<Vec<Place<'a>>, Problem> {
        let (common, stream) = (&self.common, &self.common.stream);
        let read = places.iter().map(|(_, name)| stream.current(common, name));
        let found = try_join_all(read).await?;
        self.check_end().await?;
        let mut replaced = Vec::new();
        for ((place, name), found) in places.into_iter().zip(found) {
            let Some((sequence, value)) = found.filter(|(_, value)| !value.is_empty()) else {
                continue;
            };
            match anew(place, &value) {
                None => settled.push((name, sequence)),
                Some(value) => {
                    let value = ValueBeside { name: name.clone(), value, lifetime: None };
                    replaced.push(((place, name), value, sequence));
                }
            }
        }
        let put = replaced.iter().map(|(_, value, before)| stream.replace(common, value, *before));
        let stored = try_join_all(put).await?;
        let mut lost = Vec::new();
        for ((place, ..), stored) in replaced.into_iter().zip(stored) {
            match stored {
                Some(sequence) => settled.push((place.1, sequence)),
                None => lost.push(place),
            }
        }
        Ok(lost)
    }

    /// Checks that no other node has become the writer. So what was read before is not from after
    /// that, and nothing that another writer stored since is replaced.
    async fn check_end(&self) -> Result<(), Problem> {
        let name = &self.common.stream.log.name;
        let found = crate::stream::find(&self.common, name).await?;
        let last = found.map(|info| info.state.last_sequence);
        // What this node appends at the moment is stored before it is acknowledged.
        let until = Instant::now() + APPEND_PATIENCE;
        loop {
            match (last, *self.end.lock()) {
                (Some(last), Some(end)) if last <= end => return Ok(()),
                (Some(_), Some(_)) if Instant::now() < until => {}
                _ => return Err(away("this node is not the writer any more")),
            }
            sleep(ACKNOWLEDGED_INTERVAL).await;
        }
    }
}

impl GroupLog for StreamLog {
    fn replace(&self, names: &[String], anew: Anew<'_>) -> Result<(), String> {
        let replaced = self.replace_all(names, anew);
        self.runtime.block_on(replaced).map_err(|problem| problem.message)
    }

    fn destroy(&self, name: &str) -> Result<(), String> {
        let destroyed = self.common.stream.destroy(&self.common, name);
        self.runtime.block_on(destroyed).map_err(|problem| problem.message)
    }

    fn append(&self, group: &Appended<'_>) -> Result<u64, String> {
        let before = *self.end.lock();
        let appended = self.runtime.block_on(self.append_group(before, group));
        // Another term may have begun since, for which this says nothing.
        let mut end = self.end.lock();
        if *end == before {
            *end = appended.as_ref().ok().copied();
            if appended.is_err() {
                self.failed.notify_one();
            }
        }
        appended.map_err(|problem| problem.message)
    }
}
