//! Changes to bitmaps, and the bitmaps that differ from the rows on disk.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::{Postings, Term, bits, split};
use crate::error::{ReadError, corrupt};

/// Bitmaps by chunk. Readers share them, so a change copies those that are being read.
pub(super) type Chunks = BTreeMap<u64, Arc<RoaringBitmap>>;

/// Bitmaps that differ from the rows on disk; an empty one stands for a row to be deleted.
#[derive(Debug, Default)]
pub(super) struct Changed {
    pub(super) terms: HashMap<Term, Chunks>,
    pub(super) rows: usize,
}

impl Changed {
    fn get(&mut self, term: &Term, chunk: u64) -> Option<&mut Arc<RoaringBitmap>> {
        self.terms.get_mut(term)?.get_mut(&chunk)
    }

    fn contains(&self, term: &Term, chunk: u64) -> bool {
        self.terms.get(term).is_some_and(|chunks| chunks.contains_key(&chunk))
    }

    fn add(&mut self, term: Term, chunk: u64, bits: RoaringBitmap) {
        if self.terms.entry(term).or_default().insert(chunk, Arc::new(bits)).is_none() {
            self.rows += 1;
        }
    }
}

/// Changes to bitmaps, in order.
#[derive(Debug, Default)]
pub struct Changes {
    list: Vec<Change>,
}

#[derive(Debug)]
struct Change {
    term: Term,
    number: u64,
    present: bool,
}

impl Changes {
    /// Adds `number` to a term.
    pub fn insert(&mut self, term: Term, number: u64) {
        self.list.push(Change { term, number, present: true });
    }

    /// Removes `number` from a term.
    pub fn remove(&mut self, term: Term, number: u64) {
        self.list.push(Change { term, number, present: false });
    }
}

/// Applies changes. Rows are read before bitmaps are locked.
pub(super) fn apply(postings: &Postings, changes: Changes) -> Result<usize, ReadError> {
    let _one = postings.changing.lock();
    let missing = missing(&postings.changed.read(), &changes);
    let mut read = Vec::with_capacity(missing.len());
    for (term, chunk) in missing {
        read.push((term.clone(), chunk, stored(postings, term, chunk)?.unwrap_or_default()));
    }
    let mut memory = postings.changed.write();
    for (term, chunk, bits) in read {
        memory.add(term, chunk, bits);
    }
    for Change { term, number, present } in changes.list {
        let (chunk, low) = split(number);
        if let Some(bits) = memory.get(&term, chunk) {
            let bits = Arc::make_mut(bits);
            if present {
                bits.insert(low)
            } else {
                bits.remove(low)
            };
        }
    }
    Ok(memory.rows)
}

/// Returns the rows that are to be changed and not in memory.
fn missing<'a>(memory: &Changed, changes: &'a Changes) -> Vec<(&'a Term, u64)> {
    let rows = changes.list.iter().map(|change| (&change.term, split(change.number).0));
    let mut missing: Vec<_> = rows.filter(|(term, chunk)| !memory.contains(term, *chunk)).collect();
    missing.sort_unstable();
    missing.dedup();
    missing
}

fn stored(
    postings: &Postings,
    term: &Term,
    chunk: u64,
) -> Result<Option<RoaringBitmap>, ReadError> {
    let bytes = postings.store.get(&postings.table, &term.chunk(chunk))?;
    bytes
        .map(|bytes| bits::decode(&bytes).ok_or_else(|| corrupt(&postings.table, "a bitmap")))
        .transpose()
}
