//! The events that are sent or wait, at most one of each stream: the later ones of a stream follow
//! when the first is taken.

use std::collections::{BTreeMap, HashMap};

use ledger_contract::alerts::HeldEvent;
use ledger_contract::records::StreamId;
use ledger_domain::{Micros, Position, Version};

/// The event of a stream whose turn it is.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) stream: StreamId,
    pub(super) version: Version,
    /// How often it was sent and not taken, while the receiver took others.
    pub(super) attempts: u32,
    /// When it is sent next.
    pub(super) next: Micros,
    pub(super) because: String,
    /// Whether a row says that it waits. If none does, its position is not passed.
    pub(super) is_held: bool,
    pub(super) is_sending: bool,
    /// The number of the latest attempt, among those of all events, and how many messages the
    /// receiver had taken then.
    pub(super) tried: Option<Tried>,
}

/// When an event was sent last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tried {
    pub(super) number: u64,
    pub(super) taken_before: u64,
}

impl Lane {
    /// An event that was found by going through the log.
    pub(super) fn new(stream: StreamId, version: Version, is_held: bool) -> Self {
        Self {
            stream,
            version,
            attempts: 0,
            next: Micros::default(),
            because: String::new(),
            is_held,
            is_sending: false,
            tried: None,
        }
    }

    fn of(held: HeldEvent) -> Self {
        let HeldEvent { stream, version, attempts, next, because } = held;
        Self { attempts, next, because, ..Self::new(stream, version, true) }
    }

    /// Returns the row that says that it waits.
    pub(super) fn row(&self) -> HeldEvent {
        HeldEvent {
            stream: self.stream.clone(),
            version: self.version,
            attempts: self.attempts,
            next: self.next,
            because: self.because.clone(),
        }
    }
}

/// All of them, by position.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    all: BTreeMap<Position, Lane>,
    by_stream: HashMap<StreamId, Position>,
}

impl Lanes {
    /// Takes up what waited.
    pub(super) fn of(held: BTreeMap<Position, HeldEvent>) -> Self {
        let mut lanes = Self::default();
        for (position, held) in held {
            lanes.insert(position, Lane::of(held));
        }
        lanes
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn has(&self, stream: &StreamId) -> bool {
        self.by_stream.contains_key(stream)
    }

    pub(super) fn insert(&mut self, position: Position, lane: Lane) {
        self.by_stream.insert(lane.stream.clone(), position);
        self.all.insert(position, lane);
    }

    pub(super) fn remove(&mut self, position: Position) -> Option<Lane> {
        let lane = self.all.remove(&position)?;
        self.by_stream.remove(&lane.stream);
        Some(lane)
    }

    pub(super) fn get_mut(&mut self, position: Position) -> Option<&mut Lane> {
        self.all.get_mut(&position)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Position, &Lane)> {
        self.all.iter().map(|(position, lane)| (*position, lane))
    }

    /// Returns the first event that is due.
    pub(super) fn due(&self, now: Micros) -> Option<Position> {
        let due = |lane: &Lane| !lane.is_sending && lane.next <= now;
        self.iter().find(|(_, lane)| due(lane)).map(|(position, _)| position)
    }

    /// Returns the event that was not sent for longest, due or not.
    pub(super) fn least_tried(&self) -> Option<Position> {
        let waiting = self.iter().filter(|(_, lane)| !lane.is_sending);
        waiting.min_by_key(|(position, lane)| (lane.tried, *position)).map(|(position, _)| position)
    }

    /// Returns when the next event is due.
    pub(super) fn next(&self) -> Option<Micros> {
        self.iter().filter(|(_, lane)| !lane.is_sending).map(|(_, lane)| lane.next).min()
    }

    /// Makes every event due that waits.
    pub(super) fn make_due(&mut self, now: Micros) {
        for lane in self.all.values_mut() {
            if lane.next > now {
                lane.next = now;
                // It is sent before its time, which is to cost it nothing.
                lane.attempts = lane.attempts.saturating_sub(1);
            }
        }
    }

    /// Returns the position before the first event of which no row says that it waits.
    pub(super) fn passed(&self) -> Option<Position> {
        let first = self.iter().find(|(_, lane)| !lane.is_held)?.0;
        Some(Position::new(first.get().saturating_sub(1)))
    }
}

#[cfg(test)]
mod tests {
    use ledger_domain::ConnectionId;

    use super::*;

    fn lane(number: u8, is_held: bool) -> Lane {
        let stream = StreamId::Connection(ConnectionId::from_bytes([number; 16]));
        Lane::new(stream, Version::new(1), is_held)
    }

    fn at(number: u64) -> Position {
        Position::new(number)
    }

    #[test]
    fn a_position_is_passed_when_all_before_it_are_done_or_have_rows() {
        let mut lanes = Lanes::default();
        assert_eq!(lanes.passed(), None);
        lanes.insert(at(3), lane(1, true));
        lanes.insert(at(5), lane(2, false));
        lanes.insert(at(9), lane(3, false));
        assert_eq!(lanes.passed(), Some(at(4)));
        lanes.get_mut(at(5)).unwrap().is_held = true;
        assert_eq!(lanes.passed(), Some(at(8)));
        let stream = lanes.remove(at(9)).unwrap().stream;
        assert!(lanes.passed().is_none() && !lanes.has(&stream));
    }

    #[test]
    fn what_is_due_goes_in_the_order_of_the_log_and_a_receiver_is_tried_with_one_after_the_other() {
        let mut lanes = Lanes::default();
        for number in 1..=3 {
            lanes.insert(at(number.into()), lane(number, true));
        }
        lanes.get_mut(at(1)).unwrap().next = Micros::new(10);
        assert_eq!(lanes.due(Micros::new(9)), Some(at(2)));
        assert_eq!(lanes.due(Micros::new(10)), Some(at(1)));
        assert_eq!(lanes.least_tried(), Some(at(1)));
        lanes.get_mut(at(1)).unwrap().tried = Some(Tried { number: 1, taken_before: 0 });
        assert_eq!(lanes.least_tried(), Some(at(2)));
        lanes.get_mut(at(2)).unwrap().is_sending = true;
        assert_eq!(lanes.least_tried(), Some(at(3)));
        assert_eq!(lanes.next(), Some(Micros::new(0)));
        lanes.make_due(Micros::new(4));
        assert_eq!(lanes.due(Micros::new(4)), Some(at(1)));
    }
}
