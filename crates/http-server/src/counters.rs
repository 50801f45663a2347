//! The counters of a listener, for the ledger's status.

use std::sync::atomic::{AtomicU64, Ordering};

use ledger_contract::queries::HttpStatus;
use ledger_guard::{Limited, LimitedCounters, LimitedCounts};

/// The counters of one listener since its start.
#[derive(Debug, Default)]
pub struct Counters {
    open: AtomicU64,
    refused: AtomicU64,
    limited: LimitedCounters,
}

impl Counters {
    pub(crate) fn connection_opened(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn connection_closed(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts a refused connection.
    pub(crate) fn connection_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a refused request.
    pub(crate) fn request_refused(&self, limited: Limited) {
        self.limited.count(limited);
    }

    /// Returns all counts.
    pub fn status(&self) -> HttpStatus {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let LimitedCounts { rate_limited, locked_out } = self.limited.counts();
        HttpStatus {
            connections_open: read(&self.open),
            connections_refused: read(&self.refused),
            requests_rate_limited: rate_limited,
            requests_locked_out: locked_out,
        }
    }
}
