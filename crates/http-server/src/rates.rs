//! Rate limits for each key and for each address.

use std::hash::{BuildHasher, Hash, RandomState};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::clock::Clock;

/// The default rate for each key, in requests per second.
pub const RATE_PER_KEY: u32 = 2_000;
/// The default rate for requests without an accepted key from each address, in requests per second.
pub const RATE_PER_ADDRESS: u32 = 100;
/// The size of a burst, in seconds of the rate.
const BURST_SECONDS: u32 = 2;
/// Number of buckets of one limiter, which bounds its memory. An unpredictable hash assigns each
/// client to a bucket; two clients share one with a probability of one in a million.
const BUCKETS: u64 = 1 << 20;

/// Rates in requests per second; 0 means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// For each key.
    pub per_key: u32,
    /// For each address, shared by its requests without an accepted key.
    pub per_address: u32,
}

impl Default for Rates {
    fn default() -> Self {
        Self { per_key: RATE_PER_KEY, per_address: RATE_PER_ADDRESS }
    }
}

type Limiter = RateLimiter<u64, DashMapStateStore<u64>, Clock, NoOpMiddleware<Duration>>;

/// Limits the rate of requests for each of many clients.
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

    /// Counts a request. A refusal returns the time after which the next request is admitted.
    pub(crate) fn take(&self, who: &impl Hash) -> Result<(), Duration> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        let bucket = self.hasher.hash_one(who) % BUCKETS;
        let taken = limiter.check_key(&bucket);
        taken.map_err(|full| full.wait_time_from(self.clock.now()))
    }

    /// Frees the memory of clients that have sent nothing for a while.
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
    fn a_burst_passes_then_the_rate_holds_for_each_client() {
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
    fn zero_means_no_limit() {
        let buckets = Buckets::new(0, Clock::default());
        assert!((0..100_000).all(|_| buckets.take(&"a").is_ok()));
    }
}
