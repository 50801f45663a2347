//! Rebuilding all read models from a long log, against reading that log and doing nothing with it.

use std::path::Path;
use std::time::Instant;

use ledger_contract::operations::{Progress, ReplayRequest};
use ledger_domain::Position;
use ledger_engine::Engine;
use ledger_store::tables::log;

use crate::failure::Outcome;
use crate::ground::Ground;
use crate::row::{Mark, Measured, RowName};
use crate::times::{as_f64, median, per_second};
use crate::{ledger, output};

const ATTEMPTS: usize = 3;

pub(super) async fn measure(ground: &mut Ground) -> Outcome<Measured> {
    let folder = ground.long_ledger().await?;
    let connections = ground.sizes().connections;
    let work = move || {
        let scanned = scans(&folder)?;
        let engine = ledger::open_blocking(folder)?;
        let mut replayed = Vec::new();
        let mut events = 0;
        for _ in 0..ATTEMPTS {
            let (count, rate) = replay(&engine)?;
            events = count;
            replayed.push(rate);
        }
        engine.shutdown();
        Outcome::Ok((events, median(replayed), median(scanned)))
    };
    let (events, ours, reference) = tokio::task::spawn_blocking(work).await??;
    let note = format!(
        "{events} events of {connections} connections into all three read models; medians of \
         {ATTEMPTS}"
    );
    let mark = (Mark::AtLeastAnd(0.25, 300_000.0), "≥ 0.25, ≥ 300,000/s");
    Ok(Measured::new(RowName::Replay, (ours, Some(reference)), "events/s", mark, note))
}

/// Rebuilds and swaps; returns the number of events and how many a second.
fn replay(engine: &Engine) -> Outcome<(u64, f64)> {
    let bar = output::bar("replaying", engine.head().get());
    let show = |progress: Progress| bar.set_position(progress.done);
    let report = engine.replay(&ReplayRequest::default(), &show)?;
    bar.finish_and_clear();
    Ok((report.events, as_f64(report.events) / report.seconds))
}

/// Reads the whole log of a closed ledger, several times.
fn scans(folder: &Path) -> Outcome<Vec<f64>> {
    let store = ledger::store(folder)?;
    let mut rates = Vec::new();
    // The first one finds out what the operating system has to read from disk.
    for attempt in 0..=ATTEMPTS {
        let started = Instant::now();
        let (mut rows, mut bytes) = (0, 0);
        let mut records = log::StoredRecords::walk_all(&store, Position::ZERO);
        while let Some((_, record)) = records.next_record()? {
            let copy: Box<[u8]> = record.bytes().into();
            rows += 1;
            bytes += std::hint::black_box(copy).len();
        }
        std::hint::black_box(bytes);
        if attempt > 0 {
            rates.push(per_second(rows, started.elapsed()));
        }
    }
    Ok(rates)
}
