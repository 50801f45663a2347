//! The query for the erasure of a connection.

use std::collections::BTreeSet;
use std::sync::Arc;

use ledger_contract::commands::ConnectionRef;
use ledger_contract::queries::{ErasureQuery, ErasureState, ErasureView};
use ledger_contract::records::{Happened, Record};
use ledger_contract::time;
use ledger_domain::{
    Connection, ConnectionId, LedgerEvent, Lifecycle, MasterKeyId, Position, Version,
};
use ledger_store::tables::{StreamKey, streams};

use super::Reader;
use crate::errors::{Fault, QueryError};
use crate::history;

impl Reader<'_> {
    /// Returns how far the erasure of a connection is. Blocks.
    ///
    /// Errors: `connection_unknown`, `forbidden`.
    pub fn erasure(&self, query: &ErasureQuery) -> Result<ErasureView, QueryError> {
        let target = ConnectionRef::parse("connection", &query.connection)?;
        let connection = self.connection(&target)?;
        let mut view = ErasureView {
            connection: connection.id.to_string(),
            slug: connection.slug.to_string(),
            state: ErasureState::None,
            erased_at: None,
            erased_by: None,
            position: None,
            completed_at: None,
            left_stream: None,
            master_keys: BTreeSet::new(),
        };
        let Lifecycle::Erased { at } = connection.lifecycle else { return Ok(view) };
        let erasure = self.engine.shared.erasure(&connection)?;
        view.state = match &erasure {
            Some(erasure) if erasure.completed_at.is_none() => ErasureState::UnderWay,
            _ => ErasureState::Complete,
        };
        view.completed_at = erasure.and_then(|one| one.completed_at).map(time::format);
        view.erased_at = Some(time::format(at));
        view.erased_by = Some(connection.updated_by.as_str().to_owned());
        view.position = Some(connection.position.get());
        let window = self.engine.shared.fence.status().and_then(|nats| nats.window);
        view.left_stream = window.map(|window| window.first_position >= connection.position.get());
        let keys = self.wrapping_keys(&connection)?;
        let ledger = Arc::clone(&self.engine.shared.ledger.read());
        let keys = keys.into_iter().filter(|key| !ledger.retired.contains(key));
        view.master_keys = keys.map(|key| key.to_string()).collect();
        Ok(view)
    }

    /// Returns the master keys under which the data key of an erased connection was wrapped at some
    /// time: those that were active between its creation and its erasure.
    fn wrapping_keys(&self, connection: &Connection) -> Result<BTreeSet<MasterKeyId>, Fault> {
        let shared = &self.engine.shared;
        let created = self.created(connection.id)?;
        let mut keys = BTreeSet::new();
        let mut active = None;
        let own = StreamKey::ledger(shared.identity.ledger);
        for position in streams::scan(&shared.store, own, Version::new(1)) {
            let Record { metadata, happened } = history::record(&shared.store, position?)?;
            let Happened::Ledger(LedgerEvent::MasterKeyRotated { from, to }) = happened else {
                continue;
            };
            if metadata.position > created {
                keys.insert(from);
            }
            active = Some(to);
            if metadata.position > connection.position {
                return Ok(keys);
            }
        }
        keys.insert(active.unwrap_or_else(|| shared.ledger.read().active));
        Ok(keys)
    }

    fn created(&self, id: ConnectionId) -> Result<Position, Fault> {
        let store = &self.engine.shared.store;
        let mut stream = streams::scan(store, StreamKey::connection(id), Version::new(1));
        let first = stream.next().transpose()?;
        first.ok_or_else(|| Fault::Damaged(format!("connection {id} has no events")))
    }
}
