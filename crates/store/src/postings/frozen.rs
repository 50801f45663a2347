//! Bitmaps as they were at one moment, read while changes go on.

use std::collections::HashMap;

use super::changes::Chunks;
use super::{Postings, Selection, Term, bits};
use crate::error::{ReadError, corrupt};
use crate::store::Snapshot;
use crate::table::Table;

/// Some terms at one moment: a snapshot of the table and the bitmaps that were in memory.
#[derive(Debug)]
pub struct Frozen<'a> {
    table: &'a Table,
    rows: Snapshot<'a>,
    changed: HashMap<Term, Chunks>,
}

impl<'a> Frozen<'a> {
    /// Freezes `terms`. The lock is held only while the snapshot is taken.
    pub(super) fn of<'t>(
        postings: &'a Postings,
        terms: impl IntoIterator<Item = &'t Term>,
    ) -> Self {
        let all = postings.changed.read();
        let rows = postings.store.snapshot();
        let changed = terms.into_iter().filter_map(|term| {
            let chunks = all.terms.get(term)?;
            Some((term.clone(), chunks.clone()))
        });
        let changed = changed.collect();
        drop(all);
        Self { table: &postings.table, rows, changed }
    }

    /// Returns the numbers that match one term of every group and are `within` a set, if one is
    /// given. `None` if there is neither. All terms must have been frozen.
    pub fn select(
        &self,
        within: Option<Selection>,
        groups: &[Vec<Term>],
    ) -> Result<Option<Selection>, ReadError> {
        let mut selected = within;
        for group in groups {
            let mut any = Selection::default();
            for term in group {
                any.unite(match &selected {
                    None => self.whole(term)?,
                    Some(within) => self.part(term, within)?,
                });
            }
            match &mut selected {
                None => selected = Some(any),
                Some(all) => all.intersect(&any),
            }
        }
        Ok(selected)
    }

    /// Returns all numbers of a term.
    fn whole(&self, term: &Term) -> Result<Selection, ReadError> {
        let changed = self.changed.get(term);
        let mut selection = Selection::default();
        for row in self.rows.scan(self.table, &term.0) {
            let (key, value) = row?;
            let Some(chunk) = key.strip_prefix(term.0.as_slice()).and_then(chunk_number) else {
                break;
            };
            if !changed.is_some_and(|chunks| chunks.contains_key(&chunk)) {
                selection.chunks.insert(chunk, self.decode(&value)?);
            }
        }
        for (chunk, bits) in changed.into_iter().flatten() {
            if !bits.is_empty() {
                selection.chunks.insert(*chunk, (**bits).clone());
            }
        }
        Ok(selection)
    }

    /// Returns the numbers of a term in those chunks that `within` has, and reads no others.
    fn part(&self, term: &Term, within: &Selection) -> Result<Selection, ReadError> {
        let changed = self.changed.get(term);
        let mut selection = Selection::default();
        for chunk in within.chunks.keys() {
            let bits = match changed.and_then(|chunks| chunks.get(chunk)) {
                Some(bits) => (**bits).clone(),
                None => match self.rows.get(self.table, &term.chunk(*chunk))? {
                    Some(bytes) => self.decode(&bytes)?,
                    None => continue,
                },
            };
            if !bits.is_empty() {
                selection.chunks.insert(*chunk, bits);
            }
        }
        Ok(selection)
    }

    fn decode(&self, bytes: &[u8]) -> Result<roaring::RoaringBitmap, ReadError> {
        bits::decode(bytes).ok_or_else(|| corrupt(self.table, "a bitmap"))
    }
}

fn chunk_number(rest: &[u8]) -> Option<u64> {
    rest.try_into().ok().map(u64::from_be_bytes)
}
