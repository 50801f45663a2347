//! Reads records from the log, and the state of a connection at any version.

use ledger_contract::records::{self, Happened, Record, StreamId};
use ledger_domain::{
    Connection, ConnectionId, Position, Principal, PrincipalName, Version, evolve, evolve_principal,
};
use ledger_store::tables::{StreamKey, log, snapshots, streams};
use ledger_store::{Batch, Store};

use crate::errors::Fault;

/// Returns the record at a position. A missing record is a fault.
pub(crate) fn record(store: &Store, position: Position) -> Result<Record, Fault> {
    let bytes = bytes(store, position)?;
    records::decode(position, &bytes).map_err(Fault::from)
}

/// Returns the stored bytes at a position. A missing record is a fault.
pub(crate) fn bytes(store: &Store, position: Position) -> Result<Vec<u8>, Fault> {
    match log::get(store, position) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(Fault::Damaged(format!("the record at position {position} is missing"))),
        Err(error) => Err(error.into()),
    }
}

/// Returns the key of a stream.
pub(crate) fn stream_key(stream: &StreamId) -> StreamKey {
    match stream {
        StreamId::Connection(id) => StreamKey::connection(*id),
        StreamId::Reveals(id) => StreamKey::reveals(*id),
        StreamId::Consumers(id) => StreamKey::consumers(*id),
        StreamId::Leases(name) => StreamKey::leases(name),
        StreamId::Handovers(name) => StreamKey::handovers(name),
        StreamId::Workspace(name) => StreamKey::workspace(name),
        StreamId::Principal(name) => StreamKey::principal(name),
        StreamId::Policies(name) => StreamKey::policies(name),
        StreamId::Alerts(name) => StreamKey::alerts(name),
        StreamId::Ledger(id) => StreamKey::ledger(*id),
    }
}

/// Returns the state of a connection at version `until`, or at its newest if that is older.
///
/// It is folded from the newest snapshot before it, or from the start if there is none.
pub(crate) fn state_at(
    store: &Store,
    id: ConnectionId,
    until: Version,
) -> Result<Option<Connection>, Fault> {
    let mut state = snapshot(store, id, until)?;
    let from = state.as_ref().map_or(Version::ZERO, |state| state.version).next();
    for position in streams::scan(store, StreamKey::connection(id), from) {
        let Record { metadata, happened } = record(store, position?)?;
        if metadata.version > until {
            break;
        }
        if let Happened::Connection(event) = happened {
            state = evolve(state, event, &metadata.facts(id));
        }
    }
    Ok(state)
}

/// Returns the state of a principal at a position, folded from its first event. There are as many
/// as an administrator made.
pub(crate) fn principal_at(
    store: &Store,
    name: &PrincipalName,
    until: Position,
) -> Result<Option<Principal>, Fault> {
    let mut state = None;
    for position in streams::scan(store, StreamKey::principal(name), Version::new(1)) {
        let position = position?;
        if position > until {
            break;
        }
        let Record { metadata, happened } = record(store, position)?;
        if let Happened::Principal(event) = happened {
            state = evolve_principal(state, event, &metadata.principal_facts(name.clone()));
        }
    }
    Ok(state)
}

/// Adds a state to `batch` as a snapshot, if one is due at its version.
pub(crate) fn put_snapshot(batch: &mut Batch, store: &Store, state: &Connection) {
    if snapshots::is_due(state.version) {
        let bytes = records::encode_snapshot(state);
        snapshots::put(batch, store, state.id, state.version, &bytes);
    }
}

/// Returns the newest snapshot of a connection that is not newer than `until`.
fn snapshot(store: &Store, id: ConnectionId, until: Version) -> Result<Option<Connection>, Fault> {
    let Some(bytes) = snapshots::latest(store, id, until)? else { return Ok(None) };
    let state = records::decode_snapshot(&bytes)
        .map_err(|source| Fault::Row { of: format!("a snapshot of connection {id}"), source })?;
    if state.id == id && state.version <= until {
        return Ok(Some(state));
    }
    Err(Fault::Damaged(format!("a snapshot of connection {id} holds another state")))
}
