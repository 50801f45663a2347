//! Reads where every connection stands.

use async_nats::jetstream;
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::OrderedConfig;
use futures::StreamExt as _;

use super::WatchScope;
use super::notice::Notice;
use crate::connect::Client;

/// Where every connection stood at one position.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// The latest notification of each connection, in the order of the log.
    pub(super) notices: Vec<Notice>,
    /// Everything up to here is in it.
    pub(super) position: u64,
}

/// Reads the bucket to its end.
///
/// A connection that changes meanwhile comes again with its later state; the server counts it as
/// outstanding until then, so the end is not reached before.
pub(super) async fn read(client: &Client, scope: &WatchScope) -> Result<Snapshot, String> {
    let bucket = client.subjects().bucket_name();
    let filter = match scope {
        WatchScope::Everything => format!("$KV.{bucket}.>"),
        WatchScope::Workspace(workspace) => format!("$KV.{bucket}.{workspace}.>"),
    };
    let config = OrderedConfig {
        deliver_policy: DeliverPolicy::LastPerSubject,
        filter_subject: filter,
        ..OrderedConfig::default()
    };
    let stream = format!("KV_{bucket}");
    let consumer = jetstream::new(client.nats.clone())
        .create_consumer_on_stream(config, &stream)
        .await
        .map_err(|error| format!("cannot read {stream}: {error}"))?;
    let mut outstanding = consumer.cached_info().num_pending;
    let mut messages = consumer.messages().await.map_err(|error| error.to_string())?;
    let mut snapshot = Snapshot { notices: Vec::new(), position: 0 };
    while outstanding > 0 {
        let message = messages
            .next()
            .await
            .ok_or("the bucket's reader ended")?
            .map_err(|error| error.to_string())?;
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

/// Drops states that a later one of the same connection has replaced.
fn latest(mut snapshot: Snapshot) -> Snapshot {
    let mut seen = std::collections::HashSet::new();
    snapshot.notices.reverse();
    snapshot.notices.retain(|notice| seen.insert(notice.subject()));
    snapshot.notices.reverse();
    snapshot
}
