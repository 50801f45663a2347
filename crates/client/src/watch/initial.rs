//! Reads the current state of every connection.

use std::time::Duration;

use async_nats::jetstream::consumer::DeliverPolicy;
use futures::StreamExt as _;

use super::WatchScope;
use super::notice::Notice;
use super::reader::{self, Reader};
use crate::connect::Client;

/// How long the bucket may lag behind the event stream without progress before it is used anyway.
const LAG_MAX: Duration = Duration::from_secs(10);

/// The states of all connections at one position.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// The latest notification of each connection, in the order of the log.
    pub(super) notices: Vec<Notice>,
    /// The last position included.
    pub(super) position: u64,
}

/// Reads the bucket to its end, after the server has filled it with everything that is in the event
/// stream now.
///
/// A connection that changes in the meantime appears again with its later state. The server counts
/// it as pending until then, so the end is not reached earlier.
pub(super) async fn read(client: &Client, scope: &WatchScope) -> Result<Snapshot, String> {
    let due = last_event(client, scope).await?;
    let Reader { mut messages, mut outstanding } = open(client, scope).await?;
    let mut snapshot = Snapshot { notices: Vec::new(), position: 0 };
    while outstanding > 0 || snapshot.position < due {
        let Ok(message) = tokio::time::timeout(LAG_MAX, messages.next()).await else {
            // Changes missing from the bucket are delivered from the event stream.
            tracing::warn!(
                due,
                position = snapshot.position,
                "the bucket lags behind the event stream; continuing with its current content"
            );
            break;
        };
        let message = message.ok_or("the consumer of the bucket ended")?;
        let message = message.map_err(|error| error.to_string())?;
        outstanding = message.info().map_err(|error| error.to_string())?.pending;
        let Some(notice) = Notice::read(message.split().0) else {
            continue;
        };
        snapshot.position = snapshot.position.max(notice.position);
        if notice.about_connection() {
            snapshot.notices.push(notice);
        }
    }
    Ok(latest(snapshot))
}

/// Returns the position of the last event, or 0 if there is none.
///
/// Reads the last event, because stream information covers all workspaces and not every user may
/// request it.
async fn last_event(client: &Client, scope: &WatchScope) -> Result<u64, String> {
    let subjects = client.subjects();
    let (stream, filter) = (subjects.stream_name(), scope.events(subjects));
    let mut reader = reader::open(client, &stream, filter, DeliverPolicy::Last).await?;
    if reader.outstanding == 0 {
        return Ok(0);
    }
    let message = tokio::time::timeout(LAG_MAX, reader.messages.next()).await;
    let message = message.map_err(|_| format!("cannot read the last event of {stream}"))?;
    let message = message.ok_or_else(|| format!("the consumer of {stream} ended"))?;
    let message = message.map_err(|error| error.to_string())?;
    message.info().map(|info| info.stream_sequence).map_err(|error| error.to_string())
}

/// Opens the bucket.
async fn open(client: &Client, scope: &WatchScope) -> Result<Reader, String> {
    let subjects = client.subjects();
    let stream = format!("KV_{}", subjects.bucket_name());
    reader::open(client, &stream, scope.keys(subjects), DeliverPolicy::LastPerSubject).await
}

/// Removes states that a later one of the same connection replaced.
fn latest(mut snapshot: Snapshot) -> Snapshot {
    let mut seen = std::collections::HashSet::new();
    snapshot.notices.reverse();
    snapshot.notices.retain(|notice| seen.insert(notice.subject()));
    snapshot.notices.reverse();
    snapshot
}
