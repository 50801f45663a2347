//! Earlier versions of one connection, and its state at each.

use ledger_contract::commands::ConnectionRef;
use ledger_contract::queries::QueryName;
use ledger_domain::principal::{Scope, Subject};
use ledger_domain::{Actor, Connection, EventId, Micros, Version};
use ledger_store::tables::{StreamKey, streams};

use super::Reader;
use crate::errors::QueryError;
use crate::history;

/// A range of versions of a connection, newest first.
#[derive(Clone, Debug)]
pub struct Versions {
    /// The current state of the connection.
    pub now: Connection,
    /// The requested versions.
    pub lines: Vec<VersionLine>,
}

/// One version of a connection and the event that produced it.
#[derive(Clone, Debug)]
pub struct VersionLine {
    /// Its number.
    pub version: Version,
    /// The event.
    pub event: EventId,
    /// The event's stable type name.
    pub event_type: &'static str,
    /// When it was recorded.
    pub recorded_at: Micros,
    /// The actor of the event.
    pub actor: Actor,
}

impl Reader<'_> {
    /// Returns up to `take` versions of a connection after the `skip` newest ones. Blocks.
    ///
    /// Errors: as [`Self::history`] of one connection.
    pub fn versions(
        &self,
        target: &ConnectionRef,
        skip: u64,
        take: u64,
    ) -> Result<Versions, QueryError> {
        let now = self.audited(target, QueryName::History)?;
        let newest = now.version.get().saturating_sub(skip);
        let oldest = newest.saturating_sub(take).saturating_add(1).max(1);
        let mut lines = Vec::new();
        let stream = StreamKey::connection(now.id);
        for position in streams::scan(&self.engine.shared.store, stream, Version::new(oldest)) {
            let position = position?;
            let record = history::record(&self.engine.shared.store, position)?;
            if record.metadata.version.get() > newest || take == 0 {
                break;
            }
            lines.push(VersionLine {
                version: record.metadata.version,
                event: record.metadata.event_id,
                event_type: record.happened.type_name(),
                recorded_at: record.metadata.recorded_at,
                actor: record.metadata.actor,
            });
        }
        lines.reverse();
        Ok(Versions { now, lines })
    }

    /// Returns the state of a connection at a version. Blocks.
    ///
    /// Errors: as [`Self::history`] of one connection; `version_unknown`, `connection_erased`.
    pub fn connection_at(
        &self,
        target: &ConnectionRef,
        version: Version,
    ) -> Result<Connection, QueryError> {
        let now = self.audited(target, QueryName::History)?;
        if !(1..=now.version.get()).contains(&version.get()) {
            return Err(QueryError::VersionUnknown { latest: now.version });
        }
        self.existing(&now, version)
    }

    /// Returns a connection, if the caller may see its history, and records that `query` read it.
    pub(super) fn audited(
        &self,
        target: &ConnectionRef,
        query: QueryName,
    ) -> Result<Connection, QueryError> {
        let connection = self.known("connection", target)?;
        let subject = Subject::Connection(&connection.workspace, &connection.details);
        self.caller.require(Scope::Audit, subject)?;
        self.note_reading(query.as_str(), Some(&connection.id.to_string()));
        Ok(connection)
    }
}
