//! A list page with three filters and the total, in a large ledger against a small one.

use std::time::Instant;

use ledger_contract::queries::QueryName;
use ledger_engine::Engine;

use super::ROUNDS;
use crate::failure::Outcome;
use crate::ground::Ground;
use crate::ledger;
use crate::load::{self, COMBINATIONS, Dice};
use crate::row::{Mark, Measured, RowName};
use crate::times::Times;

const PAGE_ROWS: u64 = 50;

/// One ledger's times.
struct Lists {
    engine: Engine,
    dice: Dice,
    pages: u64,
    /// Pages from anywhere in the list.
    any_page: Times,
    /// First pages only.
    first_page: Times,
}

pub(super) async fn measure(ground: &mut Ground) -> Outcome<Measured> {
    let (samples, few) = (ground.sizes().samples, ground.sizes().few);
    let small = ledger::open(&ground.small_ledger().await?).await?;
    let large = ledger::open(&ground.large_ledger().await?).await?;
    let connections = ground.sizes().connections;
    let work = move || {
        let (mut small, mut large) = (Lists::new(small)?, Lists::new(large)?);
        for round in 0..=ROUNDS {
            for lists in [&mut small, &mut large] {
                lists.ask(samples / ROUNDS)?;
                if round == 0 {
                    lists.forget();
                }
            }
        }
        small.engine.shutdown();
        large.engine.shutdown();
        Outcome::Ok((small, large))
    };
    let (small, large) = tokio::task::spawn_blocking(work).await??;
    let note = format!(
        "p99 of {samples} pages of {PAGE_ROWS} from anywhere in the list, {connections} \
         connections against {few}; first pages: {:.3} ms against {:.3} ms; p50 of any page: \
         {:.3} ms against {:.3} ms",
        large.first_page.p99_ms(),
        small.first_page.p99_ms(),
        large.any_page.p50_ms(),
        small.any_page.p50_ms()
    );
    let mark = (Mark::AtMost(3.0), "≤ 3 x");
    let pair = (large.any_page.p99_ms(), Some(small.any_page.p99_ms()));
    Ok(Measured::new(RowName::ListFilters, pair, "ms", mark, note))
}

impl Lists {
    fn new(engine: Engine) -> Outcome<Self> {
        let page = ledger::ask(&engine, QueryName::List, &load::list_body(0, 1))?;
        let pages = ledger::number(&page, "total")? / PAGE_ROWS;
        let dice = Dice::new(1);
        let (any_page, first_page) = (Times::new(), Times::new());
        Ok(Self { engine, dice, pages: pages.max(1), any_page, first_page })
    }

    fn ask(&mut self, samples: u64) -> Outcome<()> {
        for _ in 0..samples {
            let page = 1 + self.dice.below(self.pages);
            let body = load::list_body(self.dice.below(COMBINATIONS), page);
            let started = Instant::now();
            ledger::ask(&self.engine, QueryName::List, &body)?;
            self.any_page.add(started.elapsed());
        }
        for _ in 0..samples {
            let body = load::list_body(self.dice.below(COMBINATIONS), 1);
            let started = Instant::now();
            ledger::ask(&self.engine, QueryName::List, &body)?;
            self.first_page.add(started.elapsed());
        }
        Ok(())
    }

    /// Drops the times of the warming up.
    fn forget(&mut self) {
        (self.any_page, self.first_page) = (Times::new(), Times::new());
    }
}
