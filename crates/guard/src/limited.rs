//! The refusals of the guard, and their counts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ledger_contract::errors::{Code, Problem};

/// Why a request is not looked at now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    /// Too many requests; the next one is admitted after this time.
    Rate(Duration),
    /// Too many wrong keys; the next one is checked after this time.
    Lockout(Duration),
}

impl Limited {
    /// Returns the error code.
    pub fn code(self) -> Code {
        match self {
            Self::Rate(_) => Code::RateLimited,
            Self::Lockout(_) => Code::CredentialLockout,
        }
    }

    /// Returns the time to wait in whole seconds, rounded up, so that whoever waits as long is not
    /// too early.
    pub fn wait_seconds(self) -> u64 {
        let (Self::Rate(wait) | Self::Lockout(wait)) = self;
        let started = u64::from(wait.subsec_nanos() > 0);
        wait.as_secs().saturating_add(started).max(1)
    }
}

impl From<Limited> for Problem {
    fn from(limited: Limited) -> Self {
        let (code, seconds) = (limited.code(), limited.wait_seconds());
        let summary = code.summary().trim_end_matches('.');
        let message = format!("{summary}; wait {seconds} s");
        Self { retry_after_seconds: Some(seconds), ..Self::because(code, message) }
    }
}

/// Counts the refusals of a door.
#[derive(Debug, Default)]
pub struct LimitedCounters {
    rate_limited: AtomicU64,
    locked_out: AtomicU64,
}

/// Counts of refusals since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitedCounts {
    /// Those because of a rate.
    pub rate_limited: u64,
    /// Those because of a lockout.
    pub locked_out: u64,
}

impl LimitedCounters {
    /// Counts a refusal.
    pub fn count(&self, limited: Limited) {
        let counter = match limited {
            Limited::Rate(_) => &self.rate_limited,
            Limited::Lockout(_) => &self.locked_out,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the counts.
    pub fn counts(&self) -> LimitedCounts {
        LimitedCounts {
            rate_limited: self.rate_limited.load(Ordering::Relaxed),
            locked_out: self.locked_out.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_rounded_up_to_whole_seconds() {
        for (millis, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (300_000, 300)] {
            let limited = Limited::Rate(Duration::from_millis(millis));
            assert_eq!(limited.wait_seconds(), seconds, "{millis} ms");
            let problem = Problem::from(limited);
            assert_eq!(problem.body().error.retry_after_seconds, Some(seconds));
        }
    }
}
