//! Secrets that can be recognized wherever they leak.

use rand::Rng as _;

/// Generates secrets that share a random mark in their middle.
#[derive(Debug)]
pub(crate) struct Secrets {
    mark: String,
    made: u32,
}

impl Secrets {
    pub(crate) fn new() -> Self {
        Self { mark: format!("{:016x}", rand::rng().random::<u64>()), made: 0 }
    }

    /// Generates a secret with a provider's prefix.
    pub(crate) fn make(&mut self, prefix: &str) -> String {
        self.made += 1;
        // Masks show a few characters of both ends, so the mark is in neither.
        format!("{prefix}{:08x}{}{:06}", rand::rng().random::<u32>(), self.mark, self.made)
    }

    /// Returns the mark that all secrets contain.
    pub(crate) fn mark(&self) -> &str {
        &self.mark
    }

    /// Returns the number of secrets.
    pub(crate) fn made(&self) -> u32 {
        self.made
    }
}
