//! States as of a moment of the past.
//!
//! A moment leads to a position of the log, by a search through its recorded times. The position
//! leads to the version that a connection had, by a search through the positions of its stream, and
//! the version to the state, by the snapshot before it and at most 15 events. So a state of years
//! ago costs about as much as one of yesterday.

use std::sync::Arc;

use ledger_contract::commands::ConnectionRef;
use ledger_contract::errors::Code;
use ledger_contract::queries::QueryName;
use ledger_contract::{AsOf, Moment, ResumePoint};
use ledger_domain::principal::Scope;
use ledger_domain::{Connection, InvalidField, Micros, Position, Principal, Version};

use ledger_store::tables::{StreamKey, streams};

use super::Reader;
use super::paging::Cursors;
use crate::errors::{Fault, QueryError};
use crate::{history, redaction, times};

/// A moment at which many things are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Then {
    /// The last position that counts; zero is before the first event.
    pub(super) position: Position,
    /// The time, by which keys were valid or not.
    pub(super) at: Micros,
}

impl Then {
    /// Returns a cursor for the page after a name, as of the same moment.
    pub(super) fn cursor(self, cursors: Cursors<'_>, name: &str) -> String {
        cursors
            .write_at(self.position, &[&self.at.get().to_be_bytes()[..], name.as_bytes()].concat())
    }

    /// Returns the moment and the name in such a cursor.
    pub(super) fn of_cursor(
        cursors: Cursors<'_>,
        cursor: &str,
    ) -> Result<(Self, Box<str>), QueryError> {
        let (position, place) = cursors.place_at(cursor)?;
        let (at, name) = place.split_first_chunk().ok_or(QueryError::CursorInvalid)?;
        let name = std::str::from_utf8(name).map_err(|_| QueryError::CursorInvalid)?;
        Ok((Self { position, at: Micros::new(i64::from_be_bytes(*at)) }, name.into()))
    }
}

impl Reader<'_> {
    /// Returns a connection as it was at a moment, for a caller who may see its history. Blocks.
    ///
    /// Errors: as [`Self::connection_at`]; `field_invalid`, `history_changed`, `position_unknown`;
    /// `connection_unknown` also for a moment before it was created.
    pub fn connection_as_of(
        &self,
        target: &ConnectionRef,
        as_of: &AsOf,
    ) -> Result<Connection, QueryError> {
        let now = self.audited(target, QueryName::Get)?;
        let version = self.version_as_of(&now, "as_of", as_of)?;
        self.existing(&now, version)
    }

    /// Returns the version that a connection had at a moment; zero before it was created.
    pub(super) fn version_as_of(
        &self,
        now: &Connection,
        field: &str,
        as_of: &AsOf,
    ) -> Result<Version, QueryError> {
        match as_of {
            AsOf::Version(version) if *version <= now.version => Ok(*version),
            AsOf::Version(_) => Err(QueryError::VersionUnknown { latest: now.version }),
            _ => Ok(self.version_at(now, self.then(field, as_of)?.position)?),
        }
    }

    /// Returns the version that a connection had at a position; zero before it was created.
    pub(super) fn version_at(
        &self,
        now: &Connection,
        position: Position,
    ) -> Result<Version, Fault> {
        if now.position <= position {
            return Ok(now.version);
        }
        let store = &self.engine.shared.store;
        times::last_version_before(store, now.id, now.version, position.next().get())
    }

    /// Returns the moment that a text names. A version is none: it is of one connection.
    ///
    /// Errors: `field_invalid`, `history_changed`, `position_unknown`.
    pub(super) fn then(&self, field: &str, as_of: &AsOf) -> Result<Then, QueryError> {
        match as_of {
            AsOf::Time(moment) => self.then_at(field, *moment),
            AsOf::Position(point) => {
                let position = self.own_position(*point)?;
                let at = match position {
                    Position::ZERO => Micros::new(0),
                    position => times::recorded_at(&self.engine.shared.store, position)?,
                };
                Ok(Then { position, at })
            }
            AsOf::Version(_) => {
                let problem = "a version is of one connection: give a time or a position";
                Err(InvalidField::new(field, problem).into())
            }
        }
    }

    /// Returns the moment that a text names, which may be a version of a connection.
    ///
    /// Errors: as [`Self::then`]; `version_unknown`.
    pub(super) fn then_of(
        &self,
        connection: Option<&Connection>,
        as_of: &AsOf,
    ) -> Result<Then, QueryError> {
        let (AsOf::Version(version), Some(now)) = (as_of, connection) else {
            return self.then("as_of", as_of);
        };
        if !(1..=now.version.get()).contains(&version.get()) {
            return Err(QueryError::VersionUnknown { latest: now.version });
        }
        let store = &self.engine.shared.store;
        let mut positions = streams::scan(store, StreamKey::connection(now.id), *version);
        let position = positions.next().transpose()?.unwrap_or(now.position);
        Ok(Then { position, at: times::recorded_at(store, position)? })
    }

    fn then_at(&self, field: &str, moment: Moment) -> Result<Then, QueryError> {
        let now = self.engine.clock().now();
        let at = moment.before(now);
        let (store, head) = (&self.engine.shared.store, self.engine.head());
        // The clock may have been set back since the last event.
        if at > now && (head == Position::ZERO || at > times::recorded_at(store, head)?) {
            return Err(InvalidField::new(field, "is in the future").into());
        }
        let after = Micros::new(at.get().saturating_add(1));
        let first_after = times::first_at(store, head, after)?;
        Ok(Then { position: Position::new(first_after.saturating_sub(1)), at })
    }

    /// Returns the position of a point, if the log has it in the same history.
    pub(super) fn own_position(&self, point: ResumePoint) -> Result<Position, QueryError> {
        let end = self.engine.end();
        point.check(end).map_err(|problem| match problem.code {
            Code::HistoryChanged => QueryError::HistoryChanged(end),
            _ => QueryError::PositionUnknown(end),
        })
    }

    /// Returns a state that exists, as the caller may see it.
    ///
    /// Errors: `connection_unknown` for version zero, `connection_erased`.
    pub(super) fn existing(
        &self,
        now: &Connection,
        version: Version,
    ) -> Result<Connection, QueryError> {
        let then = self.state_of(now, version)?;
        then.ok_or(QueryError::NotYet { created_at: now.created_at })
    }

    /// Returns the state of a connection at one of its versions, or `None` for version zero, as the
    /// caller may see it. Of an erased connection, no earlier state is told, also while the log
    /// still has it.
    pub(super) fn state_of(
        &self,
        now: &Connection,
        version: Version,
    ) -> Result<Option<Connection>, QueryError> {
        let mut then = self.whole_state_of(now, version)?;
        if let Some(then) = &mut then
            && !self.caller.may_with(Scope::Reveal, now)
        {
            redaction::mask_details(&now.redacted, version, &mut then.details);
        }
        Ok(then)
    }

    /// Returns the same with settings that are hidden from the caller.
    pub(super) fn whole_state_of(
        &self,
        now: &Connection,
        version: Version,
    ) -> Result<Option<Connection>, QueryError> {
        if version == now.version {
            return Ok(Some(now.clone()));
        }
        if version == Version::ZERO {
            return Ok(None);
        }
        if now.lifecycle.is_erased() {
            return Err(QueryError::Erased);
        }
        let then = history::state_at(&self.engine.shared.store, now.id, version)?;
        let then = then.ok_or_else(|| {
            let id = now.id;
            Fault::Damaged(format!("connection {id} has no version {version} in the log"))
        })?;
        Ok(Some(then))
    }

    /// Returns the state at a position of a connection whose present state is given. `None` if it
    /// did not exist then, or was erased since.
    pub(super) fn state_as_of(
        &self,
        now: Connection,
        position: Position,
    ) -> Result<Option<Connection>, QueryError> {
        if now.position <= position {
            return Ok(Some(now));
        }
        let version = self.version_at(&now, position)?;
        match self.state_of(&now, version) {
            Err(QueryError::Erased) => Ok(None),
            state => state,
        }
    }

    /// Returns a principal as it was at a position, if it existed.
    pub(super) fn principal_as_of(
        &self,
        now: Arc<Principal>,
        position: Position,
    ) -> Result<Option<Arc<Principal>>, Fault> {
        if now.position <= position {
            return Ok(Some(now));
        }
        let then = history::principal_at(&self.engine.shared.store, &now.name, position)?;
        Ok(then.map(Arc::new))
    }
}

/// Parses a moment, if there is one.
pub(super) fn parse(field: &str, text: Option<&str>) -> Result<Option<AsOf>, InvalidField> {
    text.map(|text| AsOf::parse(field, text)).transpose()
}
