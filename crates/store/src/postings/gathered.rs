//! Gathers numbers by term for an empty table.

use std::collections::HashMap;

use super::bits::Numbers;
use super::{CHUNK_BITS, split_low, write_term};
use crate::error::AppendError;
use crate::sorted::SortedFile;

/// For fields below this number, the last value is remembered. Their values come in runs, such as
/// the same actor or type many times.
const FIELDS_REMEMBERED: usize = 16;

/// The key and bitmap of one term in one chunk.
pub type BitmapRow = (Box<[u8]>, Vec<u8>);

/// Numbers by term, gathered before they become rows. Nothing is read from the table, so it must
/// not contain rows of the same chunks yet.
#[derive(Debug, Default)]
pub struct Gathered {
    /// Indexes into the numbers, by row key.
    places: HashMap<Box<[u8]>, usize>,
    numbers: Vec<Numbers>,
    recent: [Recent; FIELDS_REMEMBERED],
    key: Vec<u8>,
}

/// The last value of a field and its row.
#[derive(Debug, Default)]
struct Recent {
    value: String,
    chunk: u64,
    place: Option<usize>,
}

impl Gathered {
    /// Returns the chunk of a number. [`Self::take_rows`] splits at chunks.
    pub const fn chunk(number: u64) -> u64 {
        number >> CHUNK_BITS
    }

    /// Adds `number` to a value of a field.
    pub fn add(&mut self, field: u8, value: &str, number: u64) {
        let (chunk, low) = split_low(number);
        let place = match self.recent.get(usize::from(field)) {
            Some(Recent { value: last, chunk: of, place: Some(place) })
                if *of == chunk && last == value =>
            {
                *place
            }
            _ => self.find(field, value, chunk),
        };
        if let Some(numbers) = self.numbers.get_mut(place) {
            numbers.add(low);
        }
    }

    /// Finds or creates a row and remembers it.
    fn find(&mut self, field: u8, value: &str, chunk: u64) -> usize {
        self.key.clear();
        write_term(&mut self.key, field, value);
        self.key.extend_from_slice(&chunk.to_be_bytes());
        let place = match self.places.get(self.key.as_slice()) {
            Some(place) => *place,
            None => self.make(self.key.as_slice().into()),
        };
        if let Some(recent) = self.recent.get_mut(usize::from(field)) {
            recent.value.clear();
            recent.value.push_str(value);
            (recent.chunk, recent.place) = (chunk, Some(place));
        }
        place
    }

    fn make(&mut self, key: Box<[u8]>) -> usize {
        self.numbers.push(Numbers::new());
        self.places.insert(key, self.numbers.len() - 1);
        self.numbers.len() - 1
    }

    /// Merges the numbers that another thread gathered.
    pub fn merge(&mut self, other: Self) {
        let Self { places, mut numbers, .. } = other;
        for (key, from) in places {
            let Some(theirs) = numbers.get_mut(from) else { continue };
            let theirs = std::mem::replace(theirs, Numbers::new());
            let place = match self.places.get(&key) {
                Some(place) => *place,
                None => self.make(key),
            };
            if let Some(ours) = self.numbers.get_mut(place) {
                ours.unite(theirs);
            }
        }
    }

    /// Removes and returns the rows of chunks below `end`, in key order.
    pub fn take_rows(&mut self, end: u64) -> Vec<BitmapRow> {
        let whole =
            |key: &[u8]| key.last_chunk::<8>().is_none_or(|chunk| u64::from_be_bytes(*chunk) < end);
        let mut numbers = std::mem::take(&mut self.numbers);
        let mut rows = Vec::with_capacity(self.places.len());
        for (key, from) in std::mem::take(&mut self.places) {
            let Some(theirs) = numbers.get_mut(from) else { continue };
            let theirs = std::mem::replace(theirs, Numbers::new());
            if whole(&key) {
                rows.push((key, theirs.encode()));
            } else {
                let place = self.make(key);
                if let Some(ours) = self.numbers.get_mut(place) {
                    *ours = theirs;
                }
            }
        }
        self.recent = Default::default();
        rows.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
        rows
    }
}

/// Adds rows from [`Gathered::take_rows`] to a file, in the same order.
pub fn load_bitmaps(file: &mut SortedFile<'_>, rows: &[BitmapRow]) -> Result<(), AppendError> {
    rows.iter().try_for_each(|(key, bits)| file.put(key, bits))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::collection::vec;
    use proptest::prelude::*;
    use roaring::RoaringBitmap;

    use super::*;
    use crate::postings::{Term, bits};

    /// The rows that [`super::super::Postings`] stores for the same numbers.
    fn stored(added: &[(u8, u8, u64)]) -> Vec<BitmapRow> {
        let mut rows: BTreeMap<Box<[u8]>, RoaringBitmap> = BTreeMap::new();
        for (field, value, number) in added {
            let key = Term::new(*field, &value.to_string()).chunk(Gathered::chunk(*number));
            let low = u32::try_from(number & 0xffff).unwrap();
            rows.entry(key.into()).or_default().insert(low);
        }
        rows.into_iter().map(|(key, numbers)| (key, bits::encode(&numbers))).collect()
    }

    fn gather(added: &[(u8, u8, u64)]) -> Gathered {
        let mut gathered = Gathered::default();
        for (field, value, number) in added {
            gathered.add(*field, &value.to_string(), *number);
        }
        gathered
    }

    proptest! {
        #[test]
        fn gathered_rows_are_what_one_by_one_would_store(
            ours in vec((0_u8..20, 0_u8..3, 0_u64..200_000), 0..200),
            theirs in vec((0_u8..20, 0_u8..3, 0_u64..200_000), 0..200),
            end in 0_u64..5,
        ) {
            let mut gathered = gather(&ours);
            gathered.merge(gather(&theirs));
            let all = [ours, theirs].concat();
            let (whole, rest): (Vec<_>, Vec<_>) =
                all.into_iter().partition(|(.., number)| Gathered::chunk(*number) < end);
            prop_assert_eq!(gathered.take_rows(end), stored(&whole));
            gathered.add(1, "later", 7);
            gathered.take_rows(1);
            let rest: Vec<_> = rest.into_iter().filter(|(.., number)| *number >= 65_536).collect();
            prop_assert_eq!(gathered.take_rows(u64::MAX), stored(&rest));
        }
    }

    #[test]
    fn the_form_changes_at_the_same_length() {
        for length in [0_u64, 1, 4_095, 4_096, 4_097, 10_000, 65_536] {
            let all: BTreeSet<u64> = (0..length).map(|number| number * 40_503 % 65_536).collect();
            let added: Vec<_> = all.iter().map(|number| (1, 1, *number)).collect();
            let twice = [added.clone(), added.clone()].concat();
            assert_eq!(gather(&twice).take_rows(1), stored(&added), "{length}");
            let (left, right) = added.split_at(added.len() / 3);
            for (first, second) in [(left, right), (right, left)] {
                let mut gathered = gather(first);
                gathered.merge(gather(second));
                assert_eq!(gathered.take_rows(1), stored(&added), "{length}");
            }
        }
    }
}
