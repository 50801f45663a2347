//! The positions of matching events: a range of the log, or any set of them.

use std::ops::Range;

use ledger_store::Selection;

use crate::times::Pieces;

/// Positions of events. A range costs the same however long it is.
#[derive(Debug)]
pub(super) enum Matches {
    /// All positions of a range.
    Range(Range<u64>),
    /// Any set.
    Set(Selection),
}

impl Matches {
    /// Creates the positions of some ranges.
    pub(super) fn of(pieces: Pieces) -> Self {
        match pieces.as_slice() {
            [] => Self::Range(1..1),
            [only] => Self::Range(only.clone()),
            _ => {
                let mut all = Selection::default();
                for Range { start, end } in pieces {
                    all.unite(Selection::range(start, end));
                }
                Self::Set(all)
            }
        }
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Range(range) => range.end.saturating_sub(range.start),
            Self::Set(set) => set.len(),
        }
    }

    /// Returns how many positions are below `position`.
    pub(super) fn rank(&self, position: u64) -> u64 {
        match self {
            Self::Range(range) => {
                position.clamp(range.start, range.end.max(range.start)) - range.start
            }
            Self::Set(set) => set.rank(position),
        }
    }

    /// Returns up to `most` positions in order after skipping `skip` of them.
    pub(super) fn page(&self, skip: u64, most: usize, descending: bool) -> Vec<u64> {
        match self {
            Self::Range(range) => {
                let shown = range.clone();
                let skip = usize::try_from(skip).unwrap_or(usize::MAX);
                if descending {
                    shown.rev().skip(skip).take(most).collect()
                } else {
                    shown.skip(skip).take(most).collect()
                }
            }
            Self::Set(set) => set.page(skip, most, descending),
        }
    }

    /// Keeps only positions that are in `set`.
    pub(super) fn intersect(self, mut set: Selection) -> Self {
        match self {
            Self::Range(range) => set.keep_range(range.start, range.end),
            Self::Set(other) => set.intersect(&other),
        }
        Self::Set(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_answers_as_the_set_of_its_positions() {
        let reversed = Range { start: 9, end: 3 };
        for range in [1..1, 1..2, 3..9, 65_530..65_545, reversed] {
            let set = Matches::Set(Selection::range(range.start, range.end));
            let range = Matches::Range(range);
            assert_eq!(range.len(), set.len());
            for position in (0..12).chain(65_525..65_550) {
                assert_eq!(range.rank(position), set.rank(position), "{position}");
            }
            for (skip, most) in [(0, 3), (2, 100), (5, 1), (100, 1)] {
                for descending in [false, true] {
                    let (left, right) =
                        (range.page(skip, most, descending), set.page(skip, most, descending));
                    assert_eq!(left, right, "{skip} {most} {descending}");
                }
            }
        }
    }
}
