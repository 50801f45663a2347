//! Single values, by name.
//!
//! | Name | Value |
//! |---|---|
//! | `incarnation` | name of this history of the ledger (16) |
//! | `origin` | the history that this was restored from (16), the last position of both (8, BE) |
//! | `epoch` | number of times the ledger was opened for writing (8, BE) |
//! | `followed` | sequence of the last message of the log stream that is in the log (8, BE) |
//! | `log_stream` | when that stream was made, in nanoseconds since 1970 (8, BE) |
//! | `curve_key` | the vault's wrapped curve key |
//! | `former_curve_key` | until when the former one is accepted (8, BE), and its wrapped form |
//! | `nats_login` | the vault's sealed logins of the managed NATS server |
//! | `data_keys.<id>` | number of data keys that are wrapped under a master key (8, BE) |
//! | `erase_again.<id>` | nothing: the connection of this id is to be erased, as it was once |
//! | `requires_sealed` | whether the ledger was made to refuse what is not sealed (1) |
//! | `journal_removed` | number of the newest removed entry of the audit journal (8, BE) |
//! | `log_checkpoint` | the last signed checkpoint of the log, as text |
//! | `published` | last position known to be in the event stream (8, BE) |
//! | `generation.<model>` | live generation of a read model (4, BE) |
//! | `version.<name>` | version of the code that wrote a read model or derived table (4, BE) |
//! | `checkpoint.<table>` | last position a read model's bitmaps hold on disk (8, BE) |

use std::collections::BTreeMap;

use ledger_domain::{ConnectionId, Incarnation, MasterKeyId, Micros, Position};

use super::{META, fixed, u64_from};
use crate::batch::Batch;
use crate::error::{ReadError, corrupt};
use crate::store::{Rows, Store};
use crate::table::Table;

const INCARNATION: &str = "incarnation";
const ORIGIN: &str = "origin";
const EPOCH: &str = "epoch";
const FOLLOWED: &str = "followed";
const LOG_STREAM: &str = "log_stream";
const CURVE_KEY: &str = "curve_key";
const FORMER_CURVE_KEY: &str = "former_curve_key";
const NATS_LOGIN: &str = "nats_login";
const DATA_KEYS: &str = "data_keys.";
const ERASE_AGAIN: &str = "erase_again.";
const REQUIRES_SEALED: &str = "requires_sealed";
const JOURNAL_REMOVED: &str = "journal_removed";
const PUBLISHED: &str = "published";
const LOG_CHECKPOINT: &str = "log_checkpoint";

fn put(batch: &mut Batch, store: &Store, name: &str, value: &[u8]) {
    batch.put(store, &fixed(META), name.as_bytes(), value);
}

fn get(store: &Store, name: &str) -> Result<Option<Vec<u8>>, ReadError> {
    store.get(&fixed(META), name.as_bytes())
}

/// Iterates over all values.
pub fn rows(store: &Store) -> Rows<'_> {
    store.scan_all(&fixed(META), &[])
}

/// Names this history of the ledger.
pub fn put_incarnation(batch: &mut Batch, store: &Store, incarnation: Incarnation) {
    put(batch, store, INCARNATION, &incarnation.to_bytes());
}

/// Returns the name of this history, or `None` in a directory of an earlier program.
pub fn incarnation(store: &Store) -> Result<Option<Incarnation>, ReadError> {
    let Some(bytes) = get(store, INCARNATION)? else { return Ok(None) };
    let bytes = bytes.try_into().map_err(|_| corrupt(&fixed(META), INCARNATION))?;
    Ok(Some(Incarnation::from_bytes(bytes)))
}

/// Names the history that this one was restored from, and the last position that both have.
pub fn put_origin(batch: &mut Batch, store: &Store, former: Incarnation, last: Position) {
    let value = [&former.to_bytes()[..], &last.get().to_be_bytes()].concat();
    put(batch, store, ORIGIN, &value);
}

/// Returns the history that this one was restored from, and the last position that both have, or
/// `None` if the ledger was never restored.
pub fn origin(store: &Store) -> Result<Option<(Incarnation, Position)>, ReadError> {
    let Some(value) = get(store, ORIGIN)? else { return Ok(None) };
    let parts = value.split_first_chunk::<16>();
    let parts =
        parts.and_then(|(former, last)| Some((Incarnation::from_bytes(*former), u64_from(last)?)));
    let (former, last) = parts.ok_or_else(|| corrupt(&fixed(META), ORIGIN))?;
    Ok(Some((former, Position::new(last))))
}

/// Sets how often the ledger was opened for writing.
pub fn put_epoch(batch: &mut Batch, store: &Store, epoch: u64) {
    put(batch, store, EPOCH, &epoch.to_be_bytes());
}

/// Returns how often the ledger was opened for writing.
pub fn epoch(store: &Store) -> Result<u64, ReadError> {
    counter(store, EPOCH)
}

/// Notes up to which message of the log stream everything is in the log.
pub fn put_followed(batch: &mut Batch, store: &Store, sequence: u64) {
    put(batch, store, FOLLOWED, &sequence.to_be_bytes());
}

/// Returns up to which message of the log stream everything is in the log; 0 for none.
pub fn followed(store: &Store) -> Result<u64, ReadError> {
    counter(store, FOLLOWED)
}

/// Notes when the log stream was made, in nanoseconds since 1970.
pub fn put_log_stream(batch: &mut Batch, store: &Store, made_at: u64) {
    put(batch, store, LOG_STREAM, &made_at.to_be_bytes());
}

/// Returns when the log stream was made, or 0 if the ledger follows none.
pub fn log_stream(store: &Store) -> Result<u64, ReadError> {
    counter(store, LOG_STREAM)
}

/// Sets the wrapped curve key.
pub fn put_curve_key(batch: &mut Batch, store: &Store, wrapped: &[u8]) {
    put(batch, store, CURVE_KEY, wrapped);
}

/// Returns the wrapped curve key, or `None` in a directory of an earlier program.
pub fn curve_key(store: &Store) -> Result<Option<Vec<u8>>, ReadError> {
    get(store, CURVE_KEY)
}

/// Sets the wrapped former curve key, and until when it is accepted. The form is empty if the key
/// was never stored, because an earlier program made the ledger.
pub fn put_former_curve_key(batch: &mut Batch, store: &Store, until: Micros, wrapped: &[u8]) {
    let value = [&until.get().to_be_bytes()[..], wrapped].concat();
    put(batch, store, FORMER_CURVE_KEY, &value);
}

/// Returns until when the former curve key is accepted, and its wrapped form.
pub fn former_curve_key(store: &Store) -> Result<Option<(Micros, Vec<u8>)>, ReadError> {
    let Some(value) = get(store, FORMER_CURVE_KEY)? else { return Ok(None) };
    let (until, wrapped) =
        value.split_first_chunk().ok_or_else(|| corrupt(&fixed(META), FORMER_CURVE_KEY))?;
    Ok(Some((Micros::new(i64::from_be_bytes(*until)), wrapped.to_vec())))
}

/// Sets the sealed logins of the managed NATS server.
pub fn put_nats_login(batch: &mut Batch, store: &Store, sealed: &[u8]) {
    put(batch, store, NATS_LOGIN, sealed);
}

/// Returns the sealed logins of the managed NATS server, or `None` if it never ran.
pub fn nats_login(store: &Store) -> Result<Option<Vec<u8>>, ReadError> {
    get(store, NATS_LOGIN)
}

/// Sets how many data keys are wrapped under a master key.
pub fn put_data_keys(batch: &mut Batch, store: &Store, key: MasterKeyId, count: u64) {
    let name = format!("{DATA_KEYS}{key}");
    if count == 0 {
        batch.delete(store, &fixed(META), name.as_bytes());
    } else {
        put(batch, store, &name, &count.to_be_bytes());
    }
}

/// Returns how many data keys are wrapped under each master key. None is zero.
pub fn data_keys(store: &Store) -> Result<BTreeMap<MasterKeyId, u64>, ReadError> {
    let mut counts = BTreeMap::new();
    for row in store.scan(&fixed(META), DATA_KEYS.as_bytes()) {
        let (name, count) = row?;
        let Some(id) = name.strip_prefix(DATA_KEYS.as_bytes()) else { break };
        let count = MasterKeyId::from_ascii(id).zip(u64_from(&count));
        let (id, count) = count.ok_or_else(|| corrupt(&fixed(META), DATA_KEYS))?;
        counts.insert(id, count);
    }
    Ok(counts)
}

/// Notes that a connection is to be erased, which was erased in the history that the ledger was
/// restored from.
pub fn put_erase_again(batch: &mut Batch, store: &Store, id: ConnectionId) {
    put(batch, store, &format!("{ERASE_AGAIN}{id}"), &[]);
}

/// Notes that it is erased.
pub fn delete_erase_again(batch: &mut Batch, store: &Store, id: ConnectionId) {
    batch.delete(store, &fixed(META), format!("{ERASE_AGAIN}{id}").as_bytes());
}

/// Returns the connections that are to be erased.
pub fn erase_again(store: &Store) -> Result<Vec<ConnectionId>, ReadError> {
    let mut ids = Vec::new();
    for row in store.scan(&fixed(META), ERASE_AGAIN.as_bytes()) {
        let (name, _) = row?;
        let Some(id) = name.strip_prefix(ERASE_AGAIN.as_bytes()) else { break };
        let id = std::str::from_utf8(id).ok().and_then(|id| id.parse().ok());
        ids.push(id.ok_or_else(|| corrupt(&fixed(META), ERASE_AGAIN))?);
    }
    Ok(ids)
}

/// Sets whether the ledger refuses requests over NATS that are not sealed.
pub fn put_requires_sealed(batch: &mut Batch, store: &Store, required: bool) {
    put(batch, store, REQUIRES_SEALED, &[required.into()]);
}

/// Returns whether the ledger was made to refuse requests over NATS that are not sealed.
pub fn requires_sealed(store: &Store) -> Result<bool, ReadError> {
    Ok(get(store, REQUIRES_SEALED)?.is_some_and(|value| value == [1]))
}

/// Moves the outbox mark.
pub fn put_published(batch: &mut Batch, store: &Store, position: Position) {
    put(batch, store, PUBLISHED, &position.get().to_be_bytes());
}

/// Returns the outbox mark.
pub fn published(store: &Store) -> Result<Position, ReadError> {
    position(store, PUBLISHED)
}

/// Stores the last signed checkpoint of the log.
pub fn put_log_checkpoint(batch: &mut Batch, store: &Store, checkpoint: &[u8]) {
    put(batch, store, LOG_CHECKPOINT, checkpoint);
}

/// Returns the last signed checkpoint of the log, if there is one.
pub fn log_checkpoint(store: &Store) -> Result<Option<Vec<u8>>, ReadError> {
    get(store, LOG_CHECKPOINT)
}

/// Sets the number of the newest removed entry of the audit journal.
pub fn put_journal_removed(batch: &mut Batch, store: &Store, number: u64) {
    put(batch, store, JOURNAL_REMOVED, &number.to_be_bytes());
}

/// Returns the number of the newest removed entry of the audit journal, or 0.
pub fn journal_removed(store: &Store) -> Result<u64, ReadError> {
    counter(store, JOURNAL_REMOVED)
}

/// Stores the position up to which a read model's bitmaps are on disk.
pub fn put_checkpoint(batch: &mut Batch, store: &Store, table: &Table, position: Position) {
    let name = format!("checkpoint.{}", table.name());
    put(batch, store, &name, &position.get().to_be_bytes());
}

/// Returns the position up to which a read model's bitmaps are on disk.
pub fn checkpoint(store: &Store, table: &Table) -> Result<Position, ReadError> {
    position(store, &format!("checkpoint.{}", table.name()))
}

/// Sets the live generation of a read model.
pub fn put_generation(batch: &mut Batch, store: &Store, model: &str, generation: u32) {
    put(batch, store, &format!("generation.{model}"), &generation.to_be_bytes());
}

/// Returns the live generation of a read model, or 0 if there is none yet.
pub fn generation(store: &Store, model: &str) -> Result<u32, ReadError> {
    Ok(number(store, &format!("generation.{model}"))?.unwrap_or(0))
}

/// Sets the version of the code that wrote something derived from the log.
pub fn put_version(batch: &mut Batch, store: &Store, name: &str, version: u32) {
    put(batch, store, &format!("version.{name}"), &version.to_be_bytes());
}

/// Returns the version of the code that wrote something derived from the log. Programs that did not
/// store it wrote version 1.
pub fn version(store: &Store, name: &str) -> Result<u32, ReadError> {
    Ok(number(store, &format!("version.{name}"))?.unwrap_or(1))
}

fn number(store: &Store, name: &str) -> Result<Option<u32>, ReadError> {
    let number = |bytes: Vec<u8>| {
        let bytes = bytes.as_slice().try_into().map_err(|_| corrupt(&fixed(META), name))?;
        Ok(u32::from_be_bytes(bytes))
    };
    get(store, name)?.map(number).transpose()
}

fn position(store: &Store, name: &str) -> Result<Position, ReadError> {
    counter(store, name).map(Position::new)
}

/// Returns a count, or 0 if there is none yet.
fn counter(store: &Store, name: &str) -> Result<u64, ReadError> {
    match get(store, name)? {
        None => Ok(0),
        Some(bytes) => u64_from(&bytes).ok_or_else(|| corrupt(&fixed(META), name.to_owned())),
    }
}
