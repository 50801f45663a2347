//! A map of recent values, which outlive their write to disk.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Keeps at least the last `capacity` values. The capacity exceeds the number of commands that can
/// be in flight, so evicted values are on disk.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    values: HashMap<K, (u64, V)>,
    order: VecDeque<(u64, K)>,
    stamp: u64,
    capacity: usize,
}

impl<K: Hash + Eq + Clone, V> Recent<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { values: HashMap::new(), order: VecDeque::new(), stamp: 0, capacity }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.values.get(key).map(|(_, value)| value)
    }

    pub(crate) fn set(&mut self, key: K, value: V) {
        self.stamp += 1;
        self.values.insert(key.clone(), (self.stamp, value));
        self.order.push_back((self.stamp, key));
        while self.order.len() > self.capacity {
            let Some((stamp, key)) = self.order.pop_front() else { break };
            if self.values.get(&key).is_some_and(|(newest, _)| *newest == stamp) {
                self.values.remove(&key);
            }
        }
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
}
