//! A set of generations of one secret field, of bounded size.

use std::collections::BTreeMap;

use crate::ids::Generation;

/// Ranges that a set has at most.
const RANGES_MAX: usize = 16;

/// Generations of one secret field. Neighbors count as one range, of which there are at most 16;
/// a set that would have more takes what is between the two lowest ranges as well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Generations(BTreeMap<Generation, Generation>);

impl Extend<Generation> for Generations {
    fn extend<T: IntoIterator<Item = Generation>>(&mut self, generations: T) {
        for generation in generations {
            self.insert(generation);
        }
    }
}

impl Generations {
    /// Adds a generation.
    pub fn insert(&mut self, generation: Generation) {
        if self.contains(generation) {
            return;
        }
        let before = self.0.range(..generation).next_back().map(|(first, last)| (*first, *last));
        let first = before.filter(|(_, last)| last.next() == generation);
        let first = first.map_or(generation, |(first, _)| first);
        let last = self.0.remove(&generation.next()).unwrap_or(generation);
        self.0.insert(first, last);
        if self.0.len() > RANGES_MAX {
            self.join_lowest();
        }
    }

    fn join_lowest(&mut self) {
        let (Some((first, _)), Some((_, last))) = (self.0.pop_first(), self.0.pop_first()) else {
            return;
        };
        self.0.insert(first, last);
    }

    /// Returns whether a generation is among them.
    pub fn contains(&self, generation: Generation) -> bool {
        self.0.range(..=generation).next_back().is_some_and(|(_, last)| generation <= *last)
    }

    /// Returns the highest of them.
    pub fn highest(&self) -> Option<Generation> {
        self.0.last_key_value().map(|(_, last)| *last)
    }

    /// Returns its ranges in order, with both ends.
    pub fn ranges(&self) -> impl Iterator<Item = (Generation, Generation)> {
        self.0.iter().map(|(first, last)| (*first, *last))
    }

    /// Returns the set of stored ranges.
    pub fn stored(ranges: impl IntoIterator<Item = (Generation, Generation)>) -> Self {
        Self(ranges.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(numbers: &[u64]) -> Generations {
        let mut set = Generations::default();
        for number in numbers {
            set.insert(Generation::new(*number));
        }
        set
    }

    fn ranges(set: &Generations) -> Vec<(u64, u64)> {
        set.ranges().map(|(first, last)| (first.get(), last.get())).collect()
    }

    #[test]
    fn neighbors_are_one_range_in_whatever_order_they_come() {
        assert_eq!(ranges(&set(&[1, 2, 3])), [(1, 3)]);
        assert_eq!(ranges(&set(&[3, 1, 2, 2])), [(1, 3)]);
        assert_eq!(ranges(&set(&[5, 1, 3])), [(1, 1), (3, 3), (5, 5)]);
        let some = set(&[2, 3, 7]);
        let within = (0..9).filter(|number| some.contains(Generation::new(*number)));
        assert_eq!(within.collect::<Vec<_>>(), [2, 3, 7]);
        assert_eq!(some.highest(), Some(Generation::new(7)));
        assert_eq!(set(&[]).highest(), None);
        assert_eq!(Generations::stored(some.ranges()), some);
    }

    #[test]
    fn it_has_a_bound_and_forgets_none() {
        let all: Vec<u64> = (0..1_000).map(|number| number * 2).collect();
        let some = set(&all);
        assert_eq!(some.ranges().count(), RANGES_MAX);
        assert!(all.iter().all(|number| some.contains(Generation::new(*number))));
        assert!(!some.contains(Generation::new(1_997)), "only the lowest are joined");
        assert!(some.contains(Generation::new(1)));
    }
}
