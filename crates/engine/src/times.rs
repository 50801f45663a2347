//! Finding events by time.
//!
//! Times in the log never decrease. If the clock went back, records have the time of their
//! predecessor, and keep beside it what the clock said. They follow each other until the clock has
//! caught up, so they are found by their own time among those of the same recorded time.

use std::ops::Range;

use ledger_contract::records::Frame;
use ledger_domain::{ConnectionId, Micros, Position, Version};
use ledger_store::Store;
use ledger_store::tables::{StreamKey, streams};

use crate::errors::Fault;
use crate::history;

/// Positions in at most two ranges, of which none is empty.
pub(crate) type Pieces = Vec<Range<u64>>;

/// The events at or after a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Since {
    /// The first event recorded at or after it.
    first: u64,
    /// Those after the first one that happened before the time, because the clock had gone back.
    earlier: Range<u64>,
    /// The position after the last event.
    end: u64,
}

impl Since {
    /// Finds the events at or after `time` up to `head`.
    pub(crate) fn find(store: &Store, head: Position, time: Micros) -> Result<Self, Fault> {
        let end = head.get() + 1;
        let recorded = |at| recorded_at(store, Position::new(at));
        let first = first_at(store, head, time)?;
        if first == end {
            return Ok(Self { first, earlier: end..end, end });
        }
        let alike = recorded(first)?;
        let run = partition(first..end, |at| Ok(recorded(at)? <= alike))?;
        let back = partition(first + 1..run, |at| Ok(clock(store, Position::new(at))?.is_none()))?;
        let is_earlier = |at| Ok(clock(store, Position::new(at))?.is_some_and(|said| said < time));
        let later = partition(back..run, is_earlier)?;
        Ok(Self { first, earlier: back..later, end })
    }

    /// Returns the positions of the events.
    pub(crate) fn pieces(&self) -> Pieces {
        not_empty([self.first..self.earlier.start, self.earlier.end..self.end])
    }

    /// Returns the positions of all other events.
    pub(crate) fn others(&self) -> Pieces {
        not_empty([1..self.first, self.earlier.clone()])
    }
}

/// Returns the positions that are in both.
pub(crate) fn common(left: &Pieces, right: &Pieces) -> Pieces {
    let both = |(left, right): (&Range<u64>, &Range<u64>)| {
        left.start.max(right.start)..left.end.min(right.end)
    };
    let pairs = left.iter().flat_map(|left| right.iter().map(move |right| (left, right)));
    let mut common = not_empty(pairs.map(both));
    common.sort_by_key(|piece| piece.start);
    common
}

fn not_empty(pieces: impl IntoIterator<Item = Range<u64>>) -> Pieces {
    pieces.into_iter().filter(|piece| !piece.is_empty()).collect()
}

/// Returns the position of the first event up to `head` that was recorded at or after a time, or
/// the one after `head`.
pub(crate) fn first_at(store: &Store, head: Position, time: Micros) -> Result<u64, Fault> {
    partition(1..head.get() + 1, |at| Ok(recorded_at(store, Position::new(at))? < time))
}

/// Returns the last version of a connection up to `last` that was recorded before a position, or
/// zero if there is none.
pub(crate) fn last_version_before(
    store: &Store,
    id: ConnectionId,
    last: Version,
    position: u64,
) -> Result<Version, Fault> {
    let is_before = |version| {
        let version = Version::new(version);
        let at = streams::scan(store, StreamKey::connection(id), version).next().transpose()?;
        Ok(at.is_some_and(|at| at.get() < position))
    };
    let first = partition(1..last.get() + 1, is_before)?;
    Ok(Version::new(first - 1))
}

/// Returns the first number that does not fulfill a condition, which holds for a first part of the
/// range only.
pub(crate) fn partition(
    range: Range<u64>,
    holds: impl Fn(u64) -> Result<bool, Fault>,
) -> Result<u64, Fault> {
    let Range { start: mut low, end: mut high } = range;
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle)? {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// Returns the recorded time of an event.
pub(crate) fn recorded_at(store: &Store, position: Position) -> Result<Micros, Fault> {
    let record = history::bytes(store, position)?;
    Ok(Frame::read(position, &record).map_err(Fault::from)?.recorded_at)
}

/// Returns what the clock said, if it had gone back.
fn clock(store: &Store, position: Position) -> Result<Option<Micros>, Fault> {
    Ok(history::record(store, position)?.metadata.clock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_positions_of_ranges_are_ranges_in_order() {
        let left = vec![1..5, 8..12];
        let right = |range: Range<u64>| std::iter::once(range).collect::<Pieces>();
        assert_eq!(common(&left, &right(3..9)), [3..5, 8..9]);
        assert_eq!(common(&left, &right(1..20)), left);
        assert_eq!(common(&left, &right(5..8)), Pieces::new());
    }
}
