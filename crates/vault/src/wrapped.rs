//! Keys encrypted under a master key, as bytes to store.

use std::fmt;

use ledger_domain::MasterKeyId;

use crate::associated::FORMAT;
use crate::data_key::DataKeyId;
use crate::error::OpenError;
use crate::master_key::WRAPPED_KEY_BYTES;

/// A data key encrypted under a master key and bound to one connection: its stored form.
///
/// Bytes: format (1), master key id (8, ASCII), data key id (16), nonce (24), ciphertext (32), tag
/// (16).
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedDataKey {
    pub(crate) master_key: MasterKeyId,
    pub(crate) data_key: DataKeyId,
    pub(crate) wrapped: [u8; WRAPPED_KEY_BYTES],
}

impl WrappedDataKey {
    /// Length of the stored form, in bytes.
    pub const BYTES: usize = 1 + MasterKeyId::ASCII_BYTES + DataKeyId::BYTES + WRAPPED_KEY_BYTES;

    /// Returns the stored form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::BYTES);
        bytes.push(FORMAT);
        bytes.extend_from_slice(&self.master_key.to_ascii());
        bytes.extend_from_slice(&self.data_key.to_bytes());
        bytes.extend_from_slice(&self.wrapped);
        bytes
    }

    /// Parses the stored form. Checks only the format; unwrapping checks the authenticity.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OpenError> {
        let (master_key, rest) = read_header(bytes)?;
        let (data_key, wrapped) = rest.split_first_chunk().ok_or(OpenError::Malformed)?;
        Ok(Self {
            master_key,
            data_key: DataKeyId::from_bytes(*data_key),
            wrapped: wrapped.try_into().map_err(|_| OpenError::Malformed)?,
        })
    }

    /// Returns the id of the data key, which sealed values also contain.
    pub fn data_key_id(&self) -> DataKeyId {
        self.data_key
    }

    /// Returns the id of the master key that opens it. If that is not the active key, wrap it
    /// again.
    pub fn master_key_id(&self) -> MasterKeyId {
        self.master_key
    }
}

impl fmt::Debug for WrappedDataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WrappedDataKey")
            .field("master_key", &self.master_key)
            .field("data_key", &self.data_key)
            .finish_non_exhaustive()
    }
}

/// A 32-byte secret of the whole ledger, encrypted under a master key.
///
/// Bytes: format (1), master key id (8, ASCII), nonce (24), ciphertext (32), tag (16).
pub(crate) struct WrappedLedgerSecret {
    pub(crate) master_key: MasterKeyId,
    pub(crate) wrapped: [u8; WRAPPED_KEY_BYTES],
}

impl WrappedLedgerSecret {
    /// Length of the stored form, in bytes.
    pub(crate) const BYTES: usize = 1 + MasterKeyId::ASCII_BYTES + WRAPPED_KEY_BYTES;

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::BYTES);
        bytes.push(FORMAT);
        bytes.extend_from_slice(&self.master_key.to_ascii());
        bytes.extend_from_slice(&self.wrapped);
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, OpenError> {
        let (master_key, wrapped) = read_header(bytes)?;
        let wrapped = wrapped.try_into().map_err(|_| OpenError::Malformed)?;
        Ok(Self { master_key, wrapped })
    }
}

/// Returns the id of the master key that opens a wrapped key, or any other secret of a ledger, in
/// its stored form.
pub fn master_key_of(wrapped: &[u8]) -> Result<MasterKeyId, OpenError> {
    read_header(wrapped).map(|(id, _)| id)
}

/// Splits off the format version and the master key's id.
fn read_header(bytes: &[u8]) -> Result<(MasterKeyId, &[u8]), OpenError> {
    let (format, rest) = bytes.split_first().ok_or(OpenError::Malformed)?;
    if *format != FORMAT {
        return Err(OpenError::UnknownFormat);
    }
    let (id, rest) =
        rest.split_first_chunk::<{ MasterKeyId::ASCII_BYTES }>().ok_or(OpenError::Malformed)?;
    Ok((MasterKeyId::from_ascii(id).ok_or(OpenError::Malformed)?, rest))
}
