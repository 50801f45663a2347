//! Reads where every connection stands.

use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::{Ordered, OrderedConfig};
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use futures::StreamExt as _;

use super::WatchScope;
use super::notice::Notice;
use crate::connect::Client;

/// How long the bucket may stand still behind the event stream before it is taken as it is.
const LAG_MAX: Duration = Duration::from_secs(10);

/// Where every connection stood at one position.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// The latest notification of each connection, in the order of the log.
    pub(super) notices: Vec<Notice>,
    /// Everything up to here is in it.
    pub(super) position: u64,
}

/// Reads the bucket to its end, and not before the server has filled it with everything that is
/// in the event stream now.
///
/// A connection that changes meanwhile comes again with its later state; the server counts it as
/// outstanding until then, so the end is not reached before.
pub(super) async fn read(client: &Client, scope: &WatchScope) -> Result<Snapshot, String> {
    let due = last_event(client, scope).await?;
    let (mut messages, mut outstanding) = open(client, scope).await?;
    let mut snapshot = Snapshot { notices: Vec::new(), position: 0 };
    while outstanding > 0 || snapshot.position < due {
        let Ok(message) = tokio::time::timeout(LAG_MAX, messages.next()).await else {
            // What the bucket lacks is told as changes.
            tracing::warn!(due, position = snapshot.position, "the bucket is not being filled");
            break;
        };
        let message = message.ok_or("the bucket's reader ended")?;
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

/// Returns the position of the last event there is; 0 when there is none.
async fn last_event(client: &Client, scope: &WatchScope) -> Result<u64, String> {
    let name = client.subjects().stream_name();
    let stream = jetstream::new(client.nats.clone())
        .get_stream(&name)
        .await
        .map_err(|error| format!("cannot read {name}: {error}"))?;
    match scope {
        WatchScope::Everything => Ok(stream.cached_info().state.last_sequence),
        WatchScope::Workspace(workspace) => {
            let filter = client.subjects().workspace_events(workspace);
            match stream.get_last_raw_message_by_subject(&filter).await {
                Ok(message) => Ok(message.sequence),
                Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(0),
                Err(error) => Err(format!("cannot read {name}: {error}")),
            }
        }
    }
}

/// Opens the bucket, and tells how many states are outstanding.
async fn open(client: &Client, scope: &WatchScope) -> Result<(Ordered, u64), String> {
    let bucket = client.subjects().bucket_name();
    let config = OrderedConfig {
        deliver_policy: DeliverPolicy::LastPerSubject,
        filter_subject: match scope {
            WatchScope::Everything => format!("$KV.{bucket}.>"),
            WatchScope::Workspace(workspace) => format!("$KV.{bucket}.{workspace}.>"),
        },
        ..OrderedConfig::default()
    };
    let stream = format!("KV_{bucket}");
    let failed = |error: &dyn std::fmt::Display| format!("cannot read {stream}: {error}");
    let consumer = jetstream::new(client.nats.clone())
        .create_consumer_on_stream(config, &stream)
        .await
        .map_err(|error| failed(&error))?;
    let outstanding = consumer.cached_info().num_pending;
    let messages = consumer.messages().await.map_err(|error| failed(&error))?;
    Ok((messages, outstanding))
}

/// Drops states that a later one of the same connection has replaced.
fn latest(mut snapshot: Snapshot) -> Snapshot {
    let mut seen = std::collections::HashSet::new();
    snapshot.notices.reverse();
    snapshot.notices.retain(|notice| seen.insert(notice.subject()));
    snapshot.notices.reverse();
    snapshot
}
