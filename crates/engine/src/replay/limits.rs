//! What a replay may use.

use std::thread::available_parallelism;

/// Connections whose folded states are in memory at a time.
const STATES: u32 = 524_288;
/// Threads that fold, at most; one thread that reads cannot feed more.
const WORKERS_MAX: usize = 8;

/// How many threads a replay may use, and how much memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayLimits {
    /// Threads that fold, besides the one that reads the log; at least one.
    pub workers: usize,
    /// Connections whose states are in memory at a time, at about 3 KiB each; at least one. A
    /// ledger with more of them is read several times.
    pub states: u32,
}

impl Default for ReplayLimits {
    /// As many threads as there are processors, up to 8, and 524,288 states.
    fn default() -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Self { workers: processors.min(WORKERS_MAX), states: STATES }
    }
}
