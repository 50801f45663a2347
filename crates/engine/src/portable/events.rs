//! Writes events as lines.

use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ledger_contract::records::{Head, METADATA_VERSION};
use ledger_domain::{Position, Version};
use ledger_store::tables::log::StoredRecords;
use ledger_store::tables::receipts;

use super::Portable;
use super::data_keys::DataKeys;
use super::line::{Kind, seal};
use super::read::EVENT;
use crate::errors::{Fault, PortableError};
use crate::replay::{Due, Entry, NO_FINGERPRINT, missing};

/// Events that are read through one iterator. An iterator keeps files and memory tables of the
/// database from being freed, and a slow reader may take long.
const STRETCH_EVENTS: u64 = 65_536;
/// Bytes that are written at a time.
pub(super) const BLOCK_BYTES: usize = 64 * 1024;
/// The version that creates a connection.
const FIRST_VERSION: Version = Version::new(1);

/// What was written of some events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventsWritten {
    /// Number of events, each on a line.
    pub events: u64,
    /// Number of connections that they create.
    pub connections: u64,
    /// Number of wrapped data keys of these connections. Secrets of a connection whose key is lost
    /// can be opened nowhere.
    pub keys: u64,
}

impl Portable {
    /// Writes the events after a position, up to another one or to the last. Writes whole blocks,
    /// so `out` needs no buffer.
    ///
    /// Errors: an altered or damaged record is named, and nothing behind it is written.
    pub fn write_events(
        &self,
        after: Position,
        to: Position,
        out: &mut dyn Write,
    ) -> Result<EventsWritten, PortableError> {
        self.write_events_and(after, to, out, &mut |_, _| {})
    }

    /// Does the same, and calls `block` with each block and the position that it reaches.
    pub(super) fn write_events_and(
        &self,
        after: Position,
        to: Position,
        out: &mut dyn Write,
        block: &mut dyn FnMut(&[u8], Position),
    ) -> Result<EventsWritten, PortableError> {
        let to = to.min(self.position);
        let mut lines = EventLines::new(self);
        let mut done = after;
        while done < to {
            let end = to.min(Position::new(done.get() + STRETCH_EVENTS));
            let mut records = StoredRecords::walk_all(&self.store, done.next());
            while done < end {
                let (position, stored) = match records.next_record().map_err(Fault::from)? {
                    Some((position, stored)) if position == done.next() => (position, stored),
                    _ => return Err(missing(done.next()).into()),
                };
                lines.add(position, stored.check(&self.store, position).map_err(Fault::from)?)?;
                done = position;
                if lines.block.len() >= BLOCK_BYTES || done == end {
                    out.write_all(&lines.block).map_err(PortableError::Output)?;
                    block(&lines.block, done);
                    lines.block.clear();
                }
            }
            lines.keys.pause();
        }
        Ok(lines.written)
    }
}

/// The lines of some events, in blocks.
struct EventLines<'a> {
    portable: &'a Portable,
    keys: DataKeys<'a>,
    /// How records of today's version begin, which have all that their receipts say.
    today: String,
    block: Vec<u8>,
    written: EventsWritten,
}

impl<'a> EventLines<'a> {
    fn new(portable: &'a Portable) -> Self {
        let keys = DataKeys::new(&portable.store);
        let today = format!("{{\"record\":{METADATA_VERSION},");
        let written = EventsWritten::default();
        Self { portable, keys, today, block: Vec::with_capacity(2 * BLOCK_BYTES), written }
    }

    /// Adds the line of an event to the block.
    fn add(&mut self, position: Position, record: &[u8]) -> Result<(), Fault> {
        let Self { portable, keys, today, block, written } = self;
        let start = block.len();
        block.extend_from_slice(EVENT);
        block.extend_from_slice(record);
        let head = Head::read(position, record)?;
        if let (Some(id), FIRST_VERSION) = (head.connection, head.version) {
            written.connections += 1;
            if let Some(key) = keys.find(id)? {
                written.keys += 1;
                member(block, "key", &STANDARD.encode(key));
            }
        }
        if !record.starts_with(today.as_bytes())
            && let Some(fingerprint) = portable.earlier_fingerprint(position, record)?
        {
            member(block, "fingerprint", &URL_SAFE_NO_PAD.encode(fingerprint));
        }
        seal(block, start, &portable.key, Kind::Event, position.get());
        written.events += 1;
        Ok(())
    }
}

impl Portable {
    /// Returns the fingerprint of a command whose record does not have it, from its receipt.
    fn earlier_fingerprint(
        &self,
        position: Position,
        record: &[u8],
    ) -> Result<Option<[u8; 16]>, Fault> {
        let entry = Entry::read(position, record)?;
        let Due::WithoutFingerprint(_) = entry.receipt else { return Ok(None) };
        let receipt = receipts::get(&self.store, &entry.key)?;
        let fingerprint = receipt.map(|receipt| receipt.fingerprint);
        Ok(fingerprint.filter(|fingerprint| *fingerprint != NO_FINGERPRINT))
    }
}

/// Adds a member whose text needs no escapes.
fn member(line: &mut Vec<u8>, name: &str, text: &str) {
    for part in [",\"", name, "\":\"", text, "\""] {
        line.extend_from_slice(part.as_bytes());
    }
}
