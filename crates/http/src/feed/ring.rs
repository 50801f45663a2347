//! The newest events, serialized and shared by all feeds.
//!
//! ```text
//! log positions: 1 .. floor | floor+1 .. tail | tail+1 .. head
//!                 not kept  |      kept       | not read yet
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use ledger_contract::errors::Code;
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
    /// The next event is older than those in the ring.
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
    notices: VecDeque<Arc<Notice>>,
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
    /// all before it, which may show them.
    pub(super) fn push(&self, notices: Vec<Arc<Notice>>) {
        let Some(last) = notices.last().map(|notice| notice.position()) else { return };
        {
            let mut kept = self.kept.write();
            for notice in notices {
                if notice.hides {
                    let floor = notice.position().saturating_sub(1);
                    *kept = Kept { floor, bytes: 0, notices: VecDeque::new() };
                }
                kept.bytes += notice.whole.frame.len();
                kept.notices.push_back(notice);
            }
            while kept.notices.len() > self.events_max || kept.bytes > self.bytes_max {
                let Some(oldest) = kept.notices.pop_front() else { break };
                kept.bytes -= oldest.whole.frame.len();
                kept.floor = oldest.position();
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
        let next = kept.notices.iter().skip(skip).take(PIECE);
        let next: Vec<_> = next.map(Arc::clone).collect();
        if next.is_empty() { Lookup::End } else { Lookup::Notices(next) }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use ledger_contract::records::StreamId;
    use ledger_domain::{EventId, Position, WorkspaceName};
    use ledger_engine::OutboxItem;

    use super::*;

    fn notices(positions: std::ops::RangeInclusive<u64>) -> Vec<Arc<Notice>> {
        let notice = |position| {
            let workspace = WorkspaceName::parse("w", "default").unwrap();
            let mut notice = Notice::of(OutboxItem {
                position: Position::new(position),
                stream: StreamId::Workspace(workspace.clone()),
                workspace,
                event_id: EventId::from_bytes([1; 16]),
                type_name: "workspace_created",
                recorded_at: String::new(),
                body: Vec::new(),
                hides: false,
            });
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
