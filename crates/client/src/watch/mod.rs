//! Follows connections: first where they stand, then each change.
//!
//! Two streams of NATS serve this. The KV bucket holds the latest state of each connection; the
//! event stream holds every change, and the sequence number of a message there is the event's
//! position in the log. The bucket is filled from the event stream in order, so once it has been
//! read to its end, every change after the greatest position seen in it is still to come from the
//! event stream, and none before it is.

mod feed;
mod initial;
mod notice;
mod reader;
mod summary;

use std::time::Duration;

use futures::Stream;
use futures::stream::BoxStream;
use ledger_contract::subjects::Subjects;

pub use notice::Notice;

use crate::connect::Client;

/// How long to wait before the first further attempt, and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Which connections to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchScope {
    /// Those of every workspace.
    Everything,
    /// Those of one workspace.
    Workspace(String),
}

impl WatchScope {
    /// Which events those are.
    fn events(&self, subjects: &Subjects) -> String {
        match self {
            Self::Everything => subjects.all_events(),
            Self::Workspace(workspace) => subjects.workspace_events(workspace),
        }
    }

    /// Which keys of the bucket those are, as subjects.
    fn keys(&self, subjects: &Subjects) -> String {
        let bucket = subjects.bucket_name();
        match self {
            Self::Everything => format!("$KV.{bucket}.>"),
            Self::Workspace(workspace) => format!("$KV.{bucket}.{workspace}.>"),
        }
    }
}

/// What a watcher is told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum WatchItem {
    /// The state of a connection when watching began.
    Initial(Notice),
    /// Everything up to this position has been told; what follows are changes.
    CaughtUp {
        /// The position.
        position: u64,
    },
    /// A change, told once and in the order of the log.
    Change(Notice),
    /// From now on changes may be happening that cannot be told yet.
    Interrupted {
        /// Why.
        reason: String,
    },
    /// The interruption is over; what was missed comes next.
    Resumed,
}

/// A stream of [`WatchItem`]s that ends only when the watcher is dropped.
pub struct Watcher(BoxStream<'static, WatchItem>);

impl std::fmt::Debug for Watcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watcher(..)")
    }
}

impl Stream for Watcher {
    type Item = WatchItem;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<WatchItem>> {
        self.0.as_mut().poll_next(context)
    }
}

impl Client {
    /// Follows connections from now on, or from after a position that was told before.
    ///
    /// Without a position, the first items are the states of all connections. Remember the
    /// position of the last item dealt with, and pass it as `after` to go on from there later.
    pub fn watch(&self, scope: WatchScope, after: Option<u64>) -> Watcher {
        let feed = feed::Feed::new(self.clone(), scope, after);
        let items = futures::stream::unfold(feed, |mut feed| async move {
            let item = feed.next().await;
            Some((item, feed))
        });
        Watcher(Box::pin(items))
    }
}
