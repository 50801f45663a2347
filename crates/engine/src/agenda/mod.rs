//! When to look at connections again, because something about them ends at a time.

mod watch;

pub(crate) use watch::{AgendaWatch, Looked, Watched};

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use ledger_domain::{ConnectionId, Micros};
use parking_lot::{Condvar, Mutex};

/// Stands for a look that is due at once.
const AT_ONCE: Micros = Micros::new(i64::MIN);
/// Stands for a connection that is being looked at.
const TAKEN: Micros = Micros::new(i64::MAX);

/// Connections, each with the time of the next look at it. Only what is durable is on it.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    looks: Mutex<Looks>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Looks {
    next: HashMap<ConnectionId, Micros>,
    order: BTreeSet<(Micros, ConnectionId)>,
    stopped: bool,
}

impl Looks {
    fn set(&mut self, id: ConnectionId, at: Option<Micros>) {
        let before = match at {
            Some(at) => self.next.insert(id, at),
            None => self.next.remove(&id),
        };
        if let Some(before) = before {
            self.order.remove(&(before, id));
        }
        if let Some(at) = at.filter(|at| *at != TAKEN) {
            self.order.insert((at, id));
        }
    }

    /// Returns whether nothing happened to a connection since it was taken.
    fn is_unchanged(&self, id: ConnectionId) -> bool {
        self.next.get(&id).is_none_or(|at| *at == TAKEN)
    }
}

impl Agenda {
    /// Returns an agenda with these connections, each of which is to be looked at soon.
    pub(crate) fn of(ids: impl Iterator<Item = ConnectionId>) -> Self {
        let agenda = Self::default();
        let mut looks = agenda.looks.lock();
        ids.for_each(|id| looks.set(id, Some(AT_ONCE)));
        drop(looks);
        agenda
    }

    /// Has a connection looked at at a time, or no more.
    pub(crate) fn plan(&self, id: ConnectionId, at: Option<Micros>) {
        self.looks.lock().set(id, at);
        if at.is_some() {
            self.changed.notify_one();
        }
    }

    /// Has a connection that is on the agenda looked at no earlier than at a time.
    pub(crate) fn not_before(&self, id: ConnectionId, at: Micros) {
        let mut looks = self.looks.lock();
        if looks.next.get(&id).is_some_and(|next| *next < at) {
            looks.set(id, Some(at));
        }
    }

    /// Returns how many connections are on the agenda.
    pub(crate) fn len(&self) -> usize {
        self.looks.lock().next.len()
    }

    /// Has a connection looked at at a time, unless that happens earlier. Wakes nobody: a time
    /// that is soon is found at the next tick.
    ///
    /// `at` is asked while nothing else is planned or taken, so that a time which is the next one
    /// by the clock has not come yet.
    pub(crate) fn plan_by(&self, id: ConnectionId, at: impl FnOnce() -> Micros) {
        let mut looks = self.looks.lock();
        let at = at();
        if looks.next.get(&id).is_none_or(|next| at < *next) {
            looks.set(id, Some(at));
        }
    }

    /// Has a connection looked at at once.
    pub(crate) fn plan_now(&self, id: ConnectionId) {
        self.plan(id, Some(AT_ONCE));
    }

    /// Ends a wait, because there may be something to do.
    pub(crate) fn wake(&self) {
        self.changed.notify_one();
    }

    /// Returns whether a connection is to be looked at at once.
    #[cfg(test)]
    pub(crate) fn planned(&self, id: ConnectionId) -> bool {
        self.looks.lock().next.get(&id) == Some(&AT_ONCE)
    }

    /// Has a connection looked at, if it is on the agenda, because a consumer of it said something.
    pub(crate) fn look_again(&self, id: ConnectionId) {
        let mut looks = self.looks.lock();
        if looks.next.contains_key(&id) {
            looks.set(id, Some(AT_ONCE));
            drop(looks);
            self.changed.notify_one();
        }
    }

    /// Has a connection looked at later, unless something happened to it since it was taken.
    pub(crate) fn look_later(&self, id: ConnectionId, at: Micros) {
        let mut looks = self.looks.lock();
        if looks.is_unchanged(id) {
            looks.set(id, Some(at));
        }
    }

    /// Takes a connection off the agenda, unless something happened to it since it was taken.
    pub(crate) fn forget(&self, id: ConnectionId) {
        let mut looks = self.looks.lock();
        if looks.is_unchanged(id) {
            looks.set(id, None);
        }
    }

    /// Takes up to `most` connections that are to be looked at by now. They stay on the agenda, so
    /// that what happens during the look has them looked at again.
    fn take_due(&self, now: Micros, most: usize) -> Vec<ConnectionId> {
        let mut looks = self.looks.lock();
        let due = looks.order.iter().take_while(|(at, _)| *at <= now).take(most);
        let due: Vec<ConnectionId> = due.map(|(_, id)| *id).collect();
        for id in &due {
            looks.set(*id, Some(TAKEN));
        }
        due
    }

    /// Waits until something changes, or for `longest`. Returns whether to go on.
    fn wait(&self, longest: Duration) -> bool {
        let mut looks = self.looks.lock();
        if !looks.stopped {
            self.changed.wait_for(&mut looks, longest);
        }
        !looks.stopped
    }

    /// Returns whether the ledger is closing.
    pub(crate) fn is_stopped(&self) -> bool {
        self.looks.lock().stopped
    }

    /// Ends all waiting.
    fn stop(&self) {
        self.looks.lock().stopped = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> ConnectionId {
        ConnectionId::from_bytes([number; 16])
    }

    #[test]
    fn what_is_due_is_taken_in_the_order_of_time_and_once() {
        let agenda = Agenda::of([id(1)].into_iter());
        agenda.look_later(id(2), Micros::new(5));
        agenda.look_later(id(3), Micros::new(4));
        agenda.look_later(id(1), Micros::new(9));
        assert_eq!(agenda.take_due(Micros::new(3), 9), [id(1)], "the first look stays");
        assert_eq!(agenda.take_due(Micros::new(5), 1), [id(3)]);
        assert_eq!(agenda.take_due(Micros::new(5), 9), [id(2)]);
        assert!(agenda.take_due(Micros::new(i64::MAX), 9).is_empty());
    }

    #[test]
    fn what_happens_during_a_look_has_the_connection_looked_at_again() {
        let agenda = Agenda::of([id(1), id(2)].into_iter());
        assert_eq!(agenda.take_due(Micros::new(0), 9), [id(1), id(2)]);
        agenda.look_again(id(1));
        agenda.look_later(id(1), Micros::new(9));
        agenda.forget(id(2));
        agenda.look_again(id(2));
        assert_eq!(agenda.take_due(Micros::new(0), 9), [id(1)]);
    }

    #[test]
    fn the_earlier_of_two_looks_is_planned() {
        let agenda = Agenda::default();
        for (number, at) in [(1, 5), (1, 9), (2, 9), (2, 5)] {
            agenda.plan_by(id(number), || Micros::new(at));
        }
        assert_eq!(agenda.take_due(Micros::new(5), 9), [id(1), id(2)]);
        agenda.plan(id(1), None);
        agenda.plan_now(id(2));
        assert_eq!(agenda.take_due(Micros::new(0), 9), [id(2)]);
        agenda.plan(id(1), Some(Micros::new(3)));
        agenda.not_before(id(1), Micros::new(7));
        agenda.not_before(id(1), Micros::new(5));
        agenda.not_before(id(3), Micros::new(1));
        assert!(agenda.take_due(Micros::new(6), 9).is_empty(), "one is later, one is not there");
        assert_eq!(agenda.take_due(Micros::new(7), 9), [id(1)]);
        assert_eq!(agenda.len(), 2);
    }

    #[test]
    fn a_consumer_has_only_overlaps_looked_at() {
        let agenda = Agenda::default();
        agenda.look_again(id(1));
        assert!(agenda.take_due(Micros::new(0), 9).is_empty());
        agenda.look_later(id(1), Micros::new(5));
        agenda.look_again(id(1));
        assert_eq!(agenda.take_due(Micros::new(0), 9), [id(1)]);
    }
}
