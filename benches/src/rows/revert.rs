//! Reverting a connection with many versions, against one with few.

use std::time::Instant;

use ledger_engine::Engine;

use crate::failure::Outcome;
use crate::flight::fly;
use crate::ground::Ground;
use crate::load::Dice;
use crate::row::{Mark, Measured, RowName};
use crate::times::Times;
use crate::{ledger, output};

/// Versions of the connection with few.
const FEW: u64 = 10;
/// Commands in flight while versions are made.
const MAKERS: usize = 256;
/// Reverts of each connection.
const SAMPLES: u64 = 500;

pub(super) async fn measure(ground: &mut Ground) -> Outcome<Measured> {
    let many = ground.sizes().versions;
    let folder = ground.fresh_folder("revert")?;
    let engine = ledger::open(&folder).await?;
    make(&engine, "few", FEW).await?;
    make(&engine, "many", many).await?;
    let (mut of_few, mut of_many) = (Times::new(), Times::new());
    let mut dice = Dice::new(1);
    for _ in 0..SAMPLES {
        // Both go back within the versions that were made, and never to the newest state.
        revert(&engine, "few", 1 + dice.below(FEW - 1), &mut of_few).await?;
        revert(&engine, "many", 1 + dice.below(many - 1), &mut of_many).await?;
    }
    ledger::close(engine).await?;
    let note = format!(
        "p50 of {SAMPLES} reverts to any of {many} versions against any of {FEW}, one at a time; \
         p99: {:.3} ms against {:.3} ms",
        of_many.p99_ms(),
        of_few.p99_ms()
    );
    let figures = (of_many.p50_ms(), Some(of_few.p50_ms()));
    Ok(Measured::new(RowName::Revert, figures, "ms", (Mark::AtMost(3.0), "≤ 3 x"), note))
}

async fn make(engine: &Engine, slug: &'static str, versions: u64) -> Outcome<()> {
    ledger::execute(engine, "create", &format!(r#"{{"slug":"{slug}","provider":"x"}}"#), None)
        .await?;
    let bar = output::bar("making versions", versions);
    let (engine, moving) = (engine.clone(), bar.clone());
    let change = move |number: u64| {
        let (engine, bar) = (engine.clone(), moving.clone());
        async move {
            let body = format!(r#"{{"connection":"{slug}","description":"version {number}"}}"#);
            ledger::execute(&engine, "update", &body, None).await?;
            bar.inc(1);
            Ok(())
        }
    };
    fly(1..versions, MAKERS, change).await?;
    bar.finish_and_clear();
    Ok(())
}

/// Changes a connection, so that there is something to go back from, and reverts it.
async fn revert(engine: &Engine, slug: &str, to: u64, times: &mut Times) -> Outcome<()> {
    let body = format!(r#"{{"connection":"{slug}","description":"before going back to {to}"}}"#);
    ledger::execute(engine, "update", &body, None).await?;
    let body = format!(r#"{{"connection":"{slug}","to_version":{to}}}"#);
    let started = Instant::now();
    ledger::execute(engine, "revert", &body, None).await?;
    times.add(started.elapsed());
    Ok(())
}
