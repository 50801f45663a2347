//! Places that callers share, so that one of them cannot take all.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::access::Caller;

/// Limits how many places are taken at the same time, in total and by each caller.
#[derive(Debug)]
pub struct Shares {
    places: Arc<Semaphore>,
    share: usize,
    /// Number of taken places by caller; callers without any have no entry.
    taken: Mutex<HashMap<String, usize>>,
}

/// A taken place, free again when dropped.
#[derive(Debug)]
pub struct Place {
    shares: Arc<Shares>,
    caller: String,
    _held: OwnedSemaphorePermit,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPlace {
    /// All are taken.
    Full,
    /// The caller has taken its share.
    OverShare,
}

impl Shares {
    /// Creates `most` places, of which each caller may take `share` at the same time.
    pub fn new(most: usize, share: usize) -> Arc<Self> {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        let places = Arc::new(Semaphore::new(most));
        Arc::new(Self { places, share: share.max(1), taken: Mutex::default() })
    }

    /// Takes a place, or says at once why there is none.
    pub fn take(self: &Arc<Self>, caller: &Caller) -> Result<Place, NoPlace> {
        self.take_as(caller.identity())
    }

    fn take_as(self: &Arc<Self>, caller: String) -> Result<Place, NoPlace> {
        let held = self.places.clone().try_acquire_owned().map_err(|_| NoPlace::Full)?;
        let mut taken = self.taken.lock();
        let own = taken.get(&caller).copied().unwrap_or_default();
        if own >= self.share {
            return Err(NoPlace::OverShare);
        }
        taken.insert(caller.clone(), own + 1);
        drop(taken);
        Ok(Place { shares: Arc::clone(self), caller, _held: held })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.shares.taken.lock();
        let Some(own) = taken.get_mut(&self.caller) else { return };
        *own -= 1;
        if *own == 0 {
            taken.remove(&self.caller);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_for_each_caller_and_in_total() {
        let shares = Shares::new(3, 2);
        let take = |caller: &str| shares.take_as(caller.to_owned());
        let (one, two) = (take("a").unwrap(), take("a").unwrap());
        assert_eq!(take("a").unwrap_err(), NoPlace::OverShare, "two are its share");
        let other = take("b").unwrap();
        assert_eq!(take("c").unwrap_err(), NoPlace::Full, "three are all");
        drop(one);
        drop(take("a").unwrap());
        drop((two, other));
        assert!(shares.taken.lock().is_empty());
        assert_eq!(shares.places.available_permits(), 3);
    }
}
