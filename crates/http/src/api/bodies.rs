//! Places for bodies that take their time, so that slow ones keep nobody from commanding.

use std::collections::HashMap;

use ledger_contract::errors::{Code, Problem};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};

/// So many bodies are waited for at once, and so many of one caller's.
#[derive(Debug)]
pub(super) struct Bodies {
    places: Semaphore,
    share: usize,
    /// Bodies being waited for by caller; nobody is in it without one.
    waiting: Mutex<HashMap<String, usize>>,
}

/// A place for one body, given back when dropped.
#[derive(Debug)]
pub(super) struct Place<'a> {
    bodies: &'a Bodies,
    caller: String,
    _held: SemaphorePermit<'a>,
}

impl Bodies {
    pub(super) fn new(most: usize, share: usize) -> Self {
        let places = Semaphore::new(most.max(1));
        Self { places, share: share.max(1), waiting: Mutex::default() }
    }

    /// Takes a place for a body of this caller's.
    ///
    /// Errors: `busy`.
    pub(super) fn place(&self, caller: String) -> Result<Place<'_>, Problem> {
        let place = self.places.try_acquire().map_err(|_| Problem::new(Code::Busy))?;
        let mut waiting = self.waiting.lock();
        let own = waiting.get(&caller).copied().unwrap_or_default();
        if own >= self.share {
            let message = "as many bodies of this caller are on their way as may be at once";
            return Err(Problem::because(Code::Busy, message));
        }
        waiting.insert(caller.clone(), own + 1);
        drop(waiting);
        Ok(Place { bodies: self, caller, _held: place })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut waiting = self.bodies.waiting.lock();
        let Some(own) = waiting.get_mut(&self.caller) else { return };
        *own -= 1;
        if *own == 0 {
            waiting.remove(&self.caller);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_share_and_all_together_so_many_places() {
        let bodies = Bodies::new(3, 2);
        let place = |caller: &str| bodies.place(caller.to_owned());
        let (one, two) = (place("a").unwrap(), place("a").unwrap());
        assert_eq!(place("a").unwrap_err().code, Code::Busy, "two are its share");
        let other = place("b").unwrap();
        assert_eq!(place("c").unwrap_err().code, Code::Busy, "three are all");
        drop(one);
        drop(place("a").unwrap());
        drop((two, other));
        assert!(bodies.waiting.lock().is_empty());
        assert_eq!(bodies.places.available_permits(), 3);
    }
}
