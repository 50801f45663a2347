//! The master keys in memory, and who uses them now.
//!
//! Whoever uses a master key, or a data key that one opened, holds a [`KeyUse`] meanwhile. Sealing
//! takes the keys away from everybody who comes later, and then waits for those who are there.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ledger_domain::{MasterKeyId, Rejection};
use ledger_vault::Keyring;
use parking_lot::{Condvar, Mutex};

/// The keys, unless the ledger is sealed.
#[derive(Debug)]
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    ring: Option<Keyring>,
    /// How many [`KeyUse`]s there are.
    uses: usize,
}

impl Gate {
    pub(crate) fn new(ring: Option<Keyring>) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State { ring, uses: 0 }), changed: Condvar::new() })
    }

    /// Lends the keys.
    ///
    /// Errors: `Rejection::Sealed`.
    pub(crate) fn enter(self: &Arc<Self>) -> Result<KeyUse, Rejection> {
        let mut state = self.state.lock();
        let ring = state.ring.clone().ok_or(Rejection::Sealed)?;
        state.uses += 1;
        Ok(KeyUse { ring: Some(ring), gate: Arc::clone(self) })
    }

    /// Uses these keys from now on, or none.
    pub(crate) fn set(&self, ring: Option<Keyring>) {
        self.state.lock().ring = ring;
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state.lock().ring.is_some()
    }

    /// Returns the ids of the keys, the active one first.
    pub(crate) fn key_ids(&self) -> Vec<MasterKeyId> {
        let state = self.state.lock();
        state.ring.as_ref().map(|ring| ring.key_ids().collect()).unwrap_or_default()
    }

    /// Waits until nobody uses keys any more. Returns how many still do after that time.
    pub(crate) fn wait_until_unused(&self, longest: Duration) -> usize {
        let until = Instant::now() + longest;
        let mut state = self.state.lock();
        while state.uses > 0 && !self.changed.wait_until(&mut state, until).timed_out() {}
        state.uses
    }
}

/// The right to use the keys, for as long as it lives. A key, or a plaintext that one opened, must
/// not outlive it.
pub(crate) struct KeyUse {
    /// Taken when it is dropped, and never before.
    ring: Option<Keyring>,
    gate: Arc<Gate>,
}

impl KeyUse {
    pub(crate) fn ring(&self) -> &Keyring {
        self.ring.as_ref().expect("the ring is taken when this is dropped")
    }
}

impl Drop for KeyUse {
    fn drop(&mut self) {
        // The keys go first: who waits for the end of all uses takes it that they are wiped.
        drop(self.ring.take());
        self.gate.state.lock().uses -= 1;
        self.gate.changed.notify_all();
    }
}

impl fmt::Debug for KeyUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyUse(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_is_told_of_the_last_use_and_nobody_comes_in_meanwhile() {
        let gate = Gate::new(Some(Keyring::generate(&mut rand::rng())));
        let (first, second) = (gate.enter().unwrap(), gate.enter().unwrap());
        gate.set(None);
        assert_eq!(gate.enter().unwrap_err(), Rejection::Sealed);
        assert!(!gate.is_open() && gate.key_ids().is_empty());
        drop(first);
        assert_eq!(gate.wait_until_unused(Duration::ZERO), 1);
        assert_eq!(second.ring().key_ids().count(), 1, "who is there goes on");
        let waiting = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| gate.wait_until_unused(Duration::from_mins(1)));
            drop(second);
            waiting.join()
        });
        assert_eq!(waiting.unwrap(), 0);
    }
}
