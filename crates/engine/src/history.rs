//! Reads the log: records, and the state of a connection at any version.

use ledger_contract::errors::{Code, Problem};
use ledger_contract::records::{self, Happened, Record};
use ledger_domain::{Connection, ConnectionId, Position, Version, evolve};
use ledger_store::Store;
use ledger_store::tables::{StreamKey, log, streams};

use crate::faults;

/// Returns the record at a position, which must be there.
pub(crate) fn record(store: &Store, position: Position) -> Result<Record, Problem> {
    let bytes = bytes(store, position)?;
    records::decode(position, &bytes).map_err(|error| faults::from_record(&error))
}

/// Returns the stored bytes at a position, which must be there.
pub(crate) fn bytes(store: &Store, position: Position) -> Result<Vec<u8>, Problem> {
    match log::get(store, position) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => {
            tracing::error!(%position, "a record is missing from the log");
            let message = format!("the record at position {position} is missing");
            Err(Problem::because(Code::RecordCorrupt, message))
        }
        Err(error) => Err(faults::from_read(&error)),
    }
}

/// Folds a connection's stream up to and including version `until`.
pub(crate) fn state_at(
    store: &Store,
    connection: ConnectionId,
    until: Version,
) -> Result<Option<Connection>, Problem> {
    let mut state = None;
    for position in streams::scan(store, StreamKey::connection(connection), Version::new(1)) {
        let position = position.map_err(|error| faults::from_read(&error))?;
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
