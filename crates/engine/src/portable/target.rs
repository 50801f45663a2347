//! Up to where a ledger is restored.

use ledger_contract::time;
use ledger_domain::{Micros, Position};

use super::header::Header;
use crate::errors::RestoreError;

/// Up to where a ledger is restored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Until {
    /// All of it.
    #[default]
    End,
    /// The event at this position, which is the last.
    Position(Position),
    /// This time: the last event is the one before the first that was recorded later.
    Time(Micros),
}

/// The end of a restore, as far as it is known before the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The last position, or that of the whole if only the time is known.
    pub(super) last: Position,
    time: Option<Micros>,
}

impl Target {
    /// Finds the end. What the ledger never reached, or had not begun at, is refused.
    pub(super) fn of(until: Until, header: &Header) -> Result<Self, RestoreError> {
        let (end, unknown) = (header.position(), |why| Err(RestoreError::TargetUnknown(why)));
        match (until, header.times()) {
            (Until::End, _) => Ok(Self { last: end, time: None }),
            (Until::Position(Position::ZERO), _) => unknown("there is no position 0".to_owned()),
            (Until::Position(last), _) if last > end => {
                unknown(format!("position {last} is beyond the end, which is position {end}"))
            }
            (Until::Position(last), _) => Ok(Self { last, time: None }),
            (Until::Time(_), None) => unknown("the ledger has no events".to_owned()),
            (Until::Time(time), Some((first, _))) if time < first => {
                let (time, first) = (time::format(time), time::format(first));
                unknown(format!("{time} is before the first event, which is of {first}"))
            }
            (Until::Time(time), Some((_, last))) => {
                Ok(Self { last: end, time: Some(time).filter(|time| *time < last) })
            }
        }
    }

    /// Returns whether an event that was recorded at this time is beyond the end. Times in the log
    /// never decrease.
    pub(super) fn is_before(&self, recorded_at: Micros) -> bool {
        self.time.is_some_and(|time| recorded_at > time)
    }
}
