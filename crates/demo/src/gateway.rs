//! A gateway: watches, prints each change, and records everything it received.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt as _;
use ledger_client::{Notice, WatchItem, Watcher};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::error::DemoError;
use crate::output::tell;

/// How long a change may take to arrive, including a restart of the server.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which lines a gateway prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verbosity {
    /// Every change.
    Full,
    /// The first changes, then only special ones.
    Brief {
        /// How many changes to print.
        first: u64,
    },
    /// None.
    Silent,
}

/// Everything that a gateway has received.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Number of initial states.
    pub(crate) initial: u64,
    /// Position at which the initial states ended.
    pub(crate) caught_up: Option<u64>,
    /// Position of each change, in order of arrival.
    pub(crate) changes: Vec<u64>,
    /// The latest notification of each connection.
    pub(crate) latest: BTreeMap<String, serde_json::Value>,
    pub(crate) interruptions: u64,
}

impl Seen {
    /// Returns the last position received.
    fn position(&self) -> u64 {
        self.changes.last().copied().or(self.caught_up).unwrap_or_default()
    }
}

/// A running gateway.
#[derive(Debug)]
pub(crate) struct Gateway {
    seen: watch::Receiver<Seen>,
    verbosity: watch::Sender<Verbosity>,
    task: JoinHandle<()>,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Gateway {
    /// Starts watching.
    pub(crate) fn start(mut items: Watcher, verbosity: Verbosity) -> Self {
        let (sender, seen) = watch::channel(Seen::default());
        let (verbosity, hears) = watch::channel(verbosity);
        let task = tokio::spawn(async move {
            while let Some(item) = items.next().await {
                let printed = sender.borrow().changes.len() as u64;
                if print(&item, *hears.borrow(), printed).is_err() {
                    return;
                }
                sender.send_modify(|seen| remember(seen, item));
            }
        });
        Self { seen, verbosity, task }
    }

    /// Changes which lines are printed.
    pub(crate) fn set_verbosity(&self, verbosity: Verbosity) {
        self.verbosity.send_replace(verbosity);
    }

    /// Returns everything received so far.
    pub(crate) fn seen(&self) -> Seen {
        self.seen.borrow().clone()
    }

    /// Waits until everything up to a position has been received.
    pub(crate) async fn wait_for(&self, position: u64) -> Result<(), DemoError> {
        let what = format!("position {position}");
        self.wait(&what, |seen| seen.caught_up.is_some() && seen.position() >= position).await
    }

    /// Waits until a condition holds for what was received.
    pub(crate) async fn wait(
        &self,
        what: &str,
        holds: impl FnMut(&Seen) -> bool,
    ) -> Result<(), DemoError> {
        let mut seen = self.seen.clone();
        let due = seen.wait_for(holds);
        match tokio::time::timeout(PATIENCE, due).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(DemoError::unexpected("the gateway has stopped")),
            Err(_) => {
                Err(DemoError::unexpected(format!("timed out waiting for {what} at the gateway")))
            }
        }
    }
}

fn print(item: &WatchItem, verbosity: Verbosity, printed: u64) -> Result<(), DemoError> {
    match (item, verbosity) {
        (_, Verbosity::Silent) | (WatchItem::Initial(_), _) => Ok(()),
        (WatchItem::Change(notice), Verbosity::Full) => line(notice),
        (WatchItem::Change(notice), Verbosity::Brief { first }) if printed < first => line(notice),
        (WatchItem::Change(_), Verbosity::Brief { first }) if printed == first => {
            tell("      gateway <- ... (more changes, not printed)")
        }
        (WatchItem::Interrupted { reason }, _) => {
            tell(format!("      gateway <- interrupted: {reason}"))
        }
        (WatchItem::Resumed, _) => tell("      gateway <- resumed"),
        (WatchItem::CaughtUp { point }, _) => {
            tell(format!("      gateway <- caught up at position {}", point.position))
        }
        (WatchItem::Restarted { reason }, _) => {
            tell(format!("      gateway <- starts anew: {reason}"))
        }
        _ => Ok(()),
    }
}

fn line(notice: &Notice) -> Result<(), DemoError> {
    tell(format!("      gateway <- {}", notice.summary()))
}

fn remember(seen: &mut Seen, item: WatchItem) {
    match item {
        WatchItem::Initial(notice) => {
            seen.initial += 1;
            keep(seen, &notice);
        }
        WatchItem::CaughtUp { point } => seen.caught_up = Some(point.position.get()),
        WatchItem::Restarted { .. } => {
            seen.changes.clear();
            seen.latest.clear();
        }
        WatchItem::Change(notice) => {
            seen.changes.push(notice.position);
            keep(seen, &notice);
        }
        WatchItem::Interrupted { .. } => seen.interruptions += 1,
        _ => {}
    }
}

fn keep(seen: &mut Seen, notice: &Notice) {
    let value: serde_json::Value = serde_json::from_slice(notice.json()).unwrap_or_default();
    if let Some(id) = value.pointer("/connection/id").and_then(serde_json::Value::as_str) {
        seen.latest.insert(id.to_owned(), value.clone());
    }
}
