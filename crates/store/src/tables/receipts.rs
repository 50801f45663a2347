//! Receipts of commands, kept forever.
//!
//! ```text
//! workspace | 0 | command id   ->   tag (1) | kind (1) | connection id (16) | version u64 BE |
//!                                   position u64 BE | recorded at i64 BE | fingerprint (16)
//! ```

use ledger_domain::{ConnectionId, MessageId, Micros, Position, Version, WorkspaceName};

use super::{RECEIPTS, fixed, joined};
use crate::batch::Batch;
use crate::error::{ReadError, corrupt};
use crate::store::Store;

const TAG: u8 = 1;
const BYTES: usize = 58;

/// The stored answer to an accepted command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The connection, unless the command was about a workspace.
    pub connection: Option<ConnectionId>,
    /// The stream's version after the command.
    pub version: Version,
    /// The position of its event.
    pub position: Position,
    /// When it was recorded.
    pub recorded_at: Micros,
    /// Keyed fingerprint that distinguishes a repeat from another use of the id.
    pub fingerprint: [u8; 16],
}

/// Returns the key of a command's receipt.
pub fn key(workspace: &WorkspaceName, command: &MessageId) -> Vec<u8> {
    joined(workspace.as_str(), command.as_str())
}

/// Stores a receipt.
pub fn put(batch: &mut Batch, store: &Store, key: &[u8], receipt: &Receipt) {
    batch.put(store, &fixed(RECEIPTS), key, &receipt.encode());
}

/// A key with what is stored there. Authentic bytes that are not a receipt are `None`.
pub type ReceiptRow = (Box<[u8]>, Option<Receipt>);

/// Iterates over all receipts as they are now.
pub fn all(store: &Store) -> impl Iterator<Item = Result<ReceiptRow, ReadError>> {
    store.scan_all(&fixed(RECEIPTS), &[]).map(|row| {
        let (key, bytes) = row?;
        Ok((key, Receipt::decode(&bytes)))
    })
}

/// Removes a receipt.
pub fn delete(batch: &mut Batch, store: &Store, key: &[u8]) {
    batch.delete(store, &fixed(RECEIPTS), key);
}

/// Returns the receipt of a command.
pub fn get(store: &Store, key: &[u8]) -> Result<Option<Receipt>, ReadError> {
    let table = fixed(RECEIPTS);
    let Some(bytes) = store.get(&table, key)? else { return Ok(None) };
    Receipt::decode(&bytes).map(Some).ok_or_else(|| corrupt(&table, "a command's receipt"))
}

impl Receipt {
    /// Returns the stored bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.push(TAG);
        bytes.push(u8::from(self.connection.is_some()));
        bytes.extend_from_slice(&self.connection.map_or([0; 16], ConnectionId::to_bytes));
        bytes.extend_from_slice(&self.version.get().to_be_bytes());
        bytes.extend_from_slice(&self.position.get().to_be_bytes());
        bytes.extend_from_slice(&self.recorded_at.get().to_be_bytes());
        bytes.extend_from_slice(&self.fingerprint);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (&[tag, kind], rest) = bytes.split_first_chunk::<2>()?;
        let (connection, rest) = rest.split_first_chunk::<16>()?;
        let (version, rest) = rest.split_first_chunk::<8>()?;
        let (position, rest) = rest.split_first_chunk::<8>()?;
        let (recorded_at, rest) = rest.split_first_chunk::<8>()?;
        let fingerprint = rest.try_into().ok()?;
        (tag == TAG).then(|| Self {
            connection: (kind == 1).then(|| ConnectionId::from_bytes(*connection)),
            version: Version::new(u64::from_be_bytes(*version)),
            position: Position::new(u64::from_be_bytes(*position)),
            recorded_at: Micros::new(i64::from_be_bytes(*recorded_at)),
            fingerprint,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_undoes_writing_and_other_bytes_are_refused() {
        let receipt = Receipt {
            connection: Some(ConnectionId::from_bytes([7; 16])),
            version: Version::new(3),
            position: Position::new(u64::MAX),
            recorded_at: Micros::new(-5),
            fingerprint: [9; 16],
        };
        let bytes = receipt.encode();
        assert_eq!(bytes.len(), BYTES);
        assert_eq!(Receipt::decode(&bytes), Some(receipt));
        let workspace = Receipt { connection: None, ..receipt };
        assert_eq!(Receipt::decode(&workspace.encode()), Some(workspace));
        assert_eq!(Receipt::decode(&bytes[..BYTES - 1]), None);
        assert_eq!(Receipt::decode(&[]), None);
        let mut foreign = bytes;
        foreign[0] = 2;
        assert_eq!(Receipt::decode(&foreign), None);
    }
}
