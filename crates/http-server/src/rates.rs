//! Requests a second, for each key and for each address.

use std::hash::{BuildHasher, Hash, RandomState};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::clock::Clock;

/// Requests a second with one key, when nothing else is said.
pub const RATE_PER_KEY: u32 = 2_000;
/// Requests a second from one address without a key that is known there, when nothing else is said.
pub const RATE_PER_ADDRESS: u32 = 100;
/// Requests that may come at once, in seconds' worth.
const BURST_SECONDS: u32 = 2;
/// Buckets of one limiter. Whoever asks is put into one of them by a hash that nobody outside can
/// foresee, so memory has a bound: two share a bucket once in a million pairs.
const BUCKETS: u64 = 1 << 20;

/// Requests a second; 0 is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// With one key.
    pub per_key: u32,
    /// From one address, without a key that was accepted from there before.
    pub per_address: u32,
}

impl Default for Rates {
    fn default() -> Self {
        Self { per_key: RATE_PER_KEY, per_address: RATE_PER_ADDRESS }
    }
}

type Limiter = RateLimiter<u64, DashMapStateStore<u64>, Clock, NoOpMiddleware<Duration>>;

/// Limits how often each of many may ask.
#[derive(Debug)]
pub(crate) struct Buckets {
    limiter: Option<Limiter>,
    hasher: RandomState,
    clock: Clock,
}

impl Buckets {
    pub(crate) fn new(per_second: u32, clock: Clock) -> Self {
        let limiter = NonZeroU32::new(per_second).map(|rate| {
            let burst = rate.saturating_mul(NonZeroU32::MIN.saturating_add(BURST_SECONDS - 1));
            let quota = Quota::per_second(rate).allow_burst(burst);
            RateLimiter::dashmap_with_clock(quota, clock.clone())
        });
        Self { limiter, hasher: RandomState::new(), clock }
    }

    /// Counts a request. Refuses it with the time after which the next one fits.
    pub(crate) fn take(&self, who: &impl Hash) -> Result<(), Duration> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        let bucket = self.hasher.hash_one(who) % BUCKETS;
        let taken = limiter.check_key(&bucket);
        taken.map_err(|full| full.wait_time_from(self.clock.now()))
    }

    /// Gives back the memory of those who have not asked for a while.
    pub(crate) fn shrink(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn a_burst_passes_then_the_rate_holds_and_each_has_its_own() {
        let millis = Arc::new(AtomicU64::new(0));
        let shown = Arc::clone(&millis);
        let clock = Clock::new(move || Duration::from_millis(shown.load(Ordering::Relaxed)));
        let buckets = Buckets::new(10, clock);
        for _ in 0..20 {
            assert_eq!(buckets.take(&"a"), Ok(()));
        }
        let wait = buckets.take(&"a").unwrap_err();
        assert_eq!(wait, Duration::from_millis(100));
        assert_eq!(buckets.take(&"b"), Ok(()));
        millis.store(100, Ordering::Relaxed);
        assert_eq!(buckets.take(&"a"), Ok(()));
        assert!(buckets.take(&"a").is_err());
        millis.store(10_000, Ordering::Relaxed);
        buckets.shrink();
        assert_eq!(buckets.limiter.as_ref().unwrap().len(), 0);
    }

    #[test]
    fn zero_is_no_limit() {
        let buckets = Buckets::new(0, Clock::default());
        assert!((0..100_000).all(|_| buckets.take(&"a").is_ok()));
    }
}
