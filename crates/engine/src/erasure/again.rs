//! Erases connections again that the ledger was restored with from a backup that is older than
//! their erasure.

use ledger_domain::{CheckedText as _, Command, Connection, ConnectionId, Prose};
use ledger_store::tables::meta;

use super::pass::{Pass, Stopped};
use crate::access::Caller;
use crate::engine::Engine;
use crate::errors::{ExecuteError, Unavailable, chain};
use crate::writer::{Removal, Work};

/// The actor of the events.
const ACTOR: &str = "system:restore";
/// The reason in them.
const REASON: &str = "erased after the backup that the ledger was restored from";

/// Erases what is marked, whose data keys were not restored.
pub(super) fn erase_again(engine: &Engine) -> Result<(), Stopped> {
    for id in meta::erase_again(&engine.shared.store)? {
        let row = match engine.shared.models.load().row(id) {
            Ok(row) => row,
            Err(error) => {
                log_refused(id, &error);
                continue;
            }
        };
        let live = row.map(|row| row.connection).filter(|one| !one.lifecycle.is_erased());
        let is_done = match &live {
            None => true,
            Some(connection) => erase(engine, connection)?,
        };
        if is_done {
            Pass::put(engine, Removal::EraseAgain(id))?;
        }
    }
    Ok(())
}

/// Erases a connection. Returns false if that is refused, which the log tells.
fn erase(engine: &Engine, connection: &Connection) -> Result<bool, Stopped> {
    loop {
        match try_erase(engine, connection) {
            Ok(()) => {
                tracing::warn!(
                    ledger.connection.id = %connection.id,
                    "a connection is erased again that the backup still had"
                );
                return Ok(true);
            }
            Err(ExecuteError::Unavailable(Unavailable::NotOwner(_)) | ExecuteError::Busy) => {
                if engine.shared.erasing.wait() {
                    return Err(Stopped::Stopping);
                }
            }
            Err(ExecuteError::Unavailable(_)) => return Err(Stopped::Stopping),
            Err(error) => {
                log_refused(connection.id, &error);
                return Ok(false);
            }
        }
    }
}

fn log_refused(id: ConnectionId, error: &dyn std::error::Error) {
    tracing::error!(
        ledger.connection.id = %id, error = %chain(error),
        "a connection cannot be erased again that the backup still had"
    );
}

fn try_erase(engine: &Engine, connection: &Connection) -> Result<(), ExecuteError> {
    let command = Command::Erase { reason: Prose::stored(REASON.into()), force: true };
    let work = Work::Connection { id: connection.id, command: Box::new(command), new_key: None };
    engine.do_own(Caller::system(ACTOR), connection.workspace.clone(), work)
}
