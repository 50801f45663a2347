//! Erases connections again that the ledger was restored with from a backup that is older than
//! their erasure.

use ledger_contract::commands::{ConnectionRef, ParsedCommand};
use ledger_contract::headers::Headers;
use ledger_contract::records::Via;
use ledger_domain::{CheckedText as _, Command, Connection, Prose};
use ledger_store::tables::meta;

use super::pass::{Pass, Stopped};
use crate::access::{Caller, Permit};
use crate::engine::Engine;
use crate::errors::{ExecuteError, Unavailable, chain};
use crate::writer::{Envelope, Prepared, Removal, Work};

/// The actor of the events.
const ACTOR: &str = "system:restore";
/// The reason in them.
const REASON: &str = "erased after the backup that the ledger was restored from";

/// Erases what is marked, whose data keys were not restored.
pub(super) fn erase_again(engine: &Engine) -> Result<(), Stopped> {
    for id in meta::erase_again(&engine.shared.store)? {
        let row = engine.shared.models.load().row(id)?;
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
                tracing::error!(
                    ledger.connection.id = %connection.id, error = %chain(&error),
                    "a connection cannot be erased again that the backup still had"
                );
                return Ok(false);
            }
        }
    }
}

fn try_erase(engine: &Engine, connection: &Connection) -> Result<(), ExecuteError> {
    let (id, workspace) = (connection.id, connection.workspace.clone());
    let context = engine.context(Caller::system(ACTOR), Via::System, Headers::default());
    let command = Command::Erase { reason: Prose::stored(REASON.into()), force: true };
    let parsed = ParsedCommand::change(ConnectionRef::Id(id), command.clone());
    let permit = Permit::of(context.caller, &workspace, &parsed)?;
    let work = Work::Connection { id, command: Box::new(command), new_key: None };
    let envelope = Envelope {
        workspace,
        fingerprint: None,
        permit,
        expected: context.expected,
        deadline: None,
        provenance: context.provenance,
    };
    let answer = engine.submit(Prepared { work, envelope })?;
    let stopping = |_| Err(Unavailable::ShuttingDown.into());
    answer.blocking_recv().unwrap_or_else(stopping).map(drop)
}
