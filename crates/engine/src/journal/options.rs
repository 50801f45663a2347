//! How long the journal is kept.

use std::time::Duration;

/// Default age after which an entry is removed.
const KEEP: Duration = Duration::from_hours(24 * 90);
/// Default size of the journal.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Limits of the audit journal. What exceeds one of them is removed, the oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalOptions {
    /// Age after which an entry is removed.
    pub keep: Duration,
    /// Bytes of all entries.
    pub bytes_max: u64,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self { keep: KEEP, bytes_max: BYTES_MAX }
    }
}
