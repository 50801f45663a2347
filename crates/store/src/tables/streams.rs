//! Finds the log position of version N of one stream.
//!
//! ```text
//! kind (1) | id (16) | version u64 BE   ->   position u64 BE
//! ```
//!
//! Big-endian keeps byte order equal to numeric order, so a prefix scan yields versions in
//! sequence.

use ledger_domain::{ConnectionId, Position, PrincipalName, Version, WorkspaceName};

use super::{STREAMS, fixed, u64_from};
use crate::batch::Batch;
use crate::error::{ReadError, corrupt};
use crate::store::Store;

const KEY_BYTES: usize = 17;

/// Names a stream in keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StreamKey([u8; KEY_BYTES]);

impl StreamKey {
    /// The stream of a connection.
    pub fn connection(id: ConnectionId) -> Self {
        Self::of(b'c', id.to_bytes())
    }

    /// The stream of a workspace. Names are at most 63 bytes, so a key of fixed length needs a
    /// digest; the log itself holds the name.
    pub fn workspace(name: &WorkspaceName) -> Self {
        Self::of(b'w', name.stream_id())
    }

    /// The stream of a principal.
    pub fn principal(name: &PrincipalName) -> Self {
        Self::of(b'p', name.stream_id())
    }

    /// The stream of readings of a connection's secrets.
    pub fn reveals(id: ConnectionId) -> Self {
        Self::of(b'r', id.to_bytes())
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

/// Records where a version is.
pub fn put(
    batch: &mut Batch,
    store: &Store,
    stream: StreamKey,
    version: Version,
    position: Position,
) {
    batch.put(store, &fixed(STREAMS), &stream.at(version), &position.get().to_be_bytes());
}

/// Returns the last version of a stream; zero when it has none.
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

/// Walks a stream's positions from version `from` on.
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
