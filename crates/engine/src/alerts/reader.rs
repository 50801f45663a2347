//! Finds the events of an alert in the log.

use std::fmt;

use ledger_contract::records::{Frame, Happened, Record, StreamId};
use ledger_domain::{Alert, AlertHappened, AlertName, Position, Version, WorkspaceName};
use ledger_store::tables::{log, streams};

use super::concerns::{concerns, is_told, may_concern};
use crate::engine::Engine;
use crate::errors::Fault;
use crate::history;
use crate::outbox::{Outbox, OutboxItem};

/// What a walk through the log came to.
#[derive(Debug)]
pub struct AlertScan {
    /// The position up to which it was looked at.
    pub reached: Position,
    /// What was found there: an event of the alert, with its version in its stream.
    pub found: Option<(OutboxItem, Version)>,
    /// Which dead letters are to be sent again, by events that were passed.
    pub replays: Vec<ReplayedLetters>,
}

/// Dead letters that are to be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayedLetters {
    /// All that there are.
    All,
    /// That of the event at this position.
    One(Position),
}

/// Reads the log for one alert.
pub struct AlertReader {
    engine: Engine,
    outbox: Outbox,
    place: WorkspaceName,
    name: AlertName,
}

impl fmt::Debug for AlertReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AlertReader({}/{})", self.place, self.name)
    }
}

impl Engine {
    /// Returns a reader of the events of an alert of a workspace, or of the ledger by the name that
    /// stands for it.
    pub fn alert_reader(&self, place: &WorkspaceName, name: &AlertName) -> AlertReader {
        let (place, name) = (place.clone(), name.clone());
        AlertReader { engine: self.clone(), outbox: self.outbox_of_few(), place, name }
    }
}

impl AlertReader {
    /// Walks on through the log after `after`, up to the next event of the alert, and at most over
    /// `most` events. Blocks.
    pub fn walk(
        &mut self,
        alert: &Alert,
        after: Position,
        most: usize,
    ) -> Result<AlertScan, Fault> {
        let (shared, head) = (self.engine.shared.clone(), self.engine.head());
        let mut scan = AlertScan { reached: after, found: None, replays: Vec::new() };
        let mut records = log::Records::walk(&shared.store, after.next());
        for _ in 0..most {
            let Some((position, bytes)) = records.next_record()? else { break };
            if position > head {
                break;
            }
            let frame = Frame::read(position, bytes)?;
            let version = frame.version;
            scan.replays.extend(self.replay(&frame, position)?);
            scan.reached = position;
            if may_concern(&self.place, &self.name, alert, frame)?
                && let Some(item) = self.item(alert, position)?
            {
                scan.found = Some((item, version));
                break;
            }
        }
        Ok(scan)
    }

    /// Returns the event of the alert in a stream that comes next after a version, up to a position
    /// in the log. Blocks.
    pub fn next_in(
        &mut self,
        alert: &Alert,
        stream: &StreamId,
        after: Version,
        until: Position,
    ) -> Result<Option<(OutboxItem, Version)>, Fault> {
        let shared = self.engine.shared.clone();
        let key = history::stream_key(stream);
        for position in streams::scan(&shared.store, key, after.next()) {
            let position = position?;
            if position > until {
                break;
            }
            let bytes = history::bytes(&shared.store, position)?;
            let frame = Frame::read(position, &bytes)?;
            let version = frame.version;
            if may_concern(&self.place, &self.name, alert, frame)?
                && let Some(item) = self.item(alert, position)?
            {
                return Ok(Some((item, version)));
            }
        }
        Ok(None)
    }

    /// Returns the event at a position, if it still is one of the alert's. Blocks.
    pub fn at(&mut self, alert: &Alert, position: Position) -> Result<Option<OutboxItem>, Fault> {
        let bytes = history::bytes(&self.engine.shared.store, position)?;
        let frame = Frame::read(position, &bytes)?;
        if !may_concern(&self.place, &self.name, alert, frame)? {
            return Ok(None);
        }
        self.item(alert, position)
    }

    /// Returns what is told of an event that may be one of the alert's, if it is one.
    fn item(&mut self, alert: &Alert, position: Position) -> Result<Option<OutboxItem>, Fault> {
        let before = Position::new(position.get().saturating_sub(1));
        let mut items = self.outbox.read(before, 1)?;
        let item = items.pop().ok_or_else(|| Fault::bug("an event was read and is not there"))?;
        let is_erased = match &item.stream {
            StreamId::Connection(id) => {
                let row = self.engine.shared.models.load().row(*id)?;
                row.is_some_and(|row| row.connection.lifecycle.is_erased())
            }
            _ => false,
        };
        let is_one = is_told(&item, is_erased) && concerns(alert, &item)?;
        Ok(is_one.then_some(item))
    }

    /// Returns which dead letters an event says are to be sent again, if it is about this alert.
    fn replay(
        &self,
        frame: &Frame<'_>,
        position: Position,
    ) -> Result<Option<ReplayedLetters>, Fault> {
        let is_replay = frame.type_name == "alert_replayed"
            && matches!(&frame.stream, StreamId::Alerts(place) if *place == self.place);
        if !is_replay {
            return Ok(None);
        }
        let Record { happened, .. } = history::record(&self.engine.shared.store, position)?;
        let Happened::Alert(event) = happened else { return Ok(None) };
        Ok(match event.happened {
            AlertHappened::Replayed { position } if event.name == self.name => {
                Some(position.map_or(ReplayedLetters::All, ReplayedLetters::One))
            }
            _ => None,
        })
    }
}
