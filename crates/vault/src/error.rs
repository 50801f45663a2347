//! What can go wrong. No message holds a plaintext, a ciphertext or a line of a key file.

use std::io;
use std::path::PathBuf;

use crate::data_key::DataKeyId;
use crate::master_key::KeyId;

/// Why something sealed did not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It has the shape of something sealed, in a format that this version does not know.
    #[error("sealed in a format that this version does not know")]
    UnknownFormat,
    /// It is wrapped under a master key that the keyring does not hold.
    #[error("sealed under master key {key}, which the keyring does not hold")]
    UnknownKey {
        /// The master key that would open it.
        key: KeyId,
    },
    /// It needs another data key than the one at hand.
    #[error("sealed under data key {needed}, not {given}")]
    WrongDataKey {
        /// The data key that would open it.
        needed: DataKeyId,
        /// The data key that was tried.
        given: DataKeyId,
    },
    /// Authentication failed: it was changed, or it belongs to another place.
    #[error("not authentic: changed, or moved from another place")]
    Corrupt,
    /// It does not have the shape of something sealed.
    #[error("not of the form of something sealed")]
    Malformed,
}

/// Why a key file was not read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// There is no line with a key.
    #[error("key file holds no key")]
    Empty,
    /// A line is neither a comment nor a key.
    #[error(
        "line {line} is not of the form connledger-master-key-v1:<key id>:<base64 of 32 bytes>"
    )]
    NotAKey {
        /// Counted from one.
        line: usize,
    },
    /// A key has another length than 32 bytes.
    #[error("key in line {line} has {bytes} bytes, not 32")]
    WrongLength {
        /// Counted from one.
        line: usize,
        /// How many bytes the base64 text holds.
        bytes: usize,
    },
    /// The id in front of a key is not that key's id, so one of the two was damaged.
    #[error("line {line} says key {stated}, but holds key {actual}")]
    WrongId {
        /// Counted from one.
        line: usize,
        /// The id in the line.
        stated: KeyId,
        /// The id that the key has.
        actual: KeyId,
    },
    /// Two lines hold keys with the same id.
    #[error("line {line} holds key {id} a second time")]
    Duplicate {
        /// Counted from one.
        line: usize,
        /// The id of both keys.
        id: KeyId,
    },
    /// Users other than the owner have access to the file.
    #[error("key file {path} is open to other users (mode {mode:03o}); run: chmod 600 {path}")]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is far longer than any keyring, so it is probably something else.
    #[error("key file {path} is longer than {bytes_max} bytes")]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The limit.
        bytes_max: usize,
    },
    /// The file could not be read as text.
    #[error("cannot read key file {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The file could not be created, for example because it exists.
    #[error("cannot create key file {path}")]
    Create {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}
