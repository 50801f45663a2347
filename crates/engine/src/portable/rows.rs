//! Rows of a restored ledger on their way into the tables.

use ledger_contract::records::StreamId;
use ledger_domain::{ConnectionId, Position};
use ledger_store::tables::{Receipt, keys, log, receipts};
use ledger_store::{Batch, Durability, Store};

use super::read::EventLine;
use crate::errors::Fault;
use crate::replay::{Due, Entry};

/// Bytes of records that are loaded at a time.
const RECORD_BYTES: usize = 32 * 1024 * 1024;
/// Data keys that are sorted and loaded at a time.
const KEYS: usize = 65_536;
/// Bytes of receipts that are written at a time.
const RECEIPT_BYTES: usize = 4 * 1024 * 1024;

/// What is waiting.
#[derive(Default)]
pub(super) struct Rows {
    /// The bytes of records, one after another.
    records: Vec<u8>,
    /// The positions of the records, and where each ends.
    ends: Vec<(Position, usize)>,
    keys: Vec<(ConnectionId, Vec<u8>)>,
    receipts: Batch,
}

impl Rows {
    /// Adds an event, and writes what has become too much to wait.
    pub(super) fn add(&mut self, store: &Store, event: EventLine<'_>) -> Result<(), Fault> {
        let EventLine { record, frame, key, fingerprint } = event;
        self.records.extend_from_slice(record);
        self.ends.push((frame.position, self.records.len()));
        match (key, &frame.stream) {
            (Some(key), StreamId::Connection(id)) => self.keys.push((*id, key)),
            (None, _) => {}
            (Some(_), stream) => {
                return Err(Fault::Damaged(format!("{stream} has a data key, but no secrets")));
            }
        }
        if let Some(fingerprint) = fingerprint {
            let entry = Entry::read(frame.position, record)?;
            if let Due::WithoutFingerprint(receipt) = entry.receipt {
                let receipt = Receipt { fingerprint, ..receipt };
                receipts::put(&mut self.receipts, store, &entry.key, &receipt);
            }
        }
        let is_full = self.records.len() >= RECORD_BYTES
            || self.keys.len() >= KEYS
            || self.receipts.size_bytes() >= RECEIPT_BYTES;
        if is_full { self.write(store) } else { Ok(()) }
    }

    /// Writes everything that is waiting.
    pub(super) fn write(&mut self, store: &Store) -> Result<(), Fault> {
        let mut start = 0;
        let records = self.ends.iter().map(|(position, end)| {
            let record = self.records.get(start..*end).unwrap_or_default();
            start = *end;
            (*position, record)
        });
        log::load(store, records)?;
        self.records.clear();
        self.ends.clear();
        self.keys.sort_unstable_by_key(|(id, _)| *id);
        keys::load(store, self.keys.iter().map(|(id, key)| (*id, key.as_slice())))?;
        self.keys.clear();
        // They are durable once a later write was synced.
        store.commit(std::mem::take(&mut self.receipts), Durability::Buffered)?;
        Ok(())
    }
}
