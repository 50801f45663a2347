//! A bounded map that drops the entries not used recently.

use std::collections::HashMap;
use std::hash::Hash;
use std::mem;

/// Holds the entries used in the current generation, and those of the generation before.
///
/// When the current generation is full, the older one is dropped and a new one begins. An entry
/// used at least once in each generation stays, regardless of how many others come in.
#[derive(Debug)]
pub(crate) struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    half: usize,
}

impl<K: Eq + Hash, V> Generations<K, V> {
    /// Creates a map of at most `capacity` entries.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), half: (capacity / 2).max(1) }
    }

    /// Returns an entry, and marks it as used.
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

    /// Removes an entry.
    pub(crate) fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }

    /// Removes the entries for which `keep` is false.
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
    fn used_entries_stay_and_the_rest_is_dropped() {
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
