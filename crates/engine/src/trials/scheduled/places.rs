//! How many tests may be made at once, and who waits for a place.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use ledger_domain::ConnectionId;
use parking_lot::Mutex;

use crate::agenda::Agenda;

/// Most tests by schedule at once.
const AT_ONCE_MAX: usize = 64;

/// The tests that are being made, by provider.
#[derive(Debug, Default)]
pub(super) struct Places(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_provider: HashMap<String, usize>,
    /// Most of one provider at once, when it was last said.
    most: usize,
    /// Connections whose time has come, with their providers, in the order in which it did.
    waiting: VecDeque<(String, ConnectionId)>,
    waits: HashSet<ConnectionId>,
}

/// The right to make a test now. When it is dropped, the next connection that waits is looked at.
#[derive(Debug)]
pub(in super::super) struct Place {
    provider: String,
    taken: Arc<Mutex<Taken>>,
    agenda: Arc<Agenda>,
}

impl Places {
    /// Returns how many are taken.
    pub(super) fn taken(&self) -> usize {
        self.0.lock().all
    }

    /// Returns the right to make a test of a provider, unless as many are being made as may be.
    /// Then `waits` is looked at as soon as there is a place for it.
    pub(super) fn take(
        &self,
        provider: &str,
        most: usize,
        agenda: &Arc<Agenda>,
        waits: Option<ConnectionId>,
    ) -> Option<Place> {
        let mut taken = self.0.lock();
        taken.most = most;
        if !taken.has_room(provider) {
            if let Some(id) = waits.filter(|id| taken.waits.insert(*id)) {
                taken.waiting.push_back((provider.to_owned(), id));
            }
            return None;
        }
        taken.all += 1;
        *taken.by_provider.entry(provider.to_owned()).or_default() += 1;
        if waits.is_some_and(|id| taken.waits.remove(&id)) {
            taken.waiting.retain(|(_, id)| Some(*id) != waits);
        }
        let (provider, agenda) = (provider.to_owned(), Arc::clone(agenda));
        Some(Place { provider, taken: Arc::clone(&self.0), agenda })
    }

    /// Has the connection that has waited longest looked at, of those for which there is a place.
    pub(super) fn wake(&self, agenda: &Agenda) {
        let next = self.0.lock().next();
        if let Some(id) = next {
            agenda.plan_now(id);
        }
    }
}

impl Taken {
    fn has_room(&self, provider: &str) -> bool {
        let of_provider = self.by_provider.get(provider).copied().unwrap_or_default();
        self.all < AT_ONCE_MAX && of_provider < self.most
    }

    fn next(&mut self) -> Option<ConnectionId> {
        let at = self.waiting.iter().position(|(provider, _)| self.has_room(provider))?;
        let (_, id) = self.waiting.remove(at)?;
        self.waits.remove(&id);
        Some(id)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock();
        taken.all = taken.all.saturating_sub(1);
        if let Some(count) = taken.by_provider.get_mut(&self.provider) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.by_provider.remove(&self.provider);
            }
        }
        let next = taken.next();
        drop(taken);
        if let Some(id) = next {
            self.agenda.plan_now(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_is_looked_at_in_turn_as_soon_as_there_is_a_place() {
        let id = |number| ConnectionId::from_bytes([number; 16]);
        let (places, agenda) = (Places::default(), Arc::new(Agenda::default()));
        let take = |provider, number| places.take(provider, 2, &agenda, Some(id(number)));
        let (first, second) = (take("a", 1).unwrap(), take("a", 2).unwrap());
        for number in [3, 4, 3, 5] {
            assert!(take("a", number).is_none());
        }
        let other = take("b", 9).unwrap();
        assert_eq!(places.taken(), 3);
        drop(first);
        assert!(agenda.planned(id(3)) && !agenda.planned(id(4)), "the first that waits");
        // It takes no place, because it is tested already.
        places.wake(&agenda);
        assert!(agenda.planned(id(4)) && !agenda.planned(id(5)));
        let third = take("a", 4).unwrap();
        places.wake(&agenda);
        assert!(!agenda.planned(id(5)), "there is no place for it");
        // One whose time comes again while it waits does not wait any more.
        drop(second);
        assert!(agenda.planned(id(5)));
        drop((third, other));
        assert_eq!((agenda.len(), places.taken()), (3, 0));
    }

    #[test]
    fn who_gets_a_place_by_the_schedule_is_not_tested_once_more() {
        let id = |number| ConnectionId::from_bytes([number; 16]);
        let (places, agenda) = (Places::default(), Arc::new(Agenda::default()));
        let take = |number| places.take("a", 1, &agenda, Some(id(number)));
        let first = take(1).unwrap();
        assert!(take(2).is_none() && take(3).is_none());
        drop(first);
        let second = take(2).unwrap();
        assert!(take(2).is_none(), "it waits again");
        drop(second);
        drop(take(2).unwrap());
        assert_eq!(places.0.lock().waiting.len(), 0);
        assert!(agenda.planned(id(3)));
    }
}
