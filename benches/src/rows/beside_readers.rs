//! Commands beside readers that ask for histories, searches and deep pages without a pause, against
//! commands alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use ledger_contract::queries::QueryName;
use ledger_engine::Engine;

use crate::failure::Outcome;
use crate::ground::Ground;
use crate::ledger;
use crate::load::{self, Dice};
use crate::row::{Mark, Measured, RowName};
use crate::times::Times;

const READERS: u64 = 4;
/// Commands that are sent one after another each time.
const COMMANDS: u64 = 2_000;

pub(super) async fn measure(ground: &mut Ground) -> Outcome<Measured> {
    let connections = ground.sizes().connections;
    let engine = ledger::open(&ground.long_ledger().await?).await?;
    let events = engine.head().get();
    // Texts that no earlier run on a kept ledger has set, since a change must change something.
    let mut round = events;
    let mut alone = Times::new();
    commands(&engine, &mut round, connections, &mut Times::new()).await?;
    commands(&engine, &mut round, connections, &mut alone).await?;
    let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let readers: Vec<_> = (0..READERS)
        .map(|number| {
            let (engine, stop, asked) = (engine.clone(), Arc::clone(&stop), Arc::clone(&asked));
            tokio::spawn(async move { read(&engine, number, connections, &stop, &asked).await })
        })
        .collect();
    let mut beside = Times::new();
    let sent = commands(&engine, &mut round, connections, &mut beside).await;
    stop.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await??;
    }
    sent?;
    ledger::close(engine).await?;
    let note = format!(
        "p99 of {COMMANDS} commands one at a time, {events} events, beside {READERS} readers who \
         asked {} questions; p50: {:.3} ms against {:.3} ms",
        asked.load(Ordering::Relaxed),
        beside.p50_ms(),
        alone.p50_ms()
    );
    let figures = (beside.p99_ms(), Some(alone.p99_ms()));
    Ok(Measured::new(RowName::BesideReaders, figures, "ms", (Mark::AtMost(2.0), "≤ 2 x"), note))
}

async fn commands(
    engine: &Engine,
    round: &mut u64,
    connections: u64,
    times: &mut Times,
) -> Outcome<()> {
    let mut dice = Dice::new(*round);
    for _ in 0..COMMANDS {
        *round += 1;
        let slug = load::slug(ledger::PREFIX, dice.below(connections));
        let body = format!(r#"{{"connection":"{slug}","description":"round {round}"}}"#);
        let started = Instant::now();
        ledger::execute(engine, "update", &body, None).await?;
        times.add(started.elapsed());
    }
    Ok(())
}

/// Asks as a server does, until it is told to stop.
async fn read(
    engine: &Engine,
    number: u64,
    connections: u64,
    stop: &AtomicBool,
    asked: &AtomicU64,
) -> Outcome<()> {
    let mut dice = Dice::new(1_000 + number);
    while !stop.load(Ordering::Relaxed) {
        let (name, body) = match asked.fetch_add(1, Ordering::Relaxed) % 3 {
            0 => (QueryName::History, "{}".to_owned()),
            1 => (QueryName::List, format!(r#"{{"text":"team {}"}}"#, dice.below(10))),
            _ => {
                let page = 1 + dice.below(connections / 50);
                (QueryName::List, format!(r#"{{"sort":"name","page":{page}}}"#))
            }
        };
        ledger::ask_as_served(engine, name, &body).await?;
    }
    Ok(())
}
