//! Sets of numbers, as queries combine them.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;

use super::{CHUNK_BITS, split};

/// A set of numbers by chunk, in order. No chunk is empty.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    pub(super) chunks: BTreeMap<u64, RoaringBitmap>,
}

impl Selection {
    /// Returns the set of all numbers from `from` up to, but not including, `until`.
    pub fn range(from: u64, until: u64) -> Self {
        let mut chunks = BTreeMap::new();
        let mut start = from;
        while start < until {
            let (chunk, low) = split(start);
            let end = ((chunk + 1) << CHUNK_BITS).min(until);
            let length = u32::try_from(end - start).unwrap_or(u32::MAX);
            let mut bits = RoaringBitmap::new();
            bits.insert_range(low..low + length);
            chunks.insert(chunk, bits);
            start = end;
        }
        Self { chunks }
    }

    /// Returns how many numbers the set has.
    pub fn len(&self) -> u64 {
        self.chunks.values().map(RoaringBitmap::len).sum()
    }

    /// Returns whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Returns the first and the last chunk.
    pub(super) fn span(&self) -> (u64, u64) {
        let first = self.chunks.first_key_value().map_or(0, |(chunk, _)| *chunk);
        (first, self.chunks.last_key_value().map_or(0, |(chunk, _)| *chunk))
    }

    /// Returns whether most chunks between the first and the last are missing.
    pub(super) fn is_sparse(&self) -> bool {
        let (first, last) = self.span();
        u64::try_from(self.chunks.len()).is_ok_and(|chunks| chunks <= (last - first) / 2)
    }

    /// Returns whether the set contains `number`.
    pub fn contains(&self, number: u64) -> bool {
        let (chunk, low) = split(number);
        self.chunks.get(&chunk).is_some_and(|bits| bits.contains(low))
    }

    /// Adds `number`.
    pub fn insert(&mut self, number: u64) {
        let (chunk, low) = split(number);
        self.chunks.entry(chunk).or_default().insert(low);
    }

    /// Removes `number`.
    pub fn remove(&mut self, number: u64) {
        let (chunk, low) = split(number);
        if let Some(bits) = self.chunks.get_mut(&chunk) {
            bits.remove(low);
            if bits.is_empty() {
                self.chunks.remove(&chunk);
            }
        }
    }

    /// Keeps only numbers that are in both sets.
    pub fn intersect(&mut self, other: &Self) {
        self.chunks.retain(|chunk, bits| match other.chunks.get(chunk) {
            None => false,
            Some(others) => {
                *bits &= others;
                !bits.is_empty()
            }
        });
    }

    /// Removes all numbers of `other`.
    pub fn subtract(&mut self, other: &Self) {
        self.chunks.retain(|chunk, bits| {
            if let Some(others) = other.chunks.get(chunk) {
                *bits -= others;
            }
            !bits.is_empty()
        });
    }

    /// Adds all numbers of `other`.
    pub fn unite(&mut self, other: Self) {
        for (chunk, bits) in other.chunks {
            *self.chunks.entry(chunk).or_default() |= bits;
        }
    }

    /// Returns up to `most` numbers in order after skipping `skip` of them.
    pub fn page(&self, skip: u64, most: usize, descending: bool) -> Vec<u64> {
        let mut skip = skip;
        let mut numbers = Vec::with_capacity(most.min(1_024));
        let mut visit = |(chunk, bits): (&u64, &RoaringBitmap)| {
            if skip >= bits.len() {
                skip -= bits.len();
                return numbers.len() < most;
            }
            let base = chunk << CHUNK_BITS;
            let skipped = usize::try_from(skip).unwrap_or(usize::MAX);
            skip = 0;
            let wanted = most - numbers.len();
            let number = |low: u32| base | u64::from(low);
            if descending {
                numbers.extend(bits.iter().rev().skip(skipped).take(wanted).map(number));
            } else {
                numbers.extend(bits.iter().skip(skipped).take(wanted).map(number));
            }
            numbers.len() < most
        };
        if descending {
            let _ = self.chunks.iter().rev().all(&mut visit);
        } else {
            let _ = self.chunks.iter().all(&mut visit);
        }
        numbers
    }

    /// Returns how many numbers are below `number`.
    pub fn rank(&self, number: u64) -> u64 {
        let (chunk, low) = split(number);
        let whole: u64 = self.chunks.range(..chunk).map(|(_, bits)| bits.len()).sum();
        let part = match (self.chunks.get(&chunk), low.checked_sub(1)) {
            (Some(bits), Some(below)) => bits.rank(below),
            _ => 0,
        };
        whole + part
    }

    /// Keeps only numbers from `from` up to, but not including, `until`.
    pub fn keep_range(&mut self, from: u64, until: u64) {
        self.chunks.retain(|chunk, bits| {
            let base = chunk << CHUNK_BITS;
            let end = base + (1 << CHUNK_BITS);
            if from > base || until < end {
                let low =
                    |number: u64| u32::try_from(number.clamp(base, end) - base).unwrap_or(u32::MAX);
                bits.remove_range(..low(from));
                bits.remove_range(low(until)..);
            }
            !bits.is_empty()
        });
    }
}
