//! Reads the current state of every connection.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use async_nats::jetstream::consumer::DeliverPolicy;
use ledger_domain::{Incarnation, Position};
use tokio::time::timeout;

use super::ledger::Listed;
use super::notice::{Notice, is_same};
use super::reached::Reached;
use super::reader::{self, ARRIVAL_MAX, PUBLISHING_MAX, Reader};
use super::{WatchScope, ledger};
use crate::connect::Client;

/// The states of all connections at one point.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// The latest notification of each connection, in the order of the log.
    pub(super) notices: Vec<Notice>,
    /// Up to where everything is included.
    pub(super) reached: Reached,
    /// The connections whose states are later than that, with their positions.
    pub(super) settled: HashMap<String, u64>,
}

/// Reads the states from the bucket, after the server has filled it with everything that is in the
/// event stream now. While the stream has not everything that is in the log, and if there is no
/// bucket, they come from the ledger itself, which may have `listed` some before.
pub(super) async fn read(
    client: &Client,
    scope: &WatchScope,
    listed: &mut Option<Listed>,
) -> Result<Snapshot, String> {
    let log_end = ledger::end(client, scope).await;
    let due = log_end.map_or(0, |end| end.point.position.get());
    let stream_end = reader::end_from(client, scope, due).await?;
    let newest = reader::newest(client, scope).await?;
    let history = log_end.and_then(|end| end.point.incarnation);
    let is_copy = newest.as_ref().is_none_or(|newest| newest.is_of(history));
    if stream_end < due || !is_copy {
        return ledger::states(client, scope, listed).await;
    }
    let history = history.or_else(|| newest.as_ref().and_then(|newest| newest.incarnation));
    let due = newest.map_or(0, |newest| newest.position);
    // Whoever can ask the ledger does not wait for a bucket that lags.
    let lag_max = if log_end.is_some() { PUBLISHING_MAX } else { ARRIVAL_MAX };
    let read = match open(client, scope).await {
        Ok(bucket) => read_bucket(bucket, due, history, lag_max).await,
        Err(missing) => Err(missing),
    };
    let snapshot = match read {
        Ok(Bucket { notices, history, is_whole: true }) => snapshot(notices, stream_end, history),
        Ok(_) | Err(_) if log_end.is_some() => return ledger::states(client, scope, listed).await,
        // Changes missing from the bucket are delivered from the event stream.
        Ok(Bucket { notices, history, .. }) => snapshot(notices, 0, history),
        Err(reason) => return Err(reason),
    };
    let active = snapshot.notices.iter().filter(|notice| notice.is_active()).count();
    match log_end {
        // It was made anew when the stream did not have all events any more.
        Some(end) if u64::try_from(active).is_ok_and(|active| active < end.connections) => {
            ledger::states(client, scope, listed).await
        }
        _ => Ok(snapshot),
    }
}

/// What was read from the bucket.
struct Bucket {
    /// What it has, in order, at least one notification unless nothing was due.
    notices: Vec<Notice>,
    history: Option<Incarnation>,
    /// Whether it had everything that was due.
    is_whole: bool,
}

/// Reads the bucket to its end. It has to have the event at position `due`, unless it lags.
///
/// A connection that changes in the meantime appears again with its later state. The server counts
/// it as pending until then, so the end is not reached earlier.
async fn read_bucket(
    bucket: Reader,
    due: u64,
    mut history: Option<Incarnation>,
    lag_max: Duration,
) -> Result<Bucket, String> {
    let (mut reader, mut position) = (bucket, 0);
    let (mut outstanding, mut notices) = (reader.outstanding, Vec::new());
    while outstanding > 0 || position < due {
        let patience = if outstanding > 0 { ARRIVAL_MAX } else { lag_max };
        let Ok(received) = timeout(patience, reader.next()).await else {
            if notices.is_empty() {
                return Err("the bucket lags behind the event stream".to_owned());
            }
            tracing::warn!(due, position, "the bucket lags behind the event stream");
            return Ok(Bucket { notices, history, is_whole: false });
        };
        let received = received?;
        outstanding = received.pending;
        let Some(notice) = Notice::read(received.message) else {
            continue;
        };
        if !notice.is_of(history) {
            return Err("the bucket has states of another history than the event stream".to_owned());
        }
        history = history.or(notice.incarnation);
        position = position.max(notice.position);
        notices.push(notice);
    }
    Ok(Bucket { notices, history, is_whole: true })
}

/// Opens the bucket.
async fn open(client: &Client, scope: &WatchScope) -> Result<Reader, String> {
    let subjects = client.subjects();
    let stream = format!("KV_{}", subjects.bucket_name());
    reader::open(client, &stream, scope.keys(subjects), DeliverPolicy::LastPerSubject).await
}

/// Returns the states that no later one of the same connection replaced. They include everything up
/// to `stream_end`, and perhaps later events.
fn snapshot(mut notices: Vec<Notice>, stream_end: u64, history: Option<Incarnation>) -> Snapshot {
    let last = notices.iter().max_by_key(|notice| notice.position);
    let mut reached = match last {
        Some(last) if last.position >= stream_end => Reached::at(last),
        _ => Reached::after(ledger_contract::ResumePoint {
            position: Position::new(stream_end),
            incarnation: history,
        }),
    };
    debug_assert!(is_same(reached.point.incarnation, history), "all are of one history");
    reached.point.incarnation = history;
    let mut seen = HashSet::new();
    notices.retain(Notice::about_connection);
    notices.reverse();
    notices.retain(|notice| seen.insert(notice.key().to_owned()));
    notices.reverse();
    Snapshot { notices, reached, settled: HashMap::new() }
}
