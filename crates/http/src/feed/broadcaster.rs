//! The task that reads new events for all feeds.

use std::sync::Arc;

use ledger_contract::errors::Problem;
use ledger_domain::Position;
use ledger_engine::{Engine, Outbox, log_fault};
use tokio::sync::watch;

use super::frame::Notice;
use super::ring::Ring;
use super::stop::stopped;
use crate::crashed::crashed;

/// Events in one read.
const BATCH: usize = 256;
/// Events before the end of the log that are loaded when the first reader connects, because
/// reconnecting readers are slightly behind.
const BACKLOG: u64 = 1_024;

/// Reads new events into the ring while there are readers, until stopped.
pub(super) async fn run(
    engine: Engine,
    ring: Arc<Ring>,
    mut readers: watch::Receiver<usize>,
    mut stop: watch::Receiver<bool>,
) {
    let mut head = engine.subscribe_head();
    loop {
        let found = tokio::select! {
            biased;
            () = stopped(&mut stop) => return,
            found = work(&ring, &mut readers, &mut head) => found,
        };
        let Some(listeners) = found else { return };
        let newest = head.borrow_and_update().get();
        if let Some(position) = skip(ring.tail(), newest, listeners, ring.events_max()) {
            ring.restart(position);
        }
        if let Err(problem) = read(&engine, &ring).await {
            log_fault(&problem);
            tracing::error!(
                ledger.position = ring.tail(),
                ledger.error.code = problem.code.as_str(),
                "events cannot be read for the feeds"
            );
            ring.fail(problem.code);
            // An immediate retry would fail again, so the next event triggers it.
            tokio::select! {
                biased;
                () = stopped(&mut stop) => return,
                moved = head.changed() => if moved.is_err() { return },
            }
        }
    }
}

/// The presence of readers since the last read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listeners {
    /// The first reader connected after a time without readers.
    Came,
    /// There were readers all the time.
    Stayed,
}

/// Waits until there are readers and new events. Returns nothing when the ledger is closing.
async fn work(
    ring: &Ring,
    readers: &mut watch::Receiver<usize>,
    head: &mut watch::Receiver<Position>,
) -> Option<Listeners> {
    let mut listeners = Listeners::Stayed;
    loop {
        if *readers.borrow() == 0 {
            listeners = Listeners::Came;
        }
        readers.wait_for(|readers| *readers > 0).await.ok()?;
        let kept = ring.tail();
        head.wait_for(|head| head.get() > kept).await.ok()?;
        if *readers.borrow() > 0 {
            return Some(listeners);
        }
    }
}

/// Returns the position after which to continue if some new events are to be skipped. Events that
/// arrived without readers are skipped except for a backlog, and are read from the log on demand.
/// Events that readers wait for are skipped only if the ring cannot hold them.
fn skip(kept: u64, newest: u64, listeners: Listeners, ring_events: usize) -> Option<u64> {
    let holds = u64::try_from(ring_events).unwrap_or(u64::MAX);
    let most = match listeners {
        Listeners::Came => BACKLOG.min(holds),
        Listeners::Stayed => holds,
    };
    (newest.saturating_sub(kept) > most).then(|| newest - most)
}

/// Reads one batch, on a thread that may block.
async fn read(engine: &Engine, ring: &Ring) -> Result<(), Problem> {
    let after = Position::new(ring.tail());
    // What readers wait for is in memory, so there are no states to carry on.
    let (notices, _) = batch(engine, engine.outbox(), after, BATCH).await?;
    ring.push(notices);
    Ok(())
}

/// Reads up to `most` events after a position, on a thread that may block.
pub(super) async fn batch(
    engine: &Engine,
    mut outbox: Outbox,
    after: Position,
    most: usize,
) -> Result<(Vec<Arc<Notice>>, Outbox), Problem> {
    let incarnation = engine.identity().incarnation;
    let read = move || {
        let items = outbox.read(after, most)?.into_iter();
        let notices = items.map(|item| Arc::new(Notice::of(item, incarnation))).collect();
        Ok((notices, outbox))
    };
    tokio::task::spawn_blocking(read).await.map_err(|failure| crashed(&failure))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_that_readers_wait_for_are_kept_if_the_ring_can_hold_them() {
        let ring = 8_192;
        assert_eq!(skip(100, 100 + BACKLOG, Listeners::Came, ring), None);
        assert_eq!(skip(100, 5_000, Listeners::Came, ring), Some(5_000 - BACKLOG));
        assert_eq!(skip(100, 5_000, Listeners::Stayed, ring), None);
        assert_eq!(skip(100, 8_292, Listeners::Stayed, ring), None);
        assert_eq!(skip(100, 8_293, Listeners::Stayed, ring), Some(101));
        assert_eq!(skip(0, 10, Listeners::Came, 3), Some(7), "no more than the ring holds");
    }

    #[tokio::test]
    async fn staying_readers_are_distinguished_from_new_ones() {
        let ring = Ring::new(0, 10, 1_000);
        let (readers, mut reading) = watch::channel(1_usize);
        let (_head, mut news) = watch::channel(Position::new(1));
        let stayed = work(&ring, &mut reading, &mut news).await;
        assert_eq!(stayed, Some(Listeners::Stayed));
        readers.send_replace(0);
        let (came, ()) = tokio::join!(work(&ring, &mut reading, &mut news), async {
            readers.send_replace(1);
        });
        assert_eq!(came, Some(Listeners::Came));
    }
}
