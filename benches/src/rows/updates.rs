//! Changes of random connections, one after another, for the rows that run something beside them.

use std::time::Instant;

use crate::failure::Outcome;
use crate::ledger;
use crate::load::{self, Dice};
use crate::server::{Sender, Server};
use crate::times::Times;

/// Updates that are measured while nothing else runs.
pub(super) const ALONE: u64 = 2_000;

/// Sends updates one after another.
pub(super) struct Updates {
    sender: Sender,
    dice: Dice,
    connections: u64,
    round: u64,
}

impl Updates {
    /// Changes that differ from those of earlier runs on the same ledger.
    pub(super) async fn new(server: &Server, connections: u64) -> Outcome<Self> {
        let round = ledger::number(&server.query("status", "{}").await?, "position")?;
        Ok(Self { sender: server.sender("update"), dice: Dice::new(round), connections, round })
    }

    /// Measures a number of them after as many that only warm up.
    pub(super) async fn alone(&mut self) -> Outcome<Times> {
        let mut times = Times::new();
        self.send(ALONE, &mut Times::new()).await?;
        self.send(ALONE, &mut times).await?;
        Ok(times)
    }

    pub(super) async fn send(&mut self, count: u64, times: &mut Times) -> Outcome<()> {
        for _ in 0..count {
            self.round += 1;
            let slug = load::slug(ledger::PREFIX, self.dice.below(self.connections));
            let round = self.round;
            let body = format!(r#"{{"connection":"{slug}","description":"round {round}"}}"#);
            let started = Instant::now();
            self.sender.send(&format!("b-{round}"), body).await?;
            times.add(started.elapsed());
        }
        Ok(())
    }
}
