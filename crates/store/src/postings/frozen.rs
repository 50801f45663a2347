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
                    Some(within) if within.is_sparse() => self.fetch(term, within)?,
                    within => self.scan(term, within.as_ref())?,
                });
            }
            match &mut selected {
                None => selected = Some(any),
                Some(all) => all.intersect(&any),
            }
        }
        Ok(selected)
    }

    /// Returns the numbers of a term, if a set is given in those chunks that it has, by reading all
    /// rows between its first and its last.
    fn scan(&self, term: &Term, within: Option<&Selection>) -> Result<Selection, ReadError> {
        let changed = self.changed.get(term);
        let wanted = |chunk: &u64| within.is_none_or(|set| set.chunks.contains_key(chunk));
        let (first, last) = within.map_or((0, u64::MAX), Selection::span);
        let mut selection = Selection::default();
        for row in self.rows.scan(self.table, &term.chunk(first)) {
            let (key, value) = row?;
            let chunk = key.strip_prefix(term.0.as_slice()).and_then(chunk_number);
            let Some(chunk) = chunk.filter(|chunk| *chunk <= last) else { break };
            if wanted(&chunk) && !changed.is_some_and(|chunks| chunks.contains_key(&chunk)) {
                selection.chunks.insert(chunk, self.decode(&value)?);
            }
        }
        for (chunk, bits) in changed.into_iter().flatten() {
            if wanted(chunk) && !bits.is_empty() {
                selection.chunks.insert(*chunk, (**bits).clone());
            }
        }
        Ok(selection)
    }

    /// As [`Self::scan`], by reading single rows.
    fn fetch(&self, term: &Term, within: &Selection) -> Result<Selection, ReadError> {
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
