//! Why a watcher starts anew.

use std::fmt;

use ledger_contract::ResumePoint;
use ledger_contract::errors::Code;
use ledger_domain::Incarnation;

/// Why a watcher starts anew: what it delivered before does not lead to what is there now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Restart {
    /// The ledger was restored, so that its history is another one. What it has not delivered again
    /// when it has caught up is gone.
    HistoryChanged {
        /// The history that the ledger has now, if it is known.
        now: Option<Incarnation>,
    },
    /// The position is beyond the end of the log.
    PositionUnknown {
        /// The last position of the log.
        end: u64,
    },
    /// Events after the last position may have left the event stream.
    EventsMissed {
        /// The last position.
        after: u64,
    },
}

impl Restart {
    /// Returns the restart of a watcher whose point the log with this end does not have.
    pub(super) fn at_end(refusal: Code, end: ResumePoint) -> Self {
        match refusal {
            Code::PositionUnknown => Self::PositionUnknown { end: end.position.get() },
            _ => Self::HistoryChanged { now: end.incarnation },
        }
    }

    /// Returns a stable word: the error code of the same meaning where there is one.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HistoryChanged { .. } => Code::HistoryChanged.as_str(),
            Self::PositionUnknown { .. } => Code::PositionUnknown.as_str(),
            Self::EventsMissed { .. } => "events_missed",
        }
    }
}

impl fmt::Display for Restart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HistoryChanged { .. } => {
                f.write_str("the ledger was restored, and its history is another one")
            }
            Self::PositionUnknown { end } => {
                write!(f, "the log ends at position {end}, before the given one")
            }
            Self::EventsMissed { after } => write!(
                f,
                "events after position {after} may no longer be in the event stream, which keeps \
                 the newest"
            ),
        }
    }
}
