//! The one task that reads new events for all feeds.

use std::sync::Arc;

use ledger_contract::errors::Problem;
use ledger_domain::Position;
use ledger_engine::Engine;
use tokio::sync::watch;

use super::frame::Notice;
use super::ring::Ring;
use super::stopped;
use crate::api::crashed;

/// Events that are read at once.
const BATCH: usize = 256;
/// Events before the end of the log that are kept ready when the first reader comes: those who
/// come back after a moment are a little behind.
const BACKLOG: u64 = 1_024;

/// Reads new events into the ring while somebody listens, until told to stop.
pub(super) async fn run(
    engine: Engine,
    ring: Arc<Ring>,
    mut readers: watch::Receiver<usize>,
    mut stop: watch::Receiver<bool>,
) {
    let mut head = engine.subscribe_head();
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => return,
            more = work(&ring, &mut readers, &mut head) => if !more { return },
        }
        let newest = head.borrow_and_update().get();
        let kept = ring.tail();
        // Nobody listened for long: what came meanwhile is read by those who ask for it.
        if newest.saturating_sub(kept) > BACKLOG {
            ring.restart(newest - BACKLOG);
        }
        if let Err(problem) = read(&engine, &ring).await {
            tracing::error!(
                ledger.position = ring.tail(),
                ledger.error.code = problem.code.as_str(),
                "events cannot be read for the feeds"
            );
            ring.fail(problem.code);
            // The same would fail again; the next event is a reason to look again.
            tokio::select! {
                biased;
                () = stopped(&mut stop) => return,
                moved = head.changed() => if moved.is_err() { return },
            }
        }
    }
}

/// Waits until somebody listens and there is something new. Returns false when there never will
/// be.
async fn work(
    ring: &Ring,
    readers: &mut watch::Receiver<usize>,
    head: &mut watch::Receiver<Position>,
) -> bool {
    loop {
        if readers.wait_for(|readers| *readers > 0).await.is_err() {
            return false;
        }
        let kept = ring.tail();
        if head.wait_for(|head| head.get() > kept).await.is_err() {
            return false;
        }
        if *readers.borrow() > 0 {
            return true;
        }
    }
}

/// Reads one batch, on a thread that may block.
async fn read(engine: &Engine, ring: &Ring) -> Result<(), Problem> {
    let after = Position::new(ring.tail());
    let notices = batch(engine, after, BATCH).await?;
    ring.push(notices);
    Ok(())
}

/// Reads up to `most` events after a position, on a thread that may block.
pub(super) async fn batch(
    engine: &Engine,
    after: Position,
    most: usize,
) -> Result<Vec<Arc<Notice>>, Problem> {
    let engine = engine.clone();
    let read = move || {
        let items = engine.notifications(after, most)?;
        Ok(items.into_iter().map(|item| Arc::new(Notice::of(item))).collect())
    };
    tokio::task::spawn_blocking(read).await.map_err(|failure| crashed(&failure))?
}
