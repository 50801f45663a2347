//! Reads under leases that are being answered.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// A read that is being answered. Keep it until the answer has been handed to the transport.
#[derive(Debug)]
pub(super) struct ReadInFlight {
    _of: watch::Receiver<()>,
}

/// The reads that are being answered, in groups: each group has those that began between two ends
/// of leases. The last group is the open one.
#[derive(Debug)]
pub(super) struct ReadsInFlight(Mutex<Vec<Arc<watch::Sender<()>>>>);

impl Default for ReadsInFlight {
    fn default() -> Self {
        Self(Mutex::new(vec![Arc::new(watch::Sender::new(()))]))
    }
}

impl ReadsInFlight {
    /// Begins a read. Whether the lease has ended is to be checked after this.
    pub(super) fn begin(&self) -> ReadInFlight {
        let mut groups = self.0.lock();
        if groups.is_empty() {
            groups.push(Arc::new(watch::Sender::new(())));
        }
        let open = groups.last().map(|open| open.subscribe());
        ReadInFlight { _of: open.unwrap_or_else(|| watch::Sender::new(()).subscribe()) }
    }

    /// Waits until every read that began before has been answered, for `longest`. Returns whether
    /// that is so.
    pub(super) async fn finish(&self, longest: Duration) -> bool {
        let deadline = Instant::now() + longest;
        let before = {
            let mut groups = self.0.lock();
            groups.retain(|group| group.receiver_count() > 0);
            let before = groups.clone();
            groups.push(Arc::new(watch::Sender::new(())));
            before
        };
        for group in before {
            if timeout_at(deadline, group.closed()).await.is_err() {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn what_began_before_is_waited_for_and_what_begins_later_is_not() {
        let reads = ReadsInFlight::default();
        assert!(reads.finish(Duration::ZERO).await, "nobody reads");
        let before = reads.begin();
        assert!(!reads.finish(Duration::ZERO).await);
        let later = reads.begin();
        let waiting = reads.finish(LONG);
        tokio::pin!(waiting);
        assert!(timeout(Duration::ZERO, waiting.as_mut()).await.is_err());
        drop(later);
        let pending = timeout(Duration::ZERO, waiting.as_mut()).await;
        assert!(pending.is_err(), "the first one still reads");
        let much_later = reads.begin();
        drop(before);
        assert!(waiting.await);
        drop(much_later);
    }
}
