//! What somebody knows who follows a watcher.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use ledger_client::{Notice, ResumePoint, WatchItem, Watcher};
use serde_json::Value;

use crate::wait::PATIENCE;

/// Applies the items of a watcher, and checks that they come in order.
pub(crate) struct Follower {
    items: Watcher,
    states: BTreeMap<String, Value>,
    /// The new states, until they are complete.
    next: Option<BTreeMap<String, Value>>,
    /// The words of all restarts.
    pub(crate) restarts: Vec<&'static str>,
    pub(crate) interruptions: usize,
    /// The last point.
    pub(crate) last: Option<ResumePoint>,
    /// Positions of the changes since it last caught up.
    pub(crate) changes: Vec<u64>,
}

impl Follower {
    /// Follows a watcher that begins with the current states, or goes on.
    pub(crate) fn new(items: Watcher, after: Option<ResumePoint>) -> Self {
        let next = after.is_none().then(BTreeMap::new);
        Self {
            items,
            states: BTreeMap::new(),
            next,
            restarts: Vec::new(),
            interruptions: 0,
            last: after,
            changes: Vec::new(),
        }
    }

    /// Takes items until a condition holds.
    pub(crate) async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let taking = async {
            while !holds(self) {
                let item = self.items.next().await.expect("a watch never ends");
                self.take(item);
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, taking).await.is_ok();
        assert!(in_time, "not within {PATIENCE:?}: {what}; {}", self.described());
    }

    /// Takes items until the initial states are complete.
    pub(crate) async fn until_caught_up(&mut self) {
        self.until("it catches up", |seen| seen.next.is_none()).await;
    }

    /// Takes items until the states are those that the ledger lists.
    pub(crate) async fn until_equal_to(&mut self, listed: &[Value]) {
        self.until("its states are those of the list", |seen| {
            seen.next.is_none() && is_equal(&seen.states, listed)
        })
        .await;
    }

    fn described(&self) -> String {
        let Self { restarts, interruptions, last, changes, .. } = self;
        let slugs: Vec<_> = self.states.values().map(|view| view["slug"].to_string()).collect();
        format!("{restarts:?}, {interruptions} interruptions, {last:?}, {changes:?}, {slugs:?}")
    }

    fn take(&mut self, item: WatchItem) {
        match item {
            WatchItem::Initial(notice) => {
                let next = self.next.as_mut().expect("states come first");
                keep(next, &notice);
            }
            WatchItem::CaughtUp { point } => {
                self.states = self.next.take().expect("it was not caught up");
                self.last = Some(point);
                self.changes.clear();
            }
            WatchItem::Change(notice) => {
                let last = self.last.expect("it has caught up");
                assert!(self.next.is_none(), "a change among the states");
                assert_eq!(notice.incarnation, last.incarnation, "an event of another history");
                assert!(notice.position > last.position.get(), "{notice:?} after {last}");
                keep(&mut self.states, &notice);
                self.last = Some(notice.resume_point());
                self.changes.push(notice.position);
            }
            WatchItem::Restarted { reason } => {
                self.restarts.push(reason.as_str());
                self.next = Some(BTreeMap::new());
            }
            WatchItem::Interrupted { .. } => self.interruptions += 1,
            WatchItem::Resumed => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Returns whether states by id are those of the list. An archived connection may be left out.
pub(crate) fn is_equal(states: &BTreeMap<String, Value>, listed: &[Value]) -> bool {
    let found = |view: &&Value| states.contains_key(view["id"].as_str().unwrap_or_default());
    let (known, others): (Vec<_>, Vec<_>) = listed.iter().partition(found);
    states.values().eq(known) && others.iter().all(|view| view["lifecycle"] == "archived")
}

/// Keeps the state in a notification, as the ledger lists it.
fn keep(states: &mut BTreeMap<String, Value>, notice: &Notice) {
    let told: Value = serde_json::from_slice(notice.json()).expect("JSON");
    if let Some(id) = told["connection"]["id"].as_str() {
        states.insert(id.to_owned(), told["connection"].clone());
    }
}
