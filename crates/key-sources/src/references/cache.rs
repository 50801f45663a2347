//! What services said, kept for a moment.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::{Content, Outside};

/// Limits of what is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// For how long; zero keeps nothing.
    pub(super) keep: Duration,
    /// How many contents.
    pub(super) entries: usize,
    /// How many bytes in all.
    pub(super) bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { keep: Duration::ZERO, entries: 1_024, bytes: 4 * 1024 * 1024 }
    }
}

/// Contents that are wiped when they leave.
pub(super) struct Cache {
    limits: Limits,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    contents: HashMap<Outside, (Content, Instant)>,
    /// The order in which they came, which is the order in which they go.
    order: VecDeque<(Outside, Instant)>,
    bytes: usize,
    /// How often everything was dropped.
    forgotten: u64,
}

impl Kept {
    /// Removes what is too old, and the oldest while there is too much.
    fn shrink(&mut self, limits: &Limits, now: Instant) {
        while let Some((outside, until)) = self.order.front() {
            let is_full = self.contents.len() > limits.entries || self.bytes > limits.bytes;
            if *until > now && !is_full {
                break;
            }
            let until = *until;
            let is_it = self.contents.get(outside).is_some_and(|(_, own)| *own == until);
            if is_it && let Some((content, _)) = self.contents.remove(outside) {
                self.bytes -= content.len_bytes();
            }
            self.order.pop_front();
        }
    }
}

impl Cache {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, kept: Arc::default() }
    }

    pub(super) fn get(&self, outside: &Outside) -> Option<Content> {
        let mut kept = lock(&self.kept);
        kept.shrink(&self.limits, Instant::now());
        kept.contents.get(outside).map(|(content, _)| Arc::clone(content))
    }

    /// Drops everything.
    pub(super) fn forget(&self) {
        let mut kept = lock(&self.kept);
        *kept = Kept { forgotten: kept.forgotten + 1, ..Kept::default() };
    }

    /// Returns how often everything was dropped.
    pub(super) fn forgotten(&self) -> u64 {
        lock(&self.kept).forgotten
    }

    /// Keeps a content for its time, unless it is there already, or everything was dropped since it
    /// was asked for.
    pub(super) fn put(&self, outside: Outside, content: &Content, since: u64) {
        if self.limits.keep.is_zero() || content.len_bytes() > self.limits.bytes {
            return;
        }
        let until = Instant::now() + self.limits.keep;
        let mut kept = lock(&self.kept);
        if kept.forgotten != since || kept.contents.contains_key(&outside) {
            return;
        }
        kept.bytes += content.len_bytes();
        kept.contents.insert(outside.clone(), (Arc::clone(content), until));
        kept.order.push_back((outside, until));
        kept.shrink(&self.limits, Instant::now());
        drop(kept);
        tokio::spawn(forget_at(until, self.limits, Arc::downgrade(&self.kept)));
    }
}

/// Removes what is too old at a time, although nobody asks.
async fn forget_at(until: Instant, limits: Limits, kept: Weak<Mutex<Kept>>) {
    tokio::time::sleep_until(until).await;
    if let Some(kept) = kept.upgrade() {
        lock(&kept).shrink(&limits, Instant::now());
    }
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cache({} contents)", lock(&self.kept).contents.len())
    }
}

#[cfg(test)]
mod tests {
    use ledger_domain::ReferenceKind;
    use ledger_vault::Plaintext;

    use super::*;

    fn outside(name: &str) -> Outside {
        (ReferenceKind::Vault, name.to_owned())
    }

    fn content(bytes: usize) -> Content {
        Arc::new(Plaintext::new(vec![b'x'; bytes]))
    }

    #[tokio::test(start_paused = true)]
    async fn contents_go_after_their_time_whether_or_not_anybody_asks() {
        let limits = Limits { keep: Duration::from_secs(30), ..Limits::default() };
        let cache = Cache::new(limits);
        let held = content(10);
        cache.put(outside("a"), &held, 0);
        assert!(cache.get(&outside("a")).is_some());
        tokio::time::sleep(Duration::from_secs(31)).await;
        assert_eq!(Arc::strong_count(&held), 1, "the cache holds it no more");
        assert!(cache.get(&outside("a")).is_none());
        let none = Cache::new(Limits::default());
        none.put(outside("a"), &held, 0);
        assert!(none.get(&outside("a")).is_none(), "zero keeps nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_asked_for_before_everything_was_dropped_is_not_kept() {
        let limits = Limits { keep: Duration::from_secs(30), ..Limits::default() };
        let cache = Cache::new(limits);
        let since = cache.forgotten();
        cache.put(outside("a"), &content(10), since);
        cache.forget();
        assert!(cache.get(&outside("a")).is_none());
        cache.put(outside("b"), &content(10), since);
        assert!(cache.get(&outside("b")).is_none(), "it was on its way when all was dropped");
        cache.put(outside("b"), &content(10), cache.forgotten());
        assert!(cache.get(&outside("b")).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_go_when_there_is_too_much() {
        let cache = Cache::new(Limits { keep: Duration::from_secs(30), entries: 2, bytes: 100 });
        for name in ["a", "b", "c"] {
            cache.put(outside(name), &content(10), 0);
        }
        assert!(cache.get(&outside("a")).is_none() && cache.get(&outside("c")).is_some());
        cache.put(outside("d"), &content(95), 0);
        assert!(cache.get(&outside("c")).is_none() && cache.get(&outside("d")).is_some());
        cache.put(outside("e"), &content(101), 0);
        assert!(cache.get(&outside("e")).is_none() && cache.get(&outside("d")).is_some());
    }
}
