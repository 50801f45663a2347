//! Writes the bitmaps in memory as rows, together with a checkpoint.

use std::sync::Arc;

use ledger_domain::Position;
use roaring::RoaringBitmap;

use super::{Postings, Term, bits};
use crate::batch::Batch;
use crate::error::AppendError;
use crate::store::Durability;
use crate::tables::meta;

/// The changed bitmaps of one moment, to be written.
pub(super) struct Flush<'a> {
    postings: &'a Postings,
    rows: Vec<(Term, u64, Arc<RoaringBitmap>)>,
}

impl<'a> Flush<'a> {
    pub(super) fn of(postings: &'a Postings) -> Self {
        let changed = postings.changed.read();
        let mut rows = Vec::with_capacity(changed.rows);
        for (term, chunks) in &changed.terms {
            rows.extend(chunks.iter().map(|(chunk, bits)| (term.clone(), *chunk, bits.clone())));
        }
        drop(changed);
        Self { postings, rows }
    }

    /// Writes the rows with the checkpoint `position`.
    pub(super) fn write(self, position: Position) -> Result<(), AppendError> {
        let Postings { store, table, .. } = self.postings;
        let mut batch = Batch::new();
        for (term, chunk, bits) in &self.rows {
            let key = term.chunk(*chunk);
            if bits.is_empty() {
                batch.delete(store, table, &key);
            } else {
                batch.put(store, table, &key, &bits::encode(bits));
            }
        }
        meta::put_checkpoint(&mut batch, store, table, position);
        store.commit(batch, Durability::Buffered)?;
        self.forget();
        Ok(())
    }

    /// Removes the written bitmaps from memory, except those that have changed since.
    fn forget(self) {
        let _one = self.postings.changing.lock();
        let mut changed = self.postings.changed.write();
        for (term, chunk, written) in self.rows {
            let Some(chunks) = changed.terms.get_mut(&term) else { continue };
            if !chunks.get(&chunk).is_some_and(|bits| Arc::ptr_eq(bits, &written)) {
                continue;
            }
            chunks.remove(&chunk);
            if chunks.is_empty() {
                changed.terms.remove(&term);
            }
            changed.rows -= 1;
        }
    }
}
