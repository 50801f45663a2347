//! Batches of records in transit from the scan to a worker.

use std::ops::Range;

use ledger_domain::{ConnectionId, Position};
use ledger_store::tables::log::Stored;

/// Size in bytes at which a pack is sent.
const BYTES: usize = 256 * 1_024;
/// Room for the record that fills a pack.
const ROOM: usize = 8 * 1_024;

/// How the scan classifies a record.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// Not part of a connection's state: a workspace, a principal, a consumer or a policy.
    Apart,
    /// Reveals secrets of a connection that may belong to this pass or another.
    Revealed(ConnectionId),
    /// The same record once more, for the worker that has the leases.
    Lease,
    /// Creates a connection in this pass.
    New(ConnectionId, u32),
    /// Changes a connection in this pass.
    Known(ConnectionId),
    /// Changes a connection that may belong to this pass or another.
    Perhaps(ConnectionId),
    /// About a connection in another pass.
    Elsewhere,
}

#[derive(Debug)]
struct Entry {
    position: Position,
    place: Place,
    /// The end of its bytes in the buffer.
    end: usize,
}

/// Records of one worker's connections in order, in one buffer.
#[derive(Debug, Default)]
pub(super) struct Pack {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// The chunk of audit bitmaps that ends with this pack.
    pub(super) ends: Option<u64>,
}

impl Pack {
    pub(super) fn push(&mut self, position: Position, place: Place, record: Stored<'_>) {
        if self.bytes.capacity() == 0 {
            self.bytes.reserve(BYTES + ROOM);
        }
        self.bytes.extend_from_slice(record.bytes());
        self.entries.push(Entry { position, place, end: self.bytes.len() });
    }

    /// Clears the pack, so that its memory can be reused.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
        self.ends = None;
    }

    pub(super) const fn is_full(&self) -> bool {
        self.bytes.len() >= BYTES
    }

    /// Iterates over the records.
    pub(super) fn records(&self) -> impl Iterator<Item = (Position, Place, Stored<'_>)> {
        let mut start = 0;
        self.entries.iter().map(move |entry| {
            let range: Range<usize> = start..entry.end;
            start = entry.end;
            let bytes = self.bytes.get(range).unwrap_or_default();
            (entry.position, entry.place, Stored::from_bytes(bytes))
        })
    }
}
