//! Turns the log after the outbox mark into notifications for gateways.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ledger_contract::records::{self, Frame, Happened, Hide, Metadata, Record, StreamId};
use ledger_contract::reply::{NotificationWriter, NotifiedState};
use ledger_contract::time;
use ledger_domain::connection::Lifecycle;
use ledger_domain::{
    Connection, ConnectionId, Event, EventId, Position, Version, WorkspaceName, evolve, limits,
};
use ledger_store::tables::{log, meta};
use ledger_store::{Batch, Durability};
use tokio::sync::watch;

use crate::engine::Engine;
use crate::errors::Fault;
use crate::history;
use crate::redaction::{self, Redacted};
use crate::writer::Recent;

/// States that a reader carries at most.
const STATES_MAX: usize = 4_096;
/// Bytes of those states, by the size of their notifications.
const STATES_BYTES: usize = 16 * 1024 * 1024;
/// The same of a reader that reads only here and there.
const FEW_STATES_MAX: usize = 16;
const FEW_STATES_BYTES: usize = 256 * 1024;
/// Bytes of notifications after which no more are read at a time.
const READ_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The stored type name of the event after which nothing of the earlier ones is shown.
const ERASED: &str = "connection_erased";
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
    /// JSON of a [`ledger_contract::reply::Notification`].
    pub body: Vec<u8>,
    /// Whether the event hides settings that earlier notifications show.
    pub hides: bool,
    /// Whether the event leaves its connection archived or erased.
    pub is_archived: bool,
    /// Whether the event says that a value is known to others.
    pub is_urgent: bool,
    /// The place of its command in a trace, as a W3C `traceparent`; only of recent events.
    pub traceparent: Option<Arc<str>>,
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
    /// be behind; the relay asks the event stream for its last position. A poisoned store keeps
    /// its mark.
    pub fn store_published(&self) -> Result<(), Fault> {
        if self.shared.store.is_poisoned() {
            return Ok(());
        }
        let mut batch = Batch::new();
        meta::put_published(&mut batch, &self.shared.store, self.published());
        self.shared.store.commit(batch, Durability::Buffered).map_err(Fault::from)
    }

    /// Returns a channel with the position of the last event since the start whose notification
    /// must not wait for others; zero before there is one. The head is never behind it.
    pub fn subscribe_urgent(&self) -> watch::Receiver<Position> {
        self.shared.urgent.subscribe()
    }

    /// Returns a reader of notifications.
    pub fn outbox(&self) -> Outbox {
        self.outbox_with(Recent::new(STATES_MAX).within(STATES_BYTES))
    }

    /// Returns a reader for the event stream. Of events that are so many behind the newest and not
    /// the last of their connections, it leaves out states that would have to be folded from the
    /// log: with many connections that costs much more than reading the events, and by then no
    /// reader of the stream needs a state that has passed.
    pub fn outbox_leaving_out(&self, events_behind: u64) -> Outbox {
        Outbox { leaves_out_from: events_behind, ..self.outbox() }
    }

    /// Returns a reader that carries few states, for who reads only here and there.
    pub(crate) fn outbox_of_few(&self) -> Outbox {
        self.outbox_with(Recent::new(FEW_STATES_MAX).within(FEW_STATES_BYTES))
    }

    fn outbox_with(&self, states: Recent<ConnectionId, Connection>) -> Outbox {
        let writer = NotificationWriter::new(self.identity().incarnation);
        Outbox { engine: self.clone(), states, writer, leaves_out_from: u64::MAX }
    }

    /// Returns the id of the event at a position. Blocks.
    pub fn event_id(&self, position: Position) -> Result<EventId, Fault> {
        let bytes = history::bytes(&self.shared.store, position)?;
        Ok(Frame::read(position, &bytes)?.event_id)
    }
}

/// Reads notifications in log order. It carries the states of connections from event to event, so
/// that reading on costs the same however often a connection has changed.
pub struct Outbox {
    engine: Engine,
    /// States after the last event read of each connection, if that came from the log.
    states: Recent<ConnectionId, Connection>,
    writer: NotificationWriter,
    /// How many events behind the newest states are left out rather than folded.
    leaves_out_from: u64,
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outbox(..)")
    }
}

impl Outbox {
    /// Returns the next notifications after `after`, in order: at most `most` of them, and no more
    /// than a few MiB unless one alone is larger. Blocks only for events older than the newest few
    /// thousand, which are read from the log.
    pub fn read(&mut self, after: Position, most: usize) -> Result<Vec<OutboxItem>, Fault> {
        let head = self.engine.head();
        let fresh = self.engine.shared.tail.after(after, most);
        if fresh.is_empty() {
            return self.read_log(after, head, most);
        }
        let durable = fresh.iter().take_while(|event| event.metadata.position <= head);
        let mut items = Vec::with_capacity(fresh.len());
        let mut bytes = 0;
        for event in durable {
            let connection = event.after.as_deref();
            let is_urgent = event.is_urgent;
            let (hides, leaves_out) = (event.hides, false);
            let shown = Shown { connection, redacted: None, leaves_out, hides, is_urgent };
            let writer = &self.writer;
            let (mut item, _) =
                item(writer, &event.metadata, event.type_name, &event.record, &shown);
            item.traceparent.clone_from(&event.traceparent);
            bytes += item.body.len();
            items.push(item);
            if bytes >= READ_BYTES_MAX {
                break;
            }
        }
        Ok(items)
    }

    fn read_log(
        &mut self,
        after: Position,
        head: Position,
        most: usize,
    ) -> Result<Vec<OutboxItem>, Fault> {
        let shared = Arc::clone(&self.engine.shared);
        let mut items = Vec::new();
        let mut bytes = 0;
        let mut records = log::Records::walk(&shared.store, after.next());
        while items.len() < most && bytes < READ_BYTES_MAX {
            let Some((position, record)) = records.next_record()? else { break };
            if position > head {
                break;
            }
            let leaves_out = head.get() - position.get() >= self.leaves_out_from;
            let item = self.notification(position, record, leaves_out)?;
            bytes += item.body.len();
            items.push(item);
        }
        Ok(items)
    }

    fn notification(
        &mut self,
        position: Position,
        bytes: &[u8],
        leaves_out: bool,
    ) -> Result<OutboxItem, Fault> {
        let Record { metadata, happened } = records::decode(position, bytes)?;
        let type_name = happened.type_name();
        let is_urgent = matches!(&happened, Happened::Connection(event) if event.is_urgent());
        let after = match (&metadata.stream, happened) {
            (StreamId::Connection(id), Happened::Connection(event)) => {
                self.after(*id, event, &metadata, leaves_out)?
            }
            _ => After::Is(None),
        };
        let (redacted, hides) = match &after {
            After::Is(Some(after)) => self.redacted_since(after)?,
            After::Is(None) => (None, false),
            After::Passed { redacted } => {
                let hides = redacted.values().any(|since| *since == metadata.version);
                (Some(redacted.clone()).filter(|names| !names.is_empty()), hides)
            }
        };
        let leaves_out = matches!(after, After::Passed { .. });
        let connection = match after {
            After::Is(connection) => connection.map(|connection| *connection),
            After::Passed { .. } => None,
        };
        let mask = |redacted: &Redacted| {
            let mut masked = connection.clone()?;
            redaction::mask_details(redacted, metadata.version, &mut masked.details);
            Some(masked)
        };
        let masked = redacted.as_ref().and_then(mask);
        let hides = hides || type_name == ERASED;
        let shown = Shown {
            connection: masked.as_ref().or(connection.as_ref()),
            redacted: redacted.as_ref(),
            leaves_out,
            hides,
            is_urgent,
        };
        let (item, is_whole) = item(&self.writer, &metadata, type_name, bytes, &shown);
        // The size of a state that was left out is unknown, and it is large.
        if let Some(connection) = connection.filter(|_| is_whole) {
            self.states.set_sized(connection.id, connection, item.body.len(), |_| true);
        }
        Ok(item)
    }

    /// Returns what is hidden by now of the events up to a state, if anything is, and whether the
    /// last of them may hide something itself.
    fn redacted_since(&self, after: &Connection) -> Result<(Option<Redacted>, bool), Fault> {
        let hides = after.redacted.values().any(|since| *since == after.version);
        if after.details.config.is_empty() {
            return Ok((None, hides));
        }
        let row = self.engine.shared.models.load().row(after.id)?;
        let redacted = row.map(|row| row.connection.redacted).filter(|names| !names.is_empty());
        Ok((redacted, hides))
    }

    /// Returns the state of a connection after an event.
    fn after(
        &mut self,
        id: ConnectionId,
        event: Event,
        metadata: &Metadata,
        leaves_out: bool,
    ) -> Result<After, Fault> {
        let before = Version::new(metadata.version.get().saturating_sub(1));
        // What was carried from before an erasure is not to be seen any more.
        let is_emptied = matches!(event, Event::Emptied(_));
        let carried = self.states.take(&id);
        let carried = carried.filter(|state| state.version == before && !is_emptied);
        let before = match carried {
            Some(state) => Some(state),
            None if before == Version::ZERO => None,
            None => {
                let shared = &self.engine.shared;
                match shared.models.load().row(id)? {
                    Some(row) if row.connection.version == metadata.version => {
                        return Ok(After::Is(Some(Box::new(row.connection))));
                    }
                    Some(row) if leaves_out && row.connection.version > metadata.version => {
                        return Ok(After::Passed { redacted: row.connection.redacted });
                    }
                    _ => history::state_at(&shared.store, id, before)?,
                }
            }
        };
        Ok(After::Is(evolve(before, event, &metadata.facts(id)).map(Box::new)))
    }
}

/// The state of a connection after an event.
enum After {
    /// It is this, or there is none.
    Is(Option<Box<Connection>>),
    /// It has passed, and was not looked up.
    Passed {
        /// What is hidden by now.
        redacted: Redacted,
    },
}

/// What a notification shows of a connection.
struct Shown<'a> {
    /// The state after the event.
    connection: Option<&'a Connection>,
    /// What is hidden of the event by now, if anything is.
    redacted: Option<&'a Redacted>,
    /// Whether there is a state that is left out.
    leaves_out: bool,
    /// Whether the event hides settings of earlier ones.
    hides: bool,
    /// Whether the event says that a value is known to others.
    is_urgent: bool,
}

fn is_archived(connection: &Connection) -> bool {
    match connection.lifecycle {
        Lifecycle::Active => false,
        Lifecycle::Archived { .. } | Lifecycle::Erased { .. } => true,
    }
}

/// Returns a notification, and whether it has the state.
fn item(
    writer: &NotificationWriter,
    metadata: &Metadata,
    type_name: &'static str,
    record: &[u8],
    shown: &Shown<'_>,
) -> (OutboxItem, bool) {
    let (position, connection) = (metadata.position, shown.connection);
    let mask = shown.redacted.map(|redacted| {
        move |name: &str, text: &str| redaction::mask(redacted, metadata.version, name, text)
    });
    let hide = mask.as_ref().map(|mask| mask as Hide<'_>);
    // A state is about as large as the event that produced it; masked secrets take less.
    let mut body = Vec::with_capacity(2 * record.len() + BODY_ROOM_BYTES);
    let state = match connection {
        Some(connection) => NotifiedState::Is(connection),
        None if shown.leaves_out => NotifiedState::Omitted,
        None => NotifiedState::None,
    };
    writer.write(&mut body, position, record, hide, state);
    let is_whole = body.len() <= limits::NOTIFICATION_BYTES || connection.is_none();
    if !is_whole {
        body = Vec::with_capacity(record.len() + BODY_ROOM_BYTES);
        writer.write(&mut body, position, record, hide, NotifiedState::Omitted);
    }
    let item = OutboxItem {
        position,
        workspace: metadata.workspace.clone(),
        stream: metadata.stream.clone(),
        event_id: metadata.event_id,
        type_name,
        recorded_at: time::format(metadata.recorded_at),
        body,
        hides: shown.hides,
        is_archived: connection.is_some_and(is_archived),
        is_urgent: shown.is_urgent,
        traceparent: None,
    };
    (item, is_whole)
}
