//! Reads records from the log, and the state of a connection at any version.

use ledger_contract::records::{self, Happened, Record};
use ledger_domain::{Connection, ConnectionId, Position, Version, evolve};
use ledger_store::Store;
use ledger_store::tables::{StreamKey, log, streams};

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

/// Folds a connection's stream up to and including version `until`.
pub(crate) fn state_at(
    store: &Store,
    connection: ConnectionId,
    until: Version,
) -> Result<Option<Connection>, Fault> {
    let mut state = None;
    for position in streams::scan(store, StreamKey::connection(connection), Version::new(1)) {
        let position = position?;
        let Record { metadata, happened } = record(store, position)?;
        if metadata.version > until {
            break;
        }
        if let Happened::Connection(event) = happened {
            state = evolve(state, event, &metadata.facts(connection));
        }
    }
    Ok(state)
}
