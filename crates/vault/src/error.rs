//! Errors. No message contains a plaintext, a ciphertext or a line of a key file.

use std::io;
use std::path::PathBuf;

use ledger_domain::MasterKeyId;

use crate::data_key::DataKeyId;

/// The reason why a sealed value or wrapped key cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It looks sealed, but in a format that this version does not know.
    #[error("sealed in a format that this version does not know")]
    UnknownFormat,
    /// It is wrapped under a master key that is not in the keyring.
    #[error("sealed under master key {key}, but the keyring holds {}", listed(.held))]
    UnknownKey {
        /// The master key that is needed.
        key: MasterKeyId,
        /// The master keys that are there.
        held: Vec<MasterKeyId>,
    },
    /// It is sealed under another data key than the given one.
    #[error("sealed under data key {needed}, not {given}")]
    WrongDataKey {
        /// The data key that is needed.
        needed: DataKeyId,
        /// The data key that was given.
        given: DataKeyId,
    },
    /// Authentication failed: it was changed, or moved from another place.
    #[error("not authentic: changed, or moved from another place")]
    Corrupt,
    /// It does not look like a sealed value or wrapped key.
    #[error("not in the form of a sealed value or wrapped key")]
    Malformed,
}

fn listed(keys: &[MasterKeyId]) -> String {
    let keys: Vec<_> = keys.iter().map(ToString::to_string).collect();
    keys.join(", ")
}

/// The reason why a key file cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// There is no line with a key.
    #[error("key file contains no key")]
    Empty,
    /// A line is neither a comment nor a key.
    #[error(
        "line {line} is not of the form connledger-master-key-v1:<key id>:<base64 of 32 bytes>"
    )]
    NotAKey {
        /// Counted from one.
        line: usize,
    },
    /// A line looks like a wrapped key, but is not one.
    #[error(
        "line {line} is not of the form connledger-wrapped-key-v1:<key id>:<service>:<name of the \
         key there>:<base64>"
    )]
    NotWrapped {
        /// Counted from one.
        line: usize,
    },
    /// A line has a wrapped key where only keys in the clear are read.
    #[error("line {line} has key {id} as {service} wrapped it, and it was not opened")]
    StillWrapped {
        /// Counted from one.
        line: usize,
        /// The id of the key.
        id: MasterKeyId,
        /// The kind of the service.
        service: String,
    },
    /// A key is not 32 bytes long.
    #[error("key in line {line} has {bytes} bytes, not 32")]
    WrongLength {
        /// Counted from one.
        line: usize,
        /// Length of the decoded key, in bytes.
        bytes: usize,
    },
    /// The id in front of a key is not the id of that key, so one of the two is damaged.
    #[error("line {line} names key {stated}, but contains key {actual}")]
    WrongId {
        /// Counted from one.
        line: usize,
        /// The id in the line.
        stated: MasterKeyId,
        /// The actual id of the key.
        actual: MasterKeyId,
    },
    /// Two lines contain keys with the same id.
    #[error("line {line} contains key {id} a second time")]
    Duplicate {
        /// Counted from one.
        line: usize,
        /// The id of both keys.
        id: MasterKeyId,
    },
    /// The file is unreadable, or open to others.
    #[error(transparent)]
    File(#[from] PrivateFileError),
    /// Another process is changing the file.
    #[error("the file {path} is being changed by another process")]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// The file could not be changed. It is as it was.
    #[error("cannot change key file {path}: {source}")]
    Change {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The file could not be created, for example because it exists.
    #[error("cannot create key file {path}: {source}")]
    Create {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
}

/// The reason why a file that holds a secret is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrivateFileError {
    /// Users other than the owner have access to the file.
    #[error(
        "{path} is open to other users (mode {mode:03o}); run: chmod 600 {path}. A mounted file \
         may be readable by a group of this process (fsGroup in Kubernetes), but by nobody else"
    )]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is far longer than what it should hold, so it is probably something else.
    #[error("{path} is longer than {bytes_max} bytes")]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The limit.
        bytes_max: usize,
    },
    /// The file could not be read as text.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}
