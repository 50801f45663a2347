//! All limits on what the ledger works on at the same time.
//!
//! Each door takes its limits from here and counts its own requests. What a listener does with its
//! sockets is limited in `ledger-http-server`, and what a command may contain in
//! `ledger_domain::limits`.

use std::thread::available_parallelism;

/// Largest message over NATS and largest body over HTTP, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// Limits on requests in progress. What exceeds one is answered `busy`, unless its comment says
/// otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdmissionLimits {
    /// Commands that wait for the writer.
    pub queued_max: usize,
    /// Commands in progress at one door; reveals have as many places of their own over NATS.
    pub commands_max: usize,
    /// Commands of one caller in progress at one door.
    pub commands_per_caller_max: usize,
    /// Queries in progress or waiting at one door.
    pub queries_max: usize,
    /// Queries of one caller in progress or waiting at one door.
    pub queries_per_caller_max: usize,
    /// Queries that look up a few rows at once. Further ones wait.
    pub lookups_max: usize,
    /// Queries that may read many rows at once while commands arrive; by default one less than
    /// there are processors, but at least one. Further ones wait.
    pub scans_max: usize,
    /// How many more of them there may be while no commands arrive; by default one on a machine
    /// with several processors.
    pub scans_spare_max: usize,
    /// Queries that may read many rows and wait. There are fewer than queries at a door, so that
    /// they leave places to the others.
    pub scans_waiting_max: usize,
    /// Queries of one caller that may read many rows and run or wait, at all doors together.
    pub scans_per_caller_max: usize,
    /// Operations in progress at one door. The engine permits only one of each kind.
    pub operations_max: usize,
    /// Bodies awaited over HTTP.
    pub bodies_max: usize,
    /// Bodies of one caller awaited over HTTP.
    pub bodies_per_caller_max: usize,
    /// Open feeds.
    pub feeds_max: usize,
    /// Feeds that read the log because they are too far behind. Further ones wait.
    pub feed_log_readers_max: usize,
    /// Sealed requests remembered for the current minute, and for the one before. This permits
    /// 30,000 sealed requests a second, which take 40 MB of memory.
    pub sealed_requests_max: usize,
}

impl Default for AdmissionLimits {
    fn default() -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        let scans_max = processors.saturating_sub(1).max(1);
        Self {
            queued_max: 4_096,
            commands_max: 1_024,
            commands_per_caller_max: 768,
            queries_max: 256,
            queries_per_caller_max: 128,
            lookups_max: 16,
            scans_max,
            scans_spare_max: processors - scans_max,
            scans_waiting_max: 192,
            scans_per_caller_max: 96,
            operations_max: 16,
            bodies_max: 1_024,
            bodies_per_caller_max: 256,
            feeds_max: 20_000,
            feed_log_readers_max: 4,
            sealed_requests_max: 1_800_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(number: usize) -> String {
        let digits = number.to_string();
        let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().collect();
        String::from_utf8(groups.join(&b',')).expect("digits")
    }

    #[test]
    fn the_documented_limits_are_these() {
        let limits = AdmissionLimits::default();
        let readme = include_str!("../../../README.md");
        for row in [
            format!("| command or query body | 1 MiB ({} bytes) |", shown(MESSAGE_BYTES_MAX)),
            format!("further ones get `busy` | {} |", shown(limits.queued_max)),
        ] {
            assert!(readme.contains(&row), "{row}");
        }
        let handbook = include_str!("../../../deploy/README.md");
        let (bodies, of_one) = (shown(limits.bodies_max), shown(limits.bodies_per_caller_max));
        let (queries, lookups) = (shown(limits.queries_max), shown(limits.lookups_max));
        let waiting = shown(limits.scans_waiting_max);
        let of_one_commands = shown(limits.commands_per_caller_max);
        let of_one_queries = shown(limits.queries_per_caller_max);
        let of_one_scans = shown(limits.scans_per_caller_max);
        for row in [
            format!("body is still arriving | {bodies}; {of_one} of one caller |"),
            format!(
                "commands in progress at one door | {}; {of_one_commands} of one caller |",
                shown(limits.commands_max)
            ),
            format!(
                "queries in progress or waiting at one door | {queries}; {of_one_queries} of one \
                 caller |"
            ),
            format!("gets and other queries of few rows that read at once | {lookups} |"),
            format!(
                "lists, histories and pages that wait for one of those | {waiting}; {of_one_scans} \
                 of one caller |"
            ),
            format!("open feeds | {} |", shown(limits.feeds_max)),
        ] {
            assert!(handbook.contains(&row), "{row}");
        }
    }
}
