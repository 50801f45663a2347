//! Feeds opened, read a little, and left: over HTTP, and watchers over NATS.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::StreamExt as _;
use ledger_client::{Client, ResumePoint, WatchScope};
use ledger_domain::Position;

use super::worker::Worker;
use crate::failure::Outcome;
use crate::load::Dice;
use crate::wire::Asker;

const EVENTS: &str = "/api/v1/events";
/// Pieces of a feed, and items of a watcher, that are read before leaving; one less than this at
/// most.
const PIECES: u64 = 10;

/// One who follows over HTTP, with a connection of its own each time.
pub(super) struct WebFollower {
    pub(super) asker: Asker,
    pub(super) dice: Dice,
    pub(super) head: Arc<AtomicU64>,
    pub(super) done: Arc<AtomicU64>,
}

impl Worker for WebFollower {
    async fn step(&mut self) -> Outcome<()> {
        let mut wire = self.asker.connect().await?;
        let after = self.dice.below(self.head.load(Ordering::Relaxed).max(1));
        let from_now = self.dice.below(2) == 0;
        if self.dice.below(4) == 0 {
            let path = format!("{EVENTS}?after={after}&wait=1s");
            wire.ask(&self.asker.get(&path, "application/json")).await?;
        } else {
            let path = if from_now { EVENTS.to_owned() } else { format!("{EVENTS}?after={after}") };
            wire.open(&self.asker.get(&path, "text/event-stream")).await?;
            // Some leave at once, others in the middle of an event.
            for _ in 0..self.dice.below(PIECES) {
                wire.piece().await?;
            }
        }
        self.done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

fn point(position: u64) -> ResumePoint {
    ResumePoint::in_any_history(Position::new(position))
}

/// One who watches over NATS.
pub(super) struct Watching {
    pub(super) client: Client,
    pub(super) dice: Dice,
    pub(super) head: Arc<AtomicU64>,
    pub(super) done: Arc<AtomicU64>,
}

impl Worker for Watching {
    async fn step(&mut self) -> Outcome<()> {
        let after = self.dice.below(self.head.load(Ordering::Relaxed).max(1));
        let items = 1 + usize::try_from(self.dice.below(PIECES))?;
        let watcher = self.client.watch(WatchScope::Everything, Some(point(after)));
        watcher.take(items).for_each(|_| std::future::ready(())).await;
        self.done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
