//! Watches connections: first their current states, then each change.
//!
//! A watcher reads two NATS streams. The KV bucket has the latest state of each connection. The
//! event stream has every change, and the sequence number of a message is the event's log position.
//! The server fills the bucket from the event stream in order. After the bucket has been read to
//! its end, the event stream therefore has exactly the changes after the greatest position in the
//! bucket.
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

/// Minimum and maximum wait before another attempt.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// The connections to watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchScope {
    /// The connections of every workspace.
    Everything,
    /// The connections of one workspace.
    Workspace(String),
}

impl WatchScope {
    /// Returns the subject filter of the events.
    fn events(&self, subjects: &Subjects) -> String {
        match self {
            Self::Everything => subjects.all_events(),
            Self::Workspace(workspace) => subjects.workspace_events(workspace),
        }
    }

    /// Returns the subject filter of the keys in the bucket.
    fn keys(&self, subjects: &Subjects) -> String {
        let bucket = subjects.bucket_name();
        match self {
            Self::Everything => format!("$KV.{bucket}.>"),
            Self::Workspace(workspace) => format!("$KV.{bucket}.{workspace}.>"),
        }
    }
}

/// An item of a watcher.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum WatchItem {
    /// The state of a connection when the watch began.
    Initial(Notice),
    /// Everything up to this position has been delivered. Changes follow.
    CaughtUp {
        /// The position.
        position: u64,
    },
    /// A change, delivered once and in log order.
    Change(Notice),
    /// The watch is interrupted and may be behind until [`Self::Resumed`]. This comes again if it
    /// turns out meanwhile that the NATS server refuses the login.
    Interrupted {
        /// The cause.
        reason: String,
    },
    /// The interruption is over. Missed changes follow.
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
    /// Watches connections from now on, or continues after an earlier position.
    ///
    /// Without a position, the first items are the states of all connections. To continue later,
    /// store the position of the last processed item and pass it as `after`.
    pub fn watch(&self, scope: WatchScope, after: Option<u64>) -> Watcher {
        let feed = feed::Feed::new(self.clone(), scope, after);
        let items = futures::stream::unfold(feed, |mut feed| async move {
            let item = feed.next().await;
            Some((item, feed))
        });
        Watcher(Box::pin(items))
    }
}
