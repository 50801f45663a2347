//! Rates of requests, for each of many senders.

use std::hash::{BuildHasher, Hash, RandomState};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::clock::Clock;

/// The size of a burst, in seconds of the rate.
const BURST_SECONDS: u32 = 2;
/// Number of buckets of one limiter, which bounds its memory. An unpredictable hash assigns each
/// sender to a bucket; two senders share one with a probability of one in a million.
const BUCKETS: u64 = 1 << 20;

/// Rates in requests per second; 0 means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// For each key, or all tokens of one subject.
    pub per_key: u32,
    /// For each source, shared by its requests without an accepted key.
    pub per_source: u32,
    /// For all requests without an accepted key together, where sources can be made up.
    pub strangers: u32,
}

type Limiter = RateLimiter<u64, DashMapStateStore<u64>, Clock, NoOpMiddleware<Duration>>;

/// Limits the rate of requests for each of many senders.
#[derive(Debug)]
pub(crate) struct Buckets {
    limiter: Option<(Limiter, NonZeroU32)>,
    hasher: RandomState,
    clock: Clock,
}

impl Buckets {
    pub(crate) fn new(per_second: u32, clock: Clock) -> Self {
        let limiter = NonZeroU32::new(per_second).map(|rate| {
            let burst = rate.saturating_mul(NonZeroU32::MIN.saturating_add(BURST_SECONDS - 1));
            let quota = Quota::per_second(rate).allow_burst(burst);
            (RateLimiter::dashmap_with_clock(quota, clock.clone()), burst)
        });
        Self { limiter, hasher: RandomState::new(), clock }
    }

    /// Counts a request as so many, at most a burst. A refusal returns the time after which it is
    /// admitted, and counts nothing.
    pub(crate) fn take(&self, who: &impl Hash, units: NonZeroU32) -> Result<(), Duration> {
        let Some((limiter, burst)) = &self.limiter else { return Ok(()) };
        let bucket = self.hasher.hash_one(who) % BUCKETS;
        match limiter.check_key_n(&bucket, units.min(*burst)) {
            Ok(Err(full)) => Err(full.wait_time_from(self.clock.now())),
            // More than a burst is never asked for.
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }

    /// Frees the memory of senders that have sent nothing for a while.
    pub(crate) fn shrink(&self) {
        if let Some((limiter, _)) = &self.limiter {
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

    const ONE: NonZeroU32 = NonZeroU32::MIN;

    fn fixture(per_second: u32) -> (Buckets, Arc<AtomicU64>) {
        let millis = Arc::new(AtomicU64::new(0));
        let shown = Arc::clone(&millis);
        let clock = Clock::new(move || Duration::from_millis(shown.load(Ordering::Relaxed)));
        (Buckets::new(per_second, clock), millis)
    }

    #[test]
    fn a_burst_passes_then_the_rate_holds_for_each_sender() {
        let (buckets, millis) = fixture(10);
        for _ in 0..20 {
            assert_eq!(buckets.take(&"a", ONE), Ok(()));
        }
        assert_eq!(buckets.take(&"a", ONE), Err(Duration::from_millis(100)));
        assert_eq!(buckets.take(&"b", ONE), Ok(()));
        millis.store(100, Ordering::Relaxed);
        assert_eq!(buckets.take(&"a", ONE), Ok(()));
        assert!(buckets.take(&"a", ONE).is_err());
        millis.store(10_000, Ordering::Relaxed);
        buckets.shrink();
        assert_eq!(buckets.limiter.as_ref().unwrap().0.len(), 0);
    }

    #[test]
    fn a_large_request_counts_as_several_and_is_never_too_large() {
        let (buckets, millis) = fixture(10);
        let units = |units| NonZeroU32::new(units).unwrap();
        assert_eq!(buckets.take(&"a", units(17)), Ok(()));
        assert_eq!(buckets.take(&"a", units(17)), Err(Duration::from_millis(1_400)));
        for _ in 0..3 {
            assert_eq!(buckets.take(&"a", ONE), Ok(()), "a refusal counts nothing");
        }
        millis.store(10_000, Ordering::Relaxed);
        assert_eq!(buckets.take(&"a", units(1_000)), Ok(()));
        assert!(buckets.take(&"a", ONE).is_err());
    }

    #[test]
    fn zero_means_no_limit() {
        let buckets = Buckets::new(0, Clock::default());
        assert!((0..100_000).all(|_| buckets.take(&"a", ONE).is_ok()));
    }
}
