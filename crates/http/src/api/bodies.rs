//! Permits for bodies that arrive slowly, so that slow clients do not block others' commands.

use std::collections::HashMap;

use ledger_contract::errors::{Code, Problem};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Limits how many bodies are awaited at the same time, in total and for each caller.
#[derive(Debug)]
pub(super) struct Bodies {
    permits: Semaphore,
    share: usize,
    /// Number of awaited bodies by caller; callers without any have no entry.
    waiting: Mutex<HashMap<String, usize>>,
}

/// A permit for one body, released when dropped.
#[derive(Debug)]
pub(super) struct BodyPermit<'a> {
    bodies: &'a Bodies,
    caller: String,
    _held: SemaphorePermit<'a>,
}

impl Bodies {
    pub(super) fn new(most: usize, share: usize) -> Self {
        let permits = Semaphore::new(most.max(1));
        Self { permits, share: share.max(1), waiting: Mutex::default() }
    }

    /// Acquires a permit for a body of this caller.
    ///
    /// Errors: `busy`.
    pub(super) fn acquire(&self, caller: String) -> Result<BodyPermit<'_>, Problem> {
        let permit = self.permits.try_acquire().map_err(|_| Problem::new(Code::Busy))?;
        let mut waiting = self.waiting.lock();
        let own = waiting.get(&caller).copied().unwrap_or_default();
        if own >= self.share {
            let message = "this caller is already sending as many bodies as allowed";
            return Err(Problem::because(Code::Busy, message));
        }
        waiting.insert(caller.clone(), own + 1);
        drop(waiting);
        Ok(BodyPermit { bodies: self, caller, _held: permit })
    }
}

impl Drop for BodyPermit<'_> {
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
    fn bodies_are_limited_for_each_caller_and_in_total() {
        let bodies = Bodies::new(3, 2);
        let acquire = |caller: &str| bodies.acquire(caller.to_owned());
        let (one, two) = (acquire("a").unwrap(), acquire("a").unwrap());
        assert_eq!(acquire("a").unwrap_err().code, Code::Busy, "two are its share");
        let other = acquire("b").unwrap();
        assert_eq!(acquire("c").unwrap_err().code, Code::Busy, "three are all");
        drop(one);
        drop(acquire("a").unwrap());
        drop((two, other));
        assert!(bodies.waiting.lock().is_empty());
        assert_eq!(bodies.permits.available_permits(), 3);
    }
}
