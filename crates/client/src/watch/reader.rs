//! Stream consumers that request only what their filter permits.
//!
//! They are never recreated behind the back of the watcher: whatever ends one makes the watcher
//! look again where it stands, because the stream may have been made anew. Most of them are for one
//! look, so each is ended on the server as soon as it is not needed any more.

use std::mem;
use std::time::Duration;

use async_nats::Message;
use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::pull::{Config, Stream};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use futures::StreamExt as _;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout};

use super::WatchScope;
use super::notice::Notice;
use crate::connect::Client;
use crate::moment::new_consumer_name;

/// Messages in one request to the server.
pub(super) const BATCH: usize = 500;
/// Interval of heartbeats. After two missed ones, the consumer counts as lost.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// After this silence, the server removes a consumer that nobody ended.
const INACTIVE_MAX: Duration = Duration::from_secs(30);
/// How long a message that is there may take to arrive.
pub(super) const ARRIVAL_MAX: Duration = Duration::from_secs(10);
/// How long to wait for events that the ledger is publishing at the moment.
pub(super) const PUBLISHING_MAX: Duration = Duration::from_secs(1);
/// First wait between two looks at the end of a stream.
const LOOK_INTERVAL_MIN: Duration = Duration::from_millis(50);

/// A consumer of a stream.
pub(super) struct Reader {
    jetstream: Context,
    stream: String,
    name: String,
    messages: Stream,
    /// Number of messages received.
    received: u64,
    /// The sequence at which it starts: a later one than requested if the stream begins later.
    pub(super) start: u64,
    /// The number of messages that were pending at first.
    pub(super) outstanding: u64,
}

impl Drop for Reader {
    /// Ends the consumer. The program goes on meanwhile.
    fn drop(&mut self) {
        // Without a runtime the program is ending, and the server removes the consumer by itself.
        let Ok(runtime) = Handle::try_current() else { return };
        let (jetstream, stream, name) =
            (self.jetstream.clone(), mem::take(&mut self.stream), mem::take(&mut self.name));
        runtime.spawn(async move {
            if let Err(error) = jetstream.delete_consumer_from_stream(name, &stream).await {
                tracing::debug!(%error, nats.stream = stream, "a consumer was not ended");
            }
        });
    }
}

/// A message of a stream.
pub(super) struct Received {
    pub(super) message: Message,
    /// Number of messages that follow.
    pub(super) pending: u64,
}

impl Reader {
    /// Waits for the next message.
    pub(super) async fn next(&mut self) -> Result<Received, String> {
        let failed = |error: &dyn std::fmt::Display| format!("reading {}: {error}", self.stream);
        let ended = || failed(&"the consumer ended");
        let message = self.messages.next().await.ok_or_else(ended)?;
        let message = message.map_err(|error| failed(&error))?;
        let info = message.info().map_err(|error| failed(&error))?;
        let (number, pending) = (info.consumer_sequence, info.pending);
        if number != self.received + 1 {
            return Err(failed(&"messages were lost on the way"));
        }
        self.received = number;
        Ok(Received { message: message.split().0, pending })
    }

    /// Waits for a message that is there.
    pub(super) async fn arrival(&mut self) -> Result<Received, String> {
        match timeout(ARRIVAL_MAX, self.next()).await {
            Ok(received) => received,
            Err(_) => Err(format!("reading {}: a message did not arrive", self.stream)),
        }
    }
}

/// Opens a consumer.
///
/// It is named, because only then is the filter part of the subject of the request, which the NATS
/// server's permissions can check: `$JS.API.CONSUMER.CREATE.<stream>.<name>.<filter>`.
pub(super) async fn open(
    client: &Client,
    stream: &str,
    filter_subject: String,
    deliver_policy: DeliverPolicy,
) -> Result<Reader, String> {
    let failed = |error: &dyn std::fmt::Display| format!("cannot read {stream}: {error}");
    let (jetstream, name) = (client.jetstream(), new_consumer_name());
    let config = Config {
        name: Some(name.clone()),
        deliver_policy,
        filter_subject,
        ack_policy: AckPolicy::None,
        inactive_threshold: INACTIVE_MAX,
        num_replicas: 1,
        memory_storage: true,
        ..Config::default()
    };
    let created = jetstream.create_consumer_on_stream(config, stream).await;
    let consumer = created.map_err(|error| failed(&error))?;
    let info = consumer.cached_info();
    let (start, outstanding) = (info.delivered.stream_sequence + 1, info.num_pending);
    let messages = consumer.stream().max_messages_per_batch(BATCH).heartbeat(HEARTBEAT).messages();
    let messages = messages.await.map_err(|error| failed(&error))?;
    let stream = stream.to_owned();
    Ok(Reader { jetstream, stream, name, messages, received: 0, start, outstanding })
}

/// Opens a consumer of the event stream.
pub(super) async fn events(
    client: &Client,
    scope: &WatchScope,
    deliver_policy: DeliverPolicy,
) -> Result<Reader, String> {
    let subjects = client.subjects();
    open(client, &subjects.stream_name(), scope.events(subjects), deliver_policy).await
}

/// Returns the sequence at which the stream begins, whatever the workspace of its first event.
pub(super) async fn begin(client: &Client, scope: &WatchScope) -> Result<u64, String> {
    let policy = DeliverPolicy::ByStartSequence { start_sequence: 1 };
    Ok(events(client, scope, policy).await?.start)
}

/// Returns the sequence of the last event in the stream, whatever its workspace, or 0.
///
/// A consumer of new messages begins after it. Information about the stream covers all workspaces,
/// and not every user may request it.
pub(super) async fn end(client: &Client, scope: &WatchScope) -> Result<u64, String> {
    let reader = events(client, scope, DeliverPolicy::New).await?;
    Ok(reader.start.saturating_sub(1))
}

/// Returns the end of the stream once that is at `due` or later, or where it is after the time that
/// publishing normally takes.
pub(super) async fn end_from(client: &Client, scope: &WatchScope, due: u64) -> Result<u64, String> {
    let until = Instant::now() + PUBLISHING_MAX;
    let mut pause = LOOK_INTERVAL_MIN;
    loop {
        let end = end(client, scope).await?;
        if end >= due || Instant::now() >= until {
            return Ok(end);
        }
        sleep(pause).await;
        pause *= 2;
    }
}

/// Returns the last event of the scope that the stream has.
pub(super) async fn newest(client: &Client, scope: &WatchScope) -> Result<Option<Notice>, String> {
    let mut reader = events(client, scope, DeliverPolicy::Last).await?;
    if reader.outstanding == 0 {
        return Ok(None);
    }
    let received = reader.arrival().await?;
    let unreadable = || "the last event of the stream cannot be read".to_owned();
    Notice::read(received.message).map(Some).ok_or_else(unreadable)
}
