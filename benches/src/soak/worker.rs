//! What does the work of a load, and the connections that it leaves alone.

use crate::failure::Outcome;

/// Slugs of connections that nobody changes.
pub(super) const STILL: &str = "still";
pub(super) const STILL_CONNECTIONS: u64 = 2_000;

/// One who does the same sort of thing again and again.
pub(super) trait Worker: Send + 'static {
    /// Does it once.
    fn step(&mut self) -> impl Future<Output = Outcome<()>> + Send;
}
