//! Records on their way from the scan to a worker.

use std::ops::Range;

use ledger_domain::{ConnectionId, Position};

/// A pack is sent at this size, in bytes.
const BYTES: usize = 256 * 1_024;
/// Room for the record that makes a pack full.
const ROOM: usize = 8 * 1_024;

/// What the scan knows of a record.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// It is about no connection's state: a workspace, a principal, a reading of secrets.
    Apart,
    /// It creates a connection of this pass.
    New(ConnectionId, u32),
    /// It changes a connection of this pass.
    Known(ConnectionId),
    /// It changes a connection of this pass or of another one.
    Perhaps(ConnectionId),
    /// It is about a connection of another pass.
    Elsewhere,
}

#[derive(Debug)]
struct Entry {
    position: Position,
    place: Place,
    /// Where its bytes end.
    end: usize,
}

/// Records of one worker's connections, in order, in one buffer.
#[derive(Debug, Default)]
pub(super) struct Pack {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// The chunk of audit bitmaps that ends with this pack.
    pub(super) ends: Option<u64>,
}

impl Pack {
    pub(super) fn push(&mut self, position: Position, place: Place, record: &[u8]) {
        if self.bytes.capacity() == 0 {
            self.bytes.reserve(BYTES + ROOM);
        }
        self.bytes.extend_from_slice(record);
        self.entries.push(Entry { position, place, end: self.bytes.len() });
    }

    /// Empties it, for other records to use its memory.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
        self.ends = None;
    }

    pub(super) const fn is_full(&self) -> bool {
        self.bytes.len() >= BYTES
    }

    /// Walks the records.
    pub(super) fn records(&self) -> impl Iterator<Item = (Position, Place, &[u8])> {
        let mut start = 0;
        self.entries.iter().map(move |entry| {
            let range: Range<usize> = start..entry.end;
            start = entry.end;
            (entry.position, entry.place, self.bytes.get(range).unwrap_or_default())
        })
    }
}
