//! What gateways are to be told: the log from the outbox mark on, as notifications.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use ledger_contract::errors::Problem;
use ledger_contract::records::{self, Happened, Record, StreamId};
use ledger_contract::reply::Notification;
use ledger_contract::time;
use ledger_contract::view::ConnectionView;
use ledger_domain::{Connection, ConnectionId, EventId, Position, Version, WorkspaceName, evolve};
use ledger_store::tables::{log, meta};
use ledger_store::{Batch, Durability};

use crate::engine::Engine;
use crate::{faults, history};

/// One notification and where it goes.
#[derive(Clone, Debug)]
pub struct OutboxItem {
    /// The event's place in the log.
    pub position: Position,
    /// The workspace it concerns.
    pub workspace: WorkspaceName,
    /// The stream it belongs to.
    pub stream: StreamId,
    /// The event's identity.
    pub event_id: EventId,
    /// Its stored type name.
    pub type_name: &'static str,
    /// When it was recorded, RFC 3339.
    pub recorded_at: String,
    /// JSON of a [`Notification`].
    pub body: Vec<u8>,
}

impl Engine {
    /// Returns the last position known to be in the event stream.
    pub fn published(&self) -> Position {
        self.shared.published()
    }

    /// Moves that mark, in either direction. It is not synced: after a power cut the relay asks
    /// the event stream itself where it ended.
    pub fn set_published(&self, position: Position) -> Result<(), Problem> {
        let mut batch = Batch::new();
        meta::put_published(&mut batch, &self.shared.store, position);
        self.shared
            .store
            .commit(batch, Durability::Buffered)
            .map_err(|error| faults::from_append(&error))?;
        self.shared.published.store(position.get(), Ordering::SeqCst);
        Ok(())
    }

    /// Returns up to `most` notifications after `after`, in order. Blocks.
    pub fn notifications(&self, after: Position, most: usize) -> Result<Vec<OutboxItem>, Problem> {
        let head = self.head();
        let mut states = HashMap::new();
        let mut items = Vec::new();
        for row in log::scan(&self.shared.store, after.next()).take(most) {
            let (position, bytes) = row.map_err(|error| faults::from_read(&error))?;
            if position > head {
                break;
            }
            items.push(self.notification(position, &bytes, &mut states)?);
        }
        Ok(items)
    }

    fn notification(
        &self,
        position: Position,
        bytes: &[u8],
        states: &mut HashMap<ConnectionId, Connection>,
    ) -> Result<OutboxItem, Problem> {
        let Record { metadata, happened } =
            records::decode(position, bytes).map_err(|error| faults::from_record(&error))?;
        let type_name = happened.type_name();
        let event = records::public(bytes, &happened);
        let connection = match (&metadata.stream, happened) {
            (StreamId::Connection(id), Happened::Connection(event)) => {
                match self.shared.models.load().row(*id)? {
                    Some(row) if row.connection.version == metadata.version => Some(row.connection),
                    _ => {
                        let before = self.state_before(*id, metadata.version, states)?;
                        evolve(before, event, &metadata.facts(*id))
                    }
                }
            }
            _ => None,
        };
        let notification = Notification {
            position: position.get(),
            event,
            connection: connection.as_ref().map(ConnectionView::of),
        };
        let body = serde_json::to_vec(&notification).expect("a notification has a JSON form");
        if let Some(connection) = connection {
            states.insert(connection.id, connection);
        }
        Ok(OutboxItem {
            position,
            workspace: metadata.workspace,
            stream: metadata.stream,
            event_id: metadata.event_id,
            type_name,
            recorded_at: time::format(metadata.recorded_at),
            body,
        })
    }

    /// Returns the state just before a version, from the states at hand or the log.
    fn state_before(
        &self,
        id: ConnectionId,
        version: Version,
        states: &mut HashMap<ConnectionId, Connection>,
    ) -> Result<Option<Connection>, Problem> {
        let before = Version::new(version.get().saturating_sub(1));
        if before == Version::ZERO {
            return Ok(None);
        }
        match states.remove(&id) {
            Some(state) if state.version == before => Ok(Some(state)),
            _ => history::state_at(&self.shared.store, id, before),
        }
    }
}
