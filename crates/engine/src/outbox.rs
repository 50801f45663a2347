//! Turns the log after the outbox mark into notifications for gateways.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use ledger_contract::records::{self, Happened, Metadata, Record, StreamId};
use ledger_contract::reply::Notification;
use ledger_contract::time;
use ledger_contract::view::ConnectionView;
use ledger_domain::{Connection, ConnectionId, EventId, Position, Version, WorkspaceName, evolve};
use ledger_store::tables::{log, meta};
use ledger_store::{Batch, Durability};

use crate::engine::Engine;
use crate::errors::Fault;
use crate::history;

/// Room for the parts of a state that the event does not contain.
const BODY_ROOM_BYTES: usize = 1_024;

/// A notification and its destination.
#[derive(Clone, Debug)]
pub struct OutboxItem {
    /// The event's position in the log.
    pub position: Position,
    /// The workspace it concerns.
    pub workspace: WorkspaceName,
    /// The stream to which the event belongs.
    pub stream: StreamId,
    /// The event's id.
    pub event_id: EventId,
    /// The stored name of the event's type.
    pub type_name: &'static str,
    /// When the event was recorded, in RFC 3339 format.
    pub recorded_at: String,
    /// JSON of a [`Notification`].
    pub body: Vec<u8>,
}

impl Engine {
    /// Returns the outbox mark: the last position known to be in the event stream.
    pub fn published(&self) -> Position {
        self.shared.published()
    }

    /// Moves the outbox mark, in either direction.
    pub fn set_published(&self, position: Position) {
        self.shared.published.store(position.get(), Ordering::SeqCst);
    }

    /// Stores the outbox mark for the next start. The write is not synced, so the stored mark may
    /// be behind; the relay asks the event stream for its last position.
    pub fn store_published(&self) -> Result<(), Fault> {
        let mut batch = Batch::new();
        meta::put_published(&mut batch, &self.shared.store, self.published());
        self.shared.store.commit(batch, Durability::Buffered).map_err(Fault::from)
    }

    /// Returns up to `most` notifications after `after`, in order. Blocks only for events older
    /// than the newest few thousand, which are read from the log.
    pub fn notifications(&self, after: Position, most: usize) -> Result<Vec<OutboxItem>, Fault> {
        let head = self.head();
        let fresh = self.shared.tail.after(after, most);
        if fresh.is_empty() {
            return self.notifications_from_log(after, head, most);
        }
        let durable = fresh.iter().take_while(|event| event.metadata.position <= head);
        let items = durable.map(|event| {
            let connection = event.after.as_deref();
            item(event.metadata.clone(), event.type_name, &event.record, connection)
        });
        Ok(items.collect())
    }

    fn notifications_from_log(
        &self,
        after: Position,
        head: Position,
        most: usize,
    ) -> Result<Vec<OutboxItem>, Fault> {
        let mut states = HashMap::new();
        let mut items = Vec::new();
        for row in log::scan(&self.shared.store, after.next()).take(most) {
            let (position, bytes) = row?;
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
    ) -> Result<OutboxItem, Fault> {
        let Record { metadata, happened } = records::decode(position, bytes)?;
        let type_name = happened.type_name();
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
        let item = item(metadata, type_name, bytes, connection.as_ref());
        if let Some(connection) = connection {
            states.insert(connection.id, connection);
        }
        Ok(item)
    }

    /// Returns the state just before a version, from the given states or the log.
    fn state_before(
        &self,
        id: ConnectionId,
        version: Version,
        states: &mut HashMap<ConnectionId, Connection>,
    ) -> Result<Option<Connection>, Fault> {
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

fn item(
    metadata: Metadata,
    type_name: &'static str,
    record: &[u8],
    connection: Option<&Connection>,
) -> OutboxItem {
    let notification = Notification {
        position: metadata.position.get(),
        event: records::public(record),
        connection: connection.map(ConnectionView::of),
    };
    // A state is about as large as the event that produced it; masked secrets take less.
    let mut body = Vec::with_capacity(2 * record.len() + BODY_ROOM_BYTES);
    serde_json::to_writer(&mut body, &notification).expect("a notification has a JSON form");
    OutboxItem {
        position: metadata.position,
        workspace: metadata.workspace,
        stream: metadata.stream,
        event_id: metadata.event_id,
        type_name,
        recorded_at: time::format(metadata.recorded_at),
        body,
    }
}
