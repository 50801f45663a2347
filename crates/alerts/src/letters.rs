//! The dead letters of an alert, as whoever delivers it has them.

use std::collections::BTreeMap;

use ledger_contract::alerts::DeadLetter;
use ledger_domain::{Micros, Position, limits};
use ledger_engine::ReplayedLetters;

/// The dead letters of an alert, and what of them is to be stored.
#[derive(Debug, Default)]
pub(crate) struct Letters {
    all: BTreeMap<Position, DeadLetter>,
    writes: BTreeMap<Position, Option<DeadLetter>>,
}

impl Letters {
    /// Takes up those that are stored.
    pub(crate) fn of(all: BTreeMap<Position, DeadLetter>) -> Self {
        Self { all, writes: BTreeMap::new() }
    }

    /// Iterates over the positions of those that are to be sent again.
    pub(crate) fn replaying(&self) -> impl Iterator<Item = Position> {
        self.all.iter().filter(|(_, letter)| letter.replaying).map(|(position, _)| *position)
    }

    /// Marks some as to be sent again.
    pub(crate) fn replay(&mut self, which: ReplayedLetters) {
        let is_chosen = |position: Position| match which {
            ReplayedLetters::All => true,
            ReplayedLetters::One(one) => one == position,
        };
        for (position, letter) in &mut self.all {
            if is_chosen(*position) {
                letter.replaying = true;
                self.writes.insert(*position, Some(letter.clone()));
            }
        }
    }

    /// Adds one. If there are as many as there may be, the oldest make room; returns how many did.
    pub(crate) fn add(&mut self, position: Position, letter: DeadLetter) -> u64 {
        let mut dropped = 0;
        while self.all.len() >= limits::ALERT_DEAD_LETTERS
            && let Some((oldest, _)) = self.all.pop_first()
        {
            self.writes.insert(oldest, None);
            dropped += 1;
        }
        self.writes.insert(position, Some(letter.clone()));
        self.all.insert(position, letter);
        dropped
    }

    /// Keeps one that was sent again in vain.
    pub(crate) fn keep(&mut self, position: Position, because: &str, at: Micros) {
        let Some(letter) = self.all.get_mut(&position) else { return };
        letter.attempts = letter.attempts.saturating_add(1);
        because.clone_into(&mut letter.because);
        letter.at = at;
        letter.replaying = false;
        self.writes.insert(position, Some(letter.clone()));
    }

    /// Removes one that was taken, or is none any more.
    pub(crate) fn remove(&mut self, position: Position) {
        self.all.remove(&position);
        self.writes.insert(position, None);
    }

    /// Returns whether there is something to store.
    pub(crate) fn has_writes(&self) -> bool {
        !self.writes.is_empty()
    }

    /// Returns what is to be stored.
    pub(crate) fn take_writes(&mut self) -> BTreeMap<Position, Option<DeadLetter>> {
        std::mem::take(&mut self.writes)
    }
}
