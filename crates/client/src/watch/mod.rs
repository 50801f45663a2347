//! Watches connections: first their current states, then each change.
//!
//! A watcher reads two NATS streams. The KV bucket has the latest state of each connection. The
//! event stream has the newest changes, and the sequence number of a message is the event's log
//! position. The server fills the bucket from the event stream in order. After the bucket has been
//! read to its end, the event stream therefore has exactly the changes after that. Without a
//! bucket, or while the stream is being filled, the states come from the ledger itself.
//!
//! ```text
//! initial: read the states ──> opening: is the event where we stand still there? ──> feed: changes
//!     ^                            │ no, or it belongs to another history              │
//!     └──── WatchItem::Restarted ──┴──────── an event of another history ──────────────┘
//! ```

mod feed;
mod initial;
mod ledger;
mod notice;
mod opening;
mod reached;
mod reader;
mod restart;
mod summary;
mod window;

use std::time::Duration;

use futures::Stream;
use futures::stream::BoxStream;
use ledger_contract::ResumePoint;
use ledger_contract::subjects::Subjects;

pub use notice::Notice;
pub(crate) use notice::is_same;
pub use restart::Restart;

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
    /// The state of a connection when the watch began, or began anew. An archived connection may
    /// be left out.
    Initial(Notice),
    /// Everything up to this point has been delivered. Changes follow.
    CaughtUp {
        /// The point.
        point: ResumePoint,
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
    /// The watch starts anew, because what was delivered before does not lead to what is there now:
    /// the ledger was restored, or the watcher was away for longer than the event stream keeps
    /// events. The current states follow as [`Self::Initial`], then [`Self::CaughtUp`]. What is
    /// not among them is gone, and what was known before is best kept until then.
    Restarted {
        /// The reason.
        reason: Restart,
    },
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
    /// Watches connections from now on, or continues after an earlier point.
    ///
    /// Without a point, the first items are the states of all connections. To continue later, store
    /// [`Notice::resume_point`] of the last processed item and pass it as `after`. If that is not
    /// possible any more, the first item is [`WatchItem::Restarted`].
    pub fn watch(&self, scope: WatchScope, after: Option<ResumePoint>) -> Watcher {
        let feed = feed::Feed::new(self.clone(), scope, after);
        let items = futures::stream::unfold(feed, |mut feed| async move {
            let item = feed.next().await;
            Some((item, feed))
        });
        Watcher(Box::pin(items))
    }
}
