//! Refreshes tokens ahead of their expiry, as long as somebody uses them.

use ledger_contract::headers::Headers;
use ledger_contract::records::{ConnectionRow, Via};
use ledger_domain::{Connection, ConnectionId, Micros};
use ledger_store::ReadError;
use ledger_store::tables::connections;

use super::attempt::RefreshRequest;
use super::{ProviderTokens, due};
use crate::access::Caller;
use crate::agenda::{Looked, Watched};
use crate::engine::Engine;
use crate::errors::{ExecuteError, Fault, chain};

/// The actor of the events.
const ACTOR: &str = "system:refresh";
/// Tokens that nobody asked for in this time are not refreshed, in microseconds.
const UNUSED_MICROS: i64 = 24 * 3_600 * 1_000_000;
/// When to look again whether an attempt has led to anything, in microseconds.
const AGAIN_MICROS: i64 = 60 * 1_000_000;
/// The name of the member of a row that says what is known of a token.
const MEMBER: &[u8] = b"\"provider_token\":";
/// Rows between two looks whether the walk is to end.
const ROWS_BETWEEN_LOOKS: usize = 256;

/// Attempts that are left for those who ask, of all that may be made at once.
const FREE_MIN: usize = 16;
/// After how long it is tried again to begin an attempt, in microseconds.
const SOON_MICROS: i64 = 1_000_000;

/// What the thread watches that refreshes tokens.
pub(crate) const TOKENS: Watched = Watched {
    thread: "ledger-tokens",
    yields: true,
    agenda: |shared| &shared.provider_tokens.agenda,
    before: walk_once,
    look,
    failed: "cannot refresh a token yet",
};

impl ProviderTokens {
    /// Takes a change to a connection into account.
    pub(crate) fn follow(&self, before: Option<&Connection>, after: &Connection) {
        let is_known = before.is_some_and(|before| before.provider_token.is_some());
        if is_known || after.provider_token.is_some() {
            self.agenda.plan(after.id, due::next_look(after));
        }
    }
}

fn look(engine: &Engine, id: ConnectionId) -> Result<Looked, ExecuteError> {
    let (tokens, now) = (&engine.shared.provider_tokens, engine.clock().now());
    let Some(row) = engine.shared.models.load().row(id)? else { return Ok(Looked::Nothing) };
    let connection = row.connection;
    let since = Micros::new(now.get().saturating_sub(UNUSED_MICROS));
    if !tokens.can_run() || !tokens.flights.was_asked(id, since) {
        return Ok(Looked::Nothing);
    }
    let Some(next) = due::next_look(&connection) else { return Ok(Looked::Nothing) };
    if now < next {
        return Ok(Looked::Again(next));
    }
    if let Some((not_before, _)) = tokens.flights.blocked(now, &connection) {
        return Ok(Looked::Again(not_before));
    }
    // Whoever waits for a token goes first.
    if tokens.room.available_permits() < FREE_MIN {
        return Ok(Looked::Again(Micros::new(now.get().saturating_add(SOON_MICROS))));
    }
    let context = engine.context(Caller::system(ACTOR), Via::System, Headers::default());
    let request = RefreshRequest {
        caller: context.caller,
        provenance: context.provenance,
        fingerprint: None,
        // It is due, though it could still be given out.
        is_forced: true,
    };
    // It goes on by itself.
    drop(engine.begin_refresh_of(id, request)?);
    // What comes of it sets the next look.
    Ok(Looked::Again(Micros::new(now.get().saturating_add(AGAIN_MICROS))))
}

/// Puts the connections that have a token on the agenda, once after a start. Whose token was
/// refreshed in the last day is taken to be in use.
fn walk_once(engine: &Engine) {
    if !engine.shared.provider_tokens.begins_walk() {
        return;
    }
    if let Err(error) = walk(engine) {
        tracing::warn!(error = %chain(&error), "cannot look through all connections for tokens");
    }
}

fn walk(engine: &Engine) -> Result<(), Fault> {
    let shared = &engine.shared;
    let (tokens, models) = (&shared.provider_tokens, shared.models.load());
    for (number, row) in connections::scan(&shared.store, &models.connections).enumerate() {
        if number % ROWS_BETWEEN_LOOKS == 0 && tokens.agenda.is_stopped() {
            return Ok(());
        }
        let row = match row {
            Err(error @ ReadError::Altered { .. }) => {
                tracing::error!(error = %chain(&error), "a connection's token is not known");
                continue;
            }
            row => row?,
        };
        // Most connections have none, which is seen without reading all of the row.
        if memchr::memmem::find(&row, MEMBER).is_none() {
            continue;
        }
        let row = ConnectionRow::decode(&row);
        let row = row.map_err(|source| Fault::Row { of: "a connection".to_owned(), source })?;
        let connection = row.connection;
        let (Some(token), Some(next)) = (due::token(&connection), due::next_look(&connection))
        else {
            continue;
        };
        tokens.flights.note_asked(connection.id, token.set_at);
        tokens.agenda.plan_by(connection.id, || next);
    }
    Ok(())
}
