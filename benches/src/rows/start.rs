//! Opening a ledger with a long log, against opening one with a short log.

use std::path::PathBuf;
use std::time::Instant;

use crate::failure::Outcome;
use crate::ground::Ground;
use crate::ledger;
use crate::row::{Mark, Measured, RowName};
use crate::times::median;

const ATTEMPTS: usize = 5;

pub(super) async fn measure(ground: &mut Ground) -> Outcome<Measured> {
    let small = ground.small_ledger().await?;
    let large = ground.long_ledger().await?;
    let work = move || {
        let (mut of_small, mut of_large) = (Vec::new(), Vec::new());
        let mut events = [0, 0];
        // The first opening tidies up after the filling, and is not counted.
        for attempt in 0..=ATTEMPTS {
            let (short, first) = open(small.clone())?;
            let (long, second) = open(large.clone())?;
            events = [first, second];
            if attempt > 0 {
                of_small.push(short);
                of_large.push(long);
            }
        }
        Outcome::Ok((events, median(of_small), median(of_large)))
    };
    let ([few, many], reference, ours) = tokio::task::spawn_blocking(work).await??;
    let note =
        format!("{many} events against {few}; medians of {ATTEMPTS}, after an orderly shutdown");
    let mark = (Mark::AtMost(3.0), "≤ 3 x");
    Ok(Measured::new(RowName::Start, (ours, Some(reference)), "ms", mark, note))
}

/// Opens a ledger and closes it again; returns how long the opening took, in milliseconds, and how
/// many events there are.
fn open(folder: PathBuf) -> Outcome<(f64, u64)> {
    let started = Instant::now();
    let engine = ledger::open_blocking(folder)?;
    let took = started.elapsed();
    let events = engine.head().get();
    engine.shutdown();
    Ok((took.as_secs_f64() * 1_000.0, events))
}
