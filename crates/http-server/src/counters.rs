//! The counters of a listener, for the ledger's status.

use std::sync::atomic::{AtomicU64, Ordering};

use ledger_contract::queries::HttpStatus;

use crate::refusal::Refusal;

/// The counters of one listener since its start.
#[derive(Debug, Default)]
pub struct Counters {
    open: AtomicU64,
    refused: AtomicU64,
    rate_limited: AtomicU64,
    locked_out: AtomicU64,
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
    pub(crate) fn request_refused(&self, refusal: &Refusal) {
        let counter = match refusal {
            Refusal::RateLimited(_) => &self.rate_limited,
            Refusal::LockedOut(_) => &self.locked_out,
            Refusal::TooManyConnections | Refusal::UriTooLong | Refusal::BodyTooSlow => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns all counts.
    pub fn status(&self) -> HttpStatus {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        HttpStatus {
            connections_open: read(&self.open),
            connections_refused: read(&self.refused),
            requests_rate_limited: read(&self.rate_limited),
            requests_locked_out: read(&self.locked_out),
        }
    }
}
