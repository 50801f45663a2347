//! Maps each version of a stream to its log position.
//!
//! ```text
//! kind (1) | id (16) | version u64 BE   ->   position u64 BE
//! ```
//!
//! Big-endian keeps byte order equal to numeric order, so a prefix scan yields versions in
//! sequence.

use ledger_domain::{ConnectionId, LedgerId, Position, PrincipalName, Version, WorkspaceName};

use super::{STREAMS, fixed, u64_from};
use crate::batch::Batch;
use crate::error::{AppendError, ReadError, corrupt};
use crate::store::{Rows, Store};

const KEY_BYTES: usize = 17;
/// The kind of the streams of policies.
const POLICIES: u8 = b'y';
/// The kind of the streams of alerts.
const ALERTS: u8 = b'a';

/// A stream's prefix in keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StreamKey([u8; KEY_BYTES]);

impl StreamKey {
    /// Returns the key of a connection's stream.
    pub fn connection(id: ConnectionId) -> Self {
        Self::of(b'c', id.to_bytes())
    }

    /// Returns the key of a workspace's stream. Names have up to 63 bytes, so the key of fixed
    /// length contains a digest; the log has the name.
    pub fn workspace(name: &WorkspaceName) -> Self {
        Self::of(b'w', name.stream_id())
    }

    /// Returns the key of a principal's stream.
    pub fn principal(name: &PrincipalName) -> Self {
        Self::of(b'p', name.stream_id())
    }

    /// Returns the key of the stream of reveals of a connection's secrets.
    pub fn reveals(id: ConnectionId) -> Self {
        Self::of(b'r', id.to_bytes())
    }

    /// Returns the key of the stream of the ledger itself.
    pub fn ledger(id: LedgerId) -> Self {
        Self::of(b'l', id.to_bytes())
    }

    /// Returns the key of the stream of what the consumers of a connection say.
    pub fn consumers(id: ConnectionId) -> Self {
        Self::of(b'n', id.to_bytes())
    }

    /// Returns the key of the stream of the policies of a workspace, or of the ledger as a whole.
    pub fn policies(name: &WorkspaceName) -> Self {
        Self::of(POLICIES, name.stream_id())
    }

    /// Returns the key of the stream of the alerts of a workspace, or of the ledger as a whole.
    pub fn alerts(name: &WorkspaceName) -> Self {
        Self::of(ALERTS, name.stream_id())
    }

    /// Returns the key of the stream of what ends leases on secrets throughout a workspace.
    pub fn leases(workspace: &WorkspaceName) -> Self {
        Self::of(b'e', workspace.stream_id())
    }

    /// Returns the key of the stream of the handovers of a principal's keys.
    pub fn handovers(principal: &PrincipalName) -> Self {
        Self::of(b'h', principal.stream_id())
    }

    fn of(kind: u8, id: [u8; 16]) -> Self {
        let mut key = [kind; KEY_BYTES];
        if let Some(rest) = key.get_mut(1..) {
            rest.copy_from_slice(&id);
        }
        Self(key)
    }

    fn at(self, version: Version) -> Vec<u8> {
        [self.0.as_slice(), &version.get().to_be_bytes()].concat()
    }
}

/// Describes a key of this table.
pub(super) fn place(key: &[u8]) -> Option<String> {
    let (kind, rest) = key.split_first()?;
    let (id, version) = rest.split_first_chunk::<16>()?;
    let version = u64_from(version)?;
    let of = super::place::connection(id)?;
    Some(match *kind {
        b'c' => format!("version {version} of {of}"),
        b'r' => format!("reveal {version} of {of}"),
        b'n' => format!("confirmation {version} of {of}"),
        b'e' => format!("end {version} of leases throughout a workspace"),
        b'h' => format!("version {version} of the handovers of a principal's keys"),
        b'p' => format!("version {version} of a principal"),
        ALERTS => format!("version {version} of the alerts of a workspace"),
        POLICIES => format!("version {version} of the policies of a workspace"),
        b'l' => format!("version {version} of the ledger itself"),
        _ => format!("version {version} of a workspace"),
    })
}

/// Records the position of a version.
pub fn put(
    batch: &mut Batch,
    store: &Store,
    stream: StreamKey,
    version: Version,
    position: Position,
) {
    let (key, value) = row(stream, version, position);
    batch.put(store, &fixed(STREAMS), &key, &value);
}

/// Returns the key and value that record the position of a version.
pub fn row(stream: StreamKey, version: Version, position: Position) -> (Vec<u8>, [u8; 8]) {
    (stream.at(version), position.get().to_be_bytes())
}

/// Iterates over the keys and values of all streams as they are now.
pub fn rows(store: &Store) -> Rows<'_> {
    store.scan_all(&fixed(STREAMS), &[])
}

/// Returns whether the table was missing when the database was opened.
pub fn were_missing(store: &Store) -> bool {
    store.lacked(STREAMS)
}

/// Removes all rows. Nobody may read or write the table meanwhile.
pub fn clear(store: &Store) -> Result<(), AppendError> {
    store.empty_table(&fixed(STREAMS))
}

/// Returns the last version of a stream, or zero if it is empty.
pub fn last_version(store: &Store, stream: StreamKey) -> Result<Version, ReadError> {
    let table = fixed(STREAMS);
    let Some(row) = store.scan_back(&table, &stream.at(Version::new(u64::MAX))).next() else {
        return Ok(Version::ZERO);
    };
    let (key, _) = row?;
    match key.strip_prefix(stream.0.as_slice()) {
        None => Ok(Version::ZERO),
        Some(rest) => {
            let version = u64_from(rest).ok_or_else(|| corrupt(&table, "a stream's version"))?;
            Ok(Version::new(version))
        }
    }
}

/// Iterates over the positions of all policies, stream by stream.
pub fn all_policies(store: &Store) -> impl Iterator<Item = Result<Position, ReadError>> + '_ {
    all_of(store, POLICIES)
}

/// Iterates over the positions of all events about alerts, stream by stream.
pub fn all_alerts(store: &Store) -> impl Iterator<Item = Result<Position, ReadError>> + '_ {
    all_of(store, ALERTS)
}

fn all_of(store: &Store, kind: u8) -> impl Iterator<Item = Result<Position, ReadError>> + '_ {
    let table = fixed(STREAMS);
    store.scan_below(&table, &[kind], &[kind + 1]).map(move |row| {
        let (_, value) = row?;
        let position = u64_from(&value).ok_or_else(|| corrupt(&table, "a stream's version"))?;
        Ok(Position::new(position))
    })
}

/// Iterates over a stream's positions from version `from` on.
pub fn scan(
    store: &Store,
    stream: StreamKey,
    from: Version,
) -> impl Iterator<Item = Result<Position, ReadError>> + '_ {
    let table = fixed(STREAMS);
    store
        .scan(&table, &stream.at(from))
        .take_while(move |row| row.as_ref().map_or(true, |(key, _)| key.starts_with(&stream.0)))
        .map(move |row| {
            let (_, value) = row?;
            let position = u64_from(&value).ok_or_else(|| corrupt(&table, "a stream's version"))?;
            Ok(Position::new(position))
        })
}
