//! The newest committed events, kept in memory for the relay.
//!
//! The writer already has everything that a notification needs, so the relay need not read and
//! decode it again. A relay that has fallen behind the tail reads the same events from the log.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use ledger_contract::records::{Metadata, StreamId};
use ledger_domain::{Connection, Position};
use parking_lot::Mutex;

/// Maximum number of events.
const EVENTS_MAX: usize = 8_192;
/// Maximum bytes of records and of the rows of their connections, as a measure of the states.
const BYTES_MAX: usize = 32 * 1024 * 1024;

/// A committed event with everything that its notification needs.
#[derive(Debug)]
pub(crate) struct Fresh {
    pub(crate) metadata: Metadata,
    pub(crate) type_name: &'static str,
    /// Its stored bytes.
    pub(crate) record: Box<[u8]>,
    /// The connection directly after it, or `None` for events about a workspace.
    pub(crate) after: Option<Arc<Connection>>,
    /// Size of that connection's row.
    pub(crate) row_bytes: usize,
    /// Whether it hides settings of earlier events.
    pub(crate) hides: bool,
    /// Whether its notification must not wait for others.
    pub(crate) is_urgent: bool,
    /// The place of its command in a trace.
    pub(crate) traceparent: Option<Arc<str>>,
}

impl Fresh {
    fn bytes(&self) -> usize {
        self.record.len() + self.row_bytes
    }
}

/// The newest committed events, a place for each.
#[derive(Debug, Default)]
pub(crate) struct Tail(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// None in place of an event that is to be read from the log.
    events: VecDeque<Option<Arc<Fresh>>>,
    /// The position of the first of them.
    first: Position,
    bytes: usize,
}

impl Tail {
    /// Appends newly committed events, in log order. One that hides settings drops the earlier ones
    /// of its stream, which may show them; they are read from the log.
    pub(crate) fn extend(&self, events: impl Iterator<Item = Fresh>) {
        let mut hidden = HashMap::new();
        let mut kept = self.0.lock();
        for event in events {
            if event.hides {
                hidden.insert(event.metadata.stream.clone(), event.metadata.position);
            }
            if kept.events.is_empty() {
                kept.first = event.metadata.position;
            }
            kept.bytes += event.bytes();
            kept.events.push_back(Some(Arc::new(event)));
        }
        while kept.events.len() > EVENTS_MAX || kept.bytes > BYTES_MAX {
            let Some(oldest) = kept.events.pop_front() else { break };
            kept.bytes -= oldest.map_or(0, |oldest| oldest.bytes());
            kept.first = kept.first.next();
        }
        kept.drop_hidden(&hidden);
    }

    /// Returns up to `most` events after `after`, or none if the next one is no longer here.
    pub(crate) fn after(&self, after: Position, most: usize) -> Vec<Arc<Fresh>> {
        let kept = self.0.lock();
        let skipped = after.next().get().checked_sub(kept.first.get());
        match skipped.and_then(|skipped| usize::try_from(skipped).ok()) {
            Some(skipped) => {
                kept.events.iter().skip(skipped).take(most).map_while(Clone::clone).collect()
            }
            None => Vec::new(),
        }
    }
}

impl Kept {
    /// Drops the events of some streams that are before a position, in one walk.
    fn drop_hidden(&mut self, before: &HashMap<StreamId, Position>) {
        if before.is_empty() {
            return;
        }
        let is_hidden = |event: &Metadata| {
            before.get(&event.stream).is_some_and(|position| event.position < *position)
        };
        for place in &mut self.events {
            if let Some(event) = place.take_if(|event| is_hidden(&event.metadata)) {
                self.bytes -= event.bytes();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ledger_contract::records::{Provenance, Via};
    use ledger_domain::{Actor, ConnectionId, EventId, MessageId, Micros, Version, WorkspaceName};

    use super::*;

    fn fresh(position: u64, record_bytes: usize) -> Fresh {
        let workspace = WorkspaceName::parse("workspace", "default").unwrap();
        Fresh {
            metadata: Metadata {
                position: Position::new(position),
                stream: StreamId::Workspace(workspace.clone()),
                version: Version::new(1),
                event_id: EventId::from_bytes([1; 16]),
                workspace,
                recorded_at: Micros::new(0),
                clock: None,
                epoch: None,
                actor: Actor::new("key:admin"),
                provenance: Provenance {
                    via: Via::Nats,
                    command_id: MessageId::parse("command_id", "c").unwrap(),
                    correlation_id: None,
                    causation_id: None,
                    trace_id: None,
                    key: None,
                    address: None,
                },
                fingerprint: None,
            },
            type_name: "workspace_created",
            record: vec![0; record_bytes].into_boxed_slice(),
            after: None,
            row_bytes: 0,
            hides: false,
            is_urgent: false,
            traceparent: None,
        }
    }

    fn positions(tail: &Tail, after: u64, most: usize) -> Vec<u64> {
        let events = tail.after(Position::new(after), most);
        events.iter().map(|event| event.metadata.position.get()).collect()
    }

    #[test]
    fn events_after_a_position_have_no_gaps() {
        let tail = Tail::default();
        assert_eq!(positions(&tail, 0, 10), [0; 0]);
        tail.extend((5..8).map(|position| fresh(position, 1)));
        tail.extend(std::iter::once(fresh(8, 1)));
        assert_eq!(positions(&tail, 4, 2), [5, 6]);
        assert_eq!(positions(&tail, 6, 10), [7, 8]);
        assert_eq!(positions(&tail, 8, 10), [0; 0]);
        assert_eq!(positions(&tail, 3, 10), [0; 0], "event 4 is only in the log");
    }

    #[test]
    fn an_event_that_hides_settings_drops_the_earlier_ones_of_its_stream() {
        let tail = Tail::default();
        let of = |position, id| {
            let mut event = fresh(position, 1);
            event.metadata.stream = StreamId::Connection(ConnectionId::from_bytes([id; 16]));
            event
        };
        let hiding = Fresh { hides: true, ..of(5, 1) };
        tail.extend([of(1, 2), of(2, 1), of(3, 2), of(4, 1), hiding, of(6, 1)].into_iter());
        assert_eq!(positions(&tail, 0, 10), [1], "the next one is only in the log");
        assert_eq!(positions(&tail, 1, 10), [0; 0]);
        assert_eq!(positions(&tail, 2, 10), [3]);
        assert_eq!(positions(&tail, 3, 10), [0; 0]);
        assert_eq!(positions(&tail, 4, 10), [5, 6]);
        assert_eq!(tail.0.lock().bytes, 4);
        let hiding = [(7, 1), (8, 2), (9, 1)].map(|(at, id)| Fresh { hides: true, ..of(at, id) });
        tail.extend(hiding.into_iter());
        let kept = tail.0.lock();
        let left = kept.events.iter().flatten().map(|event| event.metadata.position.get());
        assert_eq!(left.collect::<Vec<_>>(), [8, 9], "of each stream what hides it last");
        assert_eq!(kept.bytes, 2);
    }

    #[test]
    fn memory_is_bounded_by_number_and_bytes() {
        let tail = Tail::default();
        tail.extend((1..=10_000).map(|position| fresh(position, 1)));
        assert_eq!(tail.0.lock().events.len(), EVENTS_MAX);
        let large = |position| Fresh { row_bytes: 1024 * 1024, ..fresh(position, 1024 * 1024) };
        tail.extend((10_001..10_021).map(large));
        assert_eq!(positions(&tail, 10_004, 1), [10_005]);
        assert_eq!(positions(&tail, 10_003, 1), [0; 0]);
    }
}
