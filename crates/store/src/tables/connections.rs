//! Rows of the connection read model, one table for each generation.
//!
//! ```text
//! 'c' | connection id (16)                    ->   row
//! 'k' | connection id (16) | consumer         ->   consumer row
//! 'l' | lease id (16)                         ->   row of a lease on secrets
//! 'o' | ordinal u32 BE                        ->   connection id (16)
//! 'p' | principal                             ->   principal row
//! 't' | time u64 BE | connection id (16)      ->   nothing
//! 'w' | workspace                             ->   workspace row
//! ```
//!
//! The times are those at which the next former generation of a connection is retired.

use ledger_domain::{
    CheckedText, ConnectionId, ConsumerName, LeaseId, Micros, PrincipalName, WorkspaceName,
};

use crate::batch::Batch;
use crate::error::{AppendError, ReadError, corrupt};
use crate::sorted::SortedFile;
use crate::store::{Row, Store};
use crate::table::Table;

/// The read model's name.
pub const MODEL: &str = "connections";

/// Returns the key of a connection's row.
fn row_key(connection: ConnectionId) -> [u8; 17] {
    let mut key = [b'c'; 17];
    if let Some(rest) = key.get_mut(1..) {
        rest.copy_from_slice(&connection.to_bytes());
    }
    key
}

/// Returns the keys of the rows of the first and the last of some connections.
pub(crate) fn span(first: ConnectionId, last: ConnectionId) -> (Vec<u8>, Vec<u8>) {
    (row_key(first).to_vec(), row_key(last).to_vec())
}

fn ordinal_key(ordinal: u32) -> [u8; 5] {
    let [a, b, c, d] = ordinal.to_be_bytes();
    [b'o', a, b, c, d]
}

/// Describes a key of this table.
pub(super) fn place(key: &[u8]) -> Option<String> {
    let (tag, rest) = key.split_first()?;
    let name = std::str::from_utf8(rest);
    match tag {
        b'c' => super::place::connection(rest),
        b'k' => {
            let (id, consumer) = rest.split_first_chunk::<16>()?;
            let of = super::place::connection(id)?;
            Some(format!("consumer {} of {of}", std::str::from_utf8(consumer).ok()?))
        }
        b'l' => {
            let id = LeaseId::from_bytes(rest.try_into().ok()?);
            Some(format!("lease {id}"))
        }
        b't' => {
            let (_, id) = rest.split_first_chunk::<8>()?;
            let id = super::place::connection(id)?;
            Some(format!("the end of an overlap of {id}"))
        }
        b'o' => Some(format!("ordinal {}", u32::from_be_bytes(rest.try_into().ok()?))),
        b'p' => Some(format!("principal {}", name.ok()?)),
        b'w' => Some(format!("workspace {}", name.ok()?)),
        _ => None,
    }
}

/// Writes a connection's row.
pub fn put(batch: &mut Batch, store: &Store, table: &Table, id: ConnectionId, row: &[u8]) {
    batch.put(store, table, &row_key(id), row);
}

/// Returns a connection's row.
pub fn get(store: &Store, table: &Table, id: ConnectionId) -> Result<Option<Vec<u8>>, ReadError> {
    store.get(table, &row_key(id))
}

/// Iterates over all connections' rows.
pub fn scan<'a>(
    store: &'a Store,
    table: &Table,
) -> impl Iterator<Item = Result<Box<[u8]>, ReadError>> + 'a {
    store
        .scan_all(table, b"c")
        .take_while(|row| row.as_ref().map_or(true, |(key, _)| key.first() == Some(&b'c')))
        .map(|row| row.map(|(_, value)| value))
}

/// Records the connection of an ordinal.
pub fn put_ordinal(
    batch: &mut Batch,
    store: &Store,
    table: &Table,
    ordinal: u32,
    id: ConnectionId,
) {
    batch.put(store, table, &ordinal_key(ordinal), &id.to_bytes());
}

/// Adds a connection's row to a file. Rows must be sorted by id and precede ordinals.
pub fn load(file: &mut SortedFile<'_>, id: ConnectionId, row: &[u8]) -> Result<(), AppendError> {
    file.put(&row_key(id), row)
}

/// Adds an ordinal and its connection to a file, in the order of ordinals.
pub fn load_ordinal(
    file: &mut SortedFile<'_>,
    ordinal: u32,
    id: ConnectionId,
) -> Result<(), AppendError> {
    file.put(&ordinal_key(ordinal), &id.to_bytes())
}

/// Returns the connection of an ordinal.
pub fn by_ordinal(
    store: &Store,
    table: &Table,
    ordinal: u32,
) -> Result<Option<ConnectionId>, ReadError> {
    let Some(bytes) = store.get(table, &ordinal_key(ordinal))? else { return Ok(None) };
    let id = bytes.try_into().map_err(|_| corrupt(table, format!("ordinal {ordinal}")))?;
    Ok(Some(ConnectionId::from_bytes(id)))
}

/// Returns the next free ordinal.
pub fn next_ordinal(store: &Store, table: &Table) -> Result<u32, ReadError> {
    let Some(row) = store.scan_back(table, &ordinal_key(u32::MAX)).next() else { return Ok(0) };
    let (key, _) = row?;
    match &*key {
        [b'o', a, b, c, d] => Ok(u32::from_be_bytes([*a, *b, *c, *d]) + 1),
        _ => Ok(0),
    }
}

/// Writes a workspace's row.
pub fn put_workspace(
    batch: &mut Batch,
    store: &Store,
    table: &Table,
    name: &WorkspaceName,
    row: &[u8],
) {
    batch.put(store, table, &workspace_key(name), row);
}

/// Returns whether a workspace exists.
pub fn has_workspace(
    store: &Store,
    table: &Table,
    name: &WorkspaceName,
) -> Result<bool, ReadError> {
    Ok(store.get(table, &workspace_key(name))?.is_some())
}

fn workspace_key(name: &WorkspaceName) -> Vec<u8> {
    [b"w", name.as_str().as_bytes()].concat()
}

/// Writes a principal's row.
pub fn put_principal(
    batch: &mut Batch,
    store: &Store,
    table: &Table,
    name: &PrincipalName,
    row: &[u8],
) {
    batch.put(store, table, &principal_key(name), row);
}

/// Returns a principal's row.
pub fn principal(
    store: &Store,
    table: &Table,
    name: &PrincipalName,
) -> Result<Option<Vec<u8>>, ReadError> {
    store.get(table, &principal_key(name))
}

fn principal_key(name: &PrincipalName) -> Vec<u8> {
    [b"p", name.as_str().as_bytes()].concat()
}

/// Iterates over all principals' rows by name.
pub fn principals<'a>(
    store: &'a Store,
    table: &Table,
) -> impl Iterator<Item = Result<Box<[u8]>, ReadError>> + use<'a> {
    tagged(store, table, b'p', b"p").map(|row| row.map(|(_, value)| value))
}

/// Iterates over the workspaces whose names are greater than `after`, by name, with their rows.
pub fn workspaces<'a>(
    store: &'a Store,
    table: &Table,
    after: Option<&WorkspaceName>,
) -> impl Iterator<Item = Result<(WorkspaceName, Box<[u8]>), ReadError>> + use<'a> {
    let after = after.map(workspace_key);
    let table = table.clone();
    let rows = tagged(store, &table, b'w', after.as_deref().unwrap_or(b"w"));
    rows.skip_while(move |row| row.as_ref().is_ok_and(|(key, _)| Some(&**key) == after.as_deref()))
        .map(move |row| {
            let (key, value) = row?;
            let name = key.get(1..).and_then(|name| std::str::from_utf8(name).ok());
            let name = name.ok_or_else(|| corrupt(&table, "the name of a workspace"))?;
            Ok((WorkspaceName::stored(name.into()), value))
        })
}

/// Returns a workspace's row.
pub fn workspace(
    store: &Store,
    table: &Table,
    name: &WorkspaceName,
) -> Result<Option<Vec<u8>>, ReadError> {
    store.get(table, &workspace_key(name))
}

/// Returns the number of workspaces.
pub fn count_workspaces(store: &Store, table: &Table) -> Result<u64, ReadError> {
    let mut rows = store.walk(table, b"w");
    let mut count = 0;
    while let Some((key, _)) = rows.next_row()?
        && key.first() == Some(&b'w')
    {
        count += 1;
    }
    Ok(count)
}

/// Writes a consumer's row.
pub fn put_consumer(
    batch: &mut Batch,
    store: &Store,
    table: &Table,
    id: ConnectionId,
    name: &ConsumerName,
    row: &[u8],
) {
    batch.put(store, table, &consumer_key(id, name.as_str()), row);
}

/// Deletes a consumer's row.
pub fn delete_consumer(
    batch: &mut Batch,
    store: &Store,
    table: &Table,
    id: ConnectionId,
    name: &ConsumerName,
) {
    batch.delete(store, table, &consumer_key(id, name.as_str()));
}

/// Iterates over the consumers of a connection by name, with their rows.
pub fn consumers<'a>(
    store: &'a Store,
    table: &Table,
    id: ConnectionId,
) -> impl Iterator<Item = Result<(ConsumerName, Box<[u8]>), ReadError>> + use<'a> {
    let (prefix, table) = (consumer_key(id, ""), table.clone());
    let begins = prefix.clone();
    store
        .scan(&table, &prefix)
        .take_while(move |row| row.as_ref().map_or(true, |(key, _)| key.starts_with(&begins)))
        .map(move |row| {
            let (key, value) = row?;
            let name = key.get(prefix.len()..).and_then(|name| std::str::from_utf8(name).ok());
            let name = name.ok_or_else(|| corrupt(&table, "the name of a consumer"))?;
            Ok((ConsumerName::stored(name.into()), value))
        })
}

fn consumer_key(id: ConnectionId, name: &str) -> Vec<u8> {
    [b"k".as_slice(), &id.to_bytes(), name.as_bytes()].concat()
}

/// Writes the row of a lease on secrets.
pub fn put_lease(batch: &mut Batch, store: &Store, table: &Table, id: LeaseId, row: &[u8]) {
    batch.put(store, table, &lease_key(id), row);
}

/// Deletes the row of a lease on secrets.
pub fn delete_lease(batch: &mut Batch, store: &Store, table: &Table, id: LeaseId) {
    batch.delete(store, table, &lease_key(id));
}

/// Iterates over the leases on secrets by id, with their rows.
pub fn leases<'a>(
    store: &'a Store,
    table: &Table,
) -> impl Iterator<Item = Result<(LeaseId, Box<[u8]>), ReadError>> + use<'a> {
    let table = table.clone();
    tagged(store, &table, b'l', b"l").map(move |row| {
        let (key, value) = row?;
        let id = key.get(1..).and_then(|id| id.try_into().ok());
        let id = id.ok_or_else(|| corrupt(&table, "the id of a lease"))?;
        Ok((LeaseId::from_bytes(id), value))
    })
}

fn lease_key(id: LeaseId) -> Vec<u8> {
    [b"l".as_slice(), &id.to_bytes()].concat()
}

/// Records when the next former generation of a connection is retired.
pub fn put_overlap(batch: &mut Batch, store: &Store, table: &Table, end: Micros, id: ConnectionId) {
    batch.put(store, table, &overlap_key(end, id), &[]);
}

/// Removes what [`put_overlap`] has recorded.
pub fn delete_overlap(
    batch: &mut Batch,
    store: &Store,
    table: &Table,
    end: Micros,
    id: ConnectionId,
) {
    batch.delete(store, table, &overlap_key(end, id));
}

/// Iterates over all connections with a former generation, by the time of the next retirement.
pub fn overlaps<'a>(
    store: &'a Store,
    table: &Table,
) -> impl Iterator<Item = Result<(Micros, ConnectionId), ReadError>> + use<'a> {
    let table = table.clone();
    tagged(store, &table, b't', b"t").map(move |row| {
        let (key, _) = row?;
        let parts = key.get(1..).and_then(|rest| rest.split_first_chunk::<8>());
        let parts = parts.and_then(|(end, id)| {
            let end = i64::try_from(u64::from_be_bytes(*end)).ok()?;
            Some((Micros::new(end), ConnectionId::from_bytes(id.try_into().ok()?)))
        });
        parts.ok_or_else(|| corrupt(&table, "the end of an overlap"))
    })
}

/// Ends are in the future when they are set, so none is before 1970.
fn overlap_key(end: Micros, id: ConnectionId) -> Vec<u8> {
    let end = u64::try_from(end.get()).unwrap_or_default();
    [b"t".as_slice(), &end.to_be_bytes(), &id.to_bytes()].concat()
}

/// Iterates over the rows from `from` whose keys begin with a tag.
fn tagged<'a>(
    store: &'a Store,
    table: &Table,
    tag: u8,
    from: &[u8],
) -> impl Iterator<Item = Result<Row, ReadError>> + use<'a> {
    store.scan_below(table, from, &[tag + 1])
}
