//! Resource limits of a replay.

use std::thread::available_parallelism;

/// Default number of connections whose states are in memory at a time.
const STATES: u32 = 524_288;
/// Default limit for what these states take, in bytes.
const STATE_BYTES: u64 = 2_304 * 1_024 * 1_024;
/// Default number of events that are read again before serving; that takes about a second.
const EVENTS_AT_START: u64 = 20_000;
/// Maximum default number of folding threads; the one reading thread cannot supply more.
const WORKERS_MAX: usize = 8;

/// Limits for the threads and memory of a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayLimits {
    /// Folding threads in addition to the one that reads the log; at least one.
    pub workers: usize,
    /// Connections whose states are in memory at a time; at least one. If a ledger has more, its
    /// log is read several times.
    pub states: u32,
    /// Bytes that these states may take: about those of their rows and 2 KiB each. One connection
    /// is always folded, whatever its size.
    pub state_bytes: u64,
    /// Events of a log that is rebuilt from before the ledger is served, whatever needs it. With a
    /// longer log, lists and histories are rebuilt meanwhile.
    pub events_at_start: u64,
}

impl Default for ReplayLimits {
    /// As many threads as there are processors, up to 8, 524,288 states of 2.25 GiB at most, and
    /// 20,000 events.
    fn default() -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Self {
            workers: processors.min(WORKERS_MAX),
            states: STATES,
            state_bytes: STATE_BYTES,
            events_at_start: EVENTS_AT_START,
        }
    }
}
