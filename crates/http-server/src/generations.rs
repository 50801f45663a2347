//! A map that forgets what was not used for long once it is full.

use std::collections::HashMap;
use std::hash::Hash;
use std::mem;

/// Holds the entries used since the last turn, and those of the turn before.
///
/// When the first half is full, the second is forgotten and the first becomes the second. What is
/// used at least once a turn stays, whatever else comes in.
#[derive(Debug)]
pub(crate) struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    half: usize,
}

impl<K: Eq + Hash, V> Generations<K, V> {
    /// Makes one of at most `capacity` entries.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), half: (capacity / 2).max(1) }
    }

    /// Returns the entry, which counts as used.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        if let Some((key, value)) = self.old.remove_entry(key) {
            self.put(key, value);
        }
        self.young.get_mut(key)
    }

    /// Adds or replaces an entry.
    pub(crate) fn put(&mut self, key: K, value: V) {
        self.old.remove(&key);
        if self.young.len() >= self.half && !self.young.contains_key(&key) {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    /// Forgets an entry.
    pub(crate) fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }

    /// Forgets the entries that are not worth keeping.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&V) -> bool) {
        for half in [&mut self.young, &mut self.old] {
            half.retain(|_, value| keep(value));
            half.shrink_to_fit();
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_is_forgotten() {
        let mut map = Generations::new(10);
        map.put(0, "used");
        for key in 1..1_000 {
            map.put(key, "unused");
            assert_eq!(map.get_mut(&0), Some(&mut "used"), "after {key}");
            assert!(map.len() <= 10, "{} entries", map.len());
        }
        assert_eq!(map.get_mut(&1), None);
        map.retain(|value| *value == "used");
        assert_eq!(map.len(), 1);
    }
}
