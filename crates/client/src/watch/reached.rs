//! How far a watcher has come.

use ledger_contract::ResumePoint;
use ledger_domain::EventId;

use super::notice::Notice;

/// Everything of the scope up to a point is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reached {
    pub(super) point: ResumePoint,
    /// The event at that position, if it is one of the scope. When the stream is opened again, that
    /// event is expected there.
    pub(super) event: Option<EventId>,
}

impl Reached {
    /// Returns a point at which no event of the scope needs to be.
    pub(super) fn after(point: ResumePoint) -> Self {
        Self { point, event: None }
    }

    /// Returns the point after an event of the scope.
    pub(super) fn at(notice: &Notice) -> Self {
        Self { point: notice.resume_point(), event: notice.event_id() }
    }

    /// Returns the position.
    pub(super) fn position(&self) -> u64 {
        self.point.position.get()
    }
}
