//! Secrets that can be recognized wherever they should not be.

use rand::Rng as _;

/// Makes secrets that share a random mark in their middle.
#[derive(Debug)]
pub(crate) struct Secrets {
    mark: String,
    made: u32,
}

impl Secrets {
    pub(crate) fn new() -> Self {
        Self { mark: format!("{:016x}", rand::rng().random::<u64>()), made: 0 }
    }

    /// Makes a secret that begins like a provider's own.
    pub(crate) fn make(&mut self, prefix: &str) -> String {
        self.made += 1;
        // The masked form shows a few characters of both ends; the mark is in neither.
        format!("{prefix}{:08x}{}{:06}", rand::rng().random::<u32>(), self.mark, self.made)
    }

    /// Returns what all of them have in them.
    pub(crate) fn mark(&self) -> &str {
        &self.mark
    }

    /// Returns how many there are.
    pub(crate) fn made(&self) -> u32 {
        self.made
    }
}
