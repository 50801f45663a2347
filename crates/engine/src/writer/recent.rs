//! A map of recent values, which outlive their write to disk.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Keeps at least the last `capacity` values. The capacity exceeds the number of commands that can
/// be in flight, so evicted values are on disk. Values with a size are also limited by their bytes,
/// except those that are not on disk yet.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    values: HashMap<K, (u64, V)>,
    order: VecDeque<Entry<K>>,
    stamp: u64,
    capacity: usize,
    /// Size of all entries of `order`, replaced values included.
    bytes: usize,
    bytes_max: usize,
}

#[derive(Debug)]
struct Entry<K> {
    stamp: u64,
    key: K,
    bytes: usize,
}

impl<K: Hash + Eq + Clone, V> Recent<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            values: HashMap::new(),
            order: VecDeque::new(),
            stamp: 0,
            capacity,
            bytes: 0,
            bytes_max: usize::MAX,
        }
    }

    /// Limits the bytes of the values.
    pub(crate) fn within(self, bytes_max: usize) -> Self {
        Self { bytes_max, ..self }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.values.get(key).map(|(_, value)| value)
    }

    /// Takes a value out. Its place counts until it is evicted.
    pub(crate) fn take(&mut self, key: &K) -> Option<V> {
        self.values.remove(key).map(|(_, value)| value)
    }

    pub(crate) fn set(&mut self, key: K, value: V) {
        self.set_sized(key, value, 0, |_| true);
    }

    /// Keeps a value of a size. `is_durable` says which values may be evicted for their bytes.
    pub(crate) fn set_sized(
        &mut self,
        key: K,
        value: V,
        bytes: usize,
        is_durable: impl Fn(&V) -> bool,
    ) {
        self.stamp += 1;
        self.values.insert(key.clone(), (self.stamp, value));
        self.order.push_back(Entry { stamp: self.stamp, key, bytes });
        self.bytes += bytes;
        while self.order.len() > self.capacity || self.is_too_large(&is_durable) {
            let Some(Entry { stamp, key, bytes }) = self.order.pop_front() else { break };
            self.bytes -= bytes;
            if self.newest(&key) == Some(stamp) {
                self.values.remove(&key);
            }
        }
    }

    /// Returns whether the bytes exceed the limit and the oldest entry can be evicted.
    fn is_too_large(&self, is_durable: &impl Fn(&V) -> bool) -> bool {
        if self.bytes <= self.bytes_max {
            return false;
        }
        self.order.front().is_some_and(|oldest| match self.values.get(&oldest.key) {
            Some((stamp, value)) => *stamp != oldest.stamp || is_durable(value),
            None => true,
        })
    }

    fn newest(&self, key: &K) -> Option<u64> {
        self.values.get(key).map(|(stamp, _)| *stamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recent_values_are_kept_and_memory_is_bounded() {
        let mut recent = Recent::new(3);
        for key in 0..10 {
            recent.set(key, key * 2);
            recent.set(100, key);
        }
        assert_eq!(recent.get(&100), Some(&9));
        assert_eq!(recent.get(&9), Some(&18));
        assert_eq!(recent.get(&0), None);
        assert!(recent.values.len() <= 3 && recent.order.len() <= 3);
    }

    #[test]
    fn large_values_are_evicted_by_their_bytes_once_they_are_durable() {
        let mut recent = Recent::new(100).within(10);
        for key in 0..5 {
            recent.set_sized(key, key, 4, |value| *value < 2);
        }
        // 2 is the oldest that is not durable, and it keeps all later ones.
        let kept: Vec<_> = (0..5).filter(|key| recent.get(key).is_some()).collect();
        assert_eq!(kept, [2, 3, 4]);
        recent.set_sized(5, 5, 4, |_| true);
        let kept: Vec<_> = (0..6).filter(|key| recent.get(key).is_some()).collect();
        assert_eq!(kept, [4, 5]);
    }

    #[test]
    fn a_replaced_value_does_not_evict_its_successor() {
        let mut recent = Recent::new(100).within(10);
        for value in 0..50 {
            recent.set_sized("same", value, 4, |_| true);
        }
        assert_eq!(recent.get(&"same"), Some(&49));
        assert!(recent.bytes <= 10);
    }
}
