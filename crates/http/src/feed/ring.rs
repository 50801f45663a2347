//! The newest events, serialized and shared by all feeds.
//!
//! ```text
//! log positions: 1 .. floor | floor+1 .. tail | tail+1 .. head
//!                 not kept  |      kept       | not read yet
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use ledger_contract::errors::Code;
use ledger_contract::records::StreamId;
use parking_lot::RwLock;
use tokio::sync::watch;

use super::frame::Notice;

/// Most events that a feed takes at a time.
const PIECE: usize = 64;

/// The end of the ring, which followers watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tail {
    /// Last position in the ring.
    pub(super) position: u64,
    /// Why the log cannot be read further, if it cannot.
    pub(super) failed: Option<Code>,
}

/// The result of a lookup in the ring.
#[derive(Debug)]
pub(super) enum Lookup {
    /// The next events.
    Notices(Vec<Arc<Notice>>),
    /// The next event is not in the ring, and has to be read from the log.
    Behind,
    /// There are no further events yet.
    End,
}

#[derive(Debug)]
pub(super) struct Ring {
    kept: RwLock<Kept>,
    tail: watch::Sender<Tail>,
    events_max: usize,
    bytes_max: usize,
}

#[derive(Debug)]
struct Kept {
    floor: u64,
    bytes: usize,
    /// None in place of an event that is to be read from the log.
    notices: VecDeque<Option<Arc<Notice>>>,
}

impl Ring {
    /// Creates an empty ring after a position.
    pub(super) fn new(position: u64, events_max: usize, bytes_max: usize) -> Self {
        let kept = Kept { floor: position, bytes: 0, notices: VecDeque::new() };
        let tail = watch::Sender::new(Tail { position, failed: None });
        Self { kept: RwLock::new(kept), tail, events_max: events_max.max(1), bytes_max }
    }

    /// Returns the last position in the ring.
    pub(super) fn tail(&self) -> u64 {
        self.tail.borrow().position
    }

    /// Returns the capacity in events.
    pub(super) fn events_max(&self) -> usize {
        self.events_max
    }

    /// Returns a channel that reports the end of the ring.
    pub(super) fn subscribe(&self) -> watch::Receiver<Tail> {
        self.tail.subscribe()
    }

    /// Drops all events, and continues after another position.
    pub(super) fn restart(&self, position: u64) {
        {
            let mut kept = self.kept.write();
            *kept = Kept { floor: position, bytes: 0, notices: VecDeque::new() };
        }
        self.tail.send_replace(Tail { position, failed: None });
    }

    /// Adds the next events, and drops the oldest above the limits. One that hides settings drops
    /// the earlier ones of its stream, which may show them.
    pub(super) fn push(&self, notices: Vec<Arc<Notice>>) {
        let Some(last) = notices.last().map(|notice| notice.position()) else { return };
        {
            let mut kept = self.kept.write();
            for notice in notices {
                if notice.hides {
                    kept.drop_stream(&notice.stream);
                }
                kept.bytes += notice.whole.frame.len();
                kept.notices.push_back(Some(notice));
            }
            while kept.notices.len() > self.events_max || kept.bytes > self.bytes_max {
                let Some(oldest) = kept.notices.pop_front() else { break };
                kept.bytes -= oldest.map_or(0, |oldest| oldest.whole.frame.len());
                kept.floor += 1;
            }
        }
        self.tail.send_replace(Tail { position: last, failed: None });
    }

    /// Records that the log cannot be read further.
    pub(super) fn fail(&self, code: Code) {
        self.tail.send_modify(|tail| tail.failed = Some(code));
    }

    /// Returns the events after a position.
    pub(super) fn after(&self, position: u64) -> Lookup {
        let kept = self.kept.read();
        let Some(skip) = position.checked_sub(kept.floor) else { return Lookup::Behind };
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        if skip >= kept.notices.len() {
            return Lookup::End;
        }
        let next = kept.notices.iter().skip(skip).take(PIECE);
        let next: Vec<_> = next.map_while(Clone::clone).collect();
        if next.is_empty() { Lookup::Behind } else { Lookup::Notices(next) }
    }
}

impl Kept {
    fn drop_stream(&mut self, stream: &StreamId) {
        for place in &mut self.notices {
            if let Some(notice) = place.take_if(|notice| notice.stream == *stream) {
                self.bytes -= notice.whole.frame.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use ledger_domain::{ConnectionId, EventId, Incarnation, Position, WorkspaceName};
    use ledger_engine::OutboxItem;

    use super::*;

    fn notices(positions: std::ops::RangeInclusive<u64>) -> Vec<Arc<Notice>> {
        let notice = |position| {
            let workspace = WorkspaceName::parse("w", "default").unwrap();
            let item = OutboxItem {
                position: Position::new(position),
                stream: StreamId::Workspace(workspace.clone()),
                workspace,
                event_id: EventId::from_bytes([1; 16]),
                type_name: "workspace_created",
                recorded_at: String::new(),
                body: Vec::new(),
                hides: false,
                is_archived: false,
                is_urgent: false,
                traceparent: None,
            };
            let mut notice = Notice::of(item, Incarnation::from_bytes([1; 16]));
            notice.whole.frame = Bytes::from(vec![b'x'; 10]);
            Arc::new(notice)
        };
        positions.map(notice).collect()
    }

    fn found(ring: &Ring, after: u64) -> Vec<u64> {
        match ring.after(after) {
            Lookup::Notices(notices) => notices.iter().map(|notice| notice.position()).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_reader_gets_what_follows_its_position() {
        let ring = Ring::new(100, 8, 1_000);
        assert!(matches!(ring.after(100), Lookup::End));
        assert!(matches!(ring.after(99), Lookup::Behind));
        ring.push(notices(101..=103));
        assert_eq!(ring.tail(), 103);
        assert_eq!(found(&ring, 100), [101, 102, 103]);
        assert_eq!(found(&ring, 102), [103]);
        assert!(matches!(ring.after(103), Lookup::End));
    }

    #[test]
    fn the_oldest_are_dropped_above_the_limits_on_events_and_bytes() {
        let few = Ring::new(0, 3, 1_000);
        few.push(notices(1..=5));
        assert!(matches!(few.after(1), Lookup::Behind));
        assert_eq!(found(&few, 2), [3, 4, 5]);
        let small = Ring::new(0, 100, 25);
        small.push(notices(1..=5));
        assert_eq!(found(&small, 3), [4, 5]);
        small.push(notices(6..=6));
        assert_eq!(found(&small, 4), [5, 6]);
    }

    #[test]
    fn an_event_that_hides_settings_drops_the_earlier_ones_of_its_stream() {
        let ring = Ring::new(0, 10, 1_000);
        let of = |position: u64, id| {
            let notice = notices(position..=position).pop().unwrap();
            let mut notice = Arc::into_inner(notice).unwrap();
            notice.stream = StreamId::Connection(ConnectionId::from_bytes([id; 16]));
            notice
        };
        let mut hiding = of(5, 1);
        hiding.hides = true;
        ring.push([of(1, 2), of(2, 1), of(3, 2), of(4, 1)].map(Arc::new).into());
        ring.push([hiding, of(6, 1)].map(Arc::new).into());
        assert_eq!(found(&ring, 0), [1], "the next one is only in the log");
        assert!(matches!(ring.after(1), Lookup::Behind));
        assert_eq!(found(&ring, 2), [3]);
        assert!(matches!(ring.after(3), Lookup::Behind));
        assert_eq!(found(&ring, 4), [5, 6]);
        assert!(matches!(ring.after(6), Lookup::End));
    }

    #[test]
    fn a_ring_too_small_for_an_event_sends_its_readers_to_the_log() {
        let ring = Ring::new(0, 10, 5);
        ring.push(notices(1..=2));
        assert_eq!(ring.tail(), 2);
        assert!(matches!(ring.after(1), Lookup::Behind), "it is read from the log");
        assert!(matches!(ring.after(2), Lookup::End));
    }

    #[test]
    fn a_restart_drops_events_and_a_failure_lasts_until_the_next_event() {
        let ring = Ring::new(0, 10, 1_000);
        ring.push(notices(1..=2));
        ring.restart(50);
        assert!(matches!(ring.after(2), Lookup::Behind));
        ring.fail(Code::RecordCorrupt);
        assert_eq!(ring.subscribe().borrow().failed, Some(Code::RecordCorrupt));
        ring.push(notices(51..=51));
        assert_eq!(*ring.subscribe().borrow(), Tail { position: 51, failed: None });
    }
}
