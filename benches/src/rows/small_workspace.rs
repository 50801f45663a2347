//! A workspace with few connections beside many others: its lists by name and its searches,
//! against the same workspace alone.

use std::time::Instant;

use ledger_contract::queries::QueryName;
use ledger_engine::Engine;

use super::ROUNDS;
use crate::failure::Outcome;
use crate::flight::fly;
use crate::ground::Ground;
use crate::load::{self, Dice};
use crate::row::{Mark, Measured, RowName};
use crate::times::Times;
use crate::{ledger, output};

/// The workspace that is looked at, and how many connections it has.
const WORKSPACE: &str = "few";
const CONNECTIONS: u64 = 600;
const MAKERS: usize = 64;
const PAGES: u64 = CONNECTIONS / 50;

/// One ledger's times.
struct Lists {
    engine: Engine,
    dice: Dice,
    by_name: Times,
    by_text: Times,
}

pub(super) async fn measure(ground: &mut Ground) -> Outcome<Measured> {
    let (samples, others) = (ground.sizes().samples, ground.sizes().connections);
    let alone = ledger::open(&ground.root().join("alone")).await?;
    let among = ledger::open(&ground.large_ledger().await?).await?;
    for engine in [&alone, &among] {
        fill(engine).await?;
    }
    let work = move || {
        let (mut alone, mut among) = (Lists::new(alone), Lists::new(among));
        for round in 0..=ROUNDS {
            for lists in [&mut alone, &mut among] {
                lists.ask(samples / ROUNDS)?;
                if round == 0 {
                    lists.forget();
                }
            }
        }
        alone.engine.shutdown();
        among.engine.shutdown();
        Outcome::Ok((alone, among))
    };
    let (alone, among) = tokio::task::spawn_blocking(work).await??;
    let (by_name, by_text) = (among.by_name.p99_ms(), among.by_text.p99_ms());
    let ratio = |ours: f64, theirs: f64| ours / theirs;
    let worse = ratio(by_name, alone.by_name.p99_ms()) >= ratio(by_text, alone.by_text.p99_ms());
    let figures = if worse {
        (by_name, Some(alone.by_name.p99_ms()))
    } else {
        (by_text, Some(alone.by_text.p99_ms()))
    };
    let note = format!(
        "p99 of {samples} pages of 50 of {CONNECTIONS} connections beside {others} others against \
         the {CONNECTIONS} alone, the worse of two; by name: {by_name:.3} ms against {:.3} ms; text \
         search: {by_text:.3} ms against {:.3} ms",
        alone.by_name.p99_ms(),
        alone.by_text.p99_ms()
    );
    let mark = (Mark::AtMost(3.0), "≤ 3 x");
    Ok(Measured::new(RowName::SmallWorkspace, figures, "ms", mark, note))
}

async fn fill(engine: &Engine) -> Outcome<()> {
    ledger::execute_at(engine, WORKSPACE, "create-workspace", "{}", Some("few")).await?;
    let bar = output::bar("creating connections", CONNECTIONS);
    let (engine, moving) = (engine.clone(), bar.clone());
    let create = move |number| {
        let (engine, bar) = (engine.clone(), moving.clone());
        async move {
            let (id, body) = (format!("few-{number}"), load::create_body("f", number));
            ledger::execute_at(&engine, WORKSPACE, "create", &body, Some(&id)).await?;
            bar.inc(1);
            Ok(())
        }
    };
    fly(0..CONNECTIONS, MAKERS, create).await?;
    bar.finish_and_clear();
    Ok(())
}

impl Lists {
    fn new(engine: Engine) -> Self {
        let (by_name, by_text) = (Times::new(), Times::new());
        Self { engine, dice: Dice::new(1), by_name, by_text }
    }

    fn ask(&mut self, samples: u64) -> Outcome<()> {
        for _ in 0..samples {
            let page = 1 + self.dice.below(PAGES);
            let body = format!(r#"{{"sort":"name","page":{page},"page_size":50}}"#);
            let started = Instant::now();
            ledger::ask_at(&self.engine, WORKSPACE, QueryName::List, &body)?;
            self.by_name.add(started.elapsed());
            let team = self.dice.below(10);
            let body = format!(r#"{{"text":"team {team}","page_size":50}}"#);
            let started = Instant::now();
            ledger::ask_at(&self.engine, WORKSPACE, QueryName::List, &body)?;
            self.by_text.add(started.elapsed());
        }
        Ok(())
    }

    /// Drops the times of the warming up.
    fn forget(&mut self) {
        (self.by_name, self.by_text) = (Times::new(), Times::new());
    }
}
