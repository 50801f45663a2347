//! The query for the ledger's status, and whether workspaces exist.

use std::sync::Arc;

use ledger_contract::queries::{ClockStatus, DiskFullStatus, FormerXkey, RestoredFrom, StatusView};
use ledger_contract::time;
use ledger_domain::principal::{Scope, Subject};
use ledger_domain::{Position, WorkspaceName};
use ledger_store::tables::connections;
use ledger_store::{Poison, ROOM_NEEDED_BYTES, ReadError};

use super::Reader;
use crate::engine::Engine;
use crate::errors::QueryError;
use crate::times;

impl Reader<'_> {
    /// Returns the ledger's status. Blocks.
    ///
    /// Errors: `forbidden`.
    pub fn status(&self) -> Result<StatusView, QueryError> {
        self.caller.require(Scope::Read, Subject::Ledger)?;
        let (engine, shared) = (self.engine, &self.engine.shared);
        let models = shared.models.load();
        let connections = connections::next_ordinal(&shared.store, &models.connections)?;
        Ok(StatusView {
            ledger_id: engine.ledger_id().to_string(),
            incarnation: engine.identity().incarnation.to_string(),
            restored_from: engine.origin()?.map(|origin| RestoredFrom {
                incarnation: origin.incarnation.to_string(),
                position: origin.position.get(),
            }),
            epoch: engine.identity().epoch,
            xkey: engine.xkey(),
            former_xkey: engine
                .former_xkey()
                .map(|(xkey, until)| FormerXkey { xkey, accepted_until: time::format(until) }),
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            position: engine.head().get(),
            published: engine.published().get(),
            connections: u64::from(connections),
            log: engine.log_status(),
            poisoned: shared.store.is_poisoned(),
            disk_full: engine.disk_full(),
            rebuilding: shared.rebuilding.status(),
            master_keys: engine.master_key_status()?,
            queued: u64::try_from(engine.queued()).unwrap_or(u64::MAX),
            refused: shared.refusals.by_code(),
            clock: engine.clock_behind(),
            nats: shared.fence.status(),
            http: shared.http_source.status(),
            backup: engine.backup_status(),
            scheduled_tests: shared.trials.scheduled.status(),
            alerts: shared.alert_states.status(&engine.alerts(), engine.head()),
        })
    }
}

impl Reader<'_> {
    /// Returns the page of metrics. Blocks.
    ///
    /// Errors: `forbidden`.
    pub fn metrics(&self) -> Result<Arc<str>, QueryError> {
        self.caller.require(Scope::Read, Subject::Ledger)?;
        Ok(self.engine.metrics_page())
    }
}

impl Engine {
    /// Returns how far the clock is behind the latest event, if it is by a second at least. Of a
    /// damaged event the status says nothing; whoever reads it is told.
    pub(crate) fn clock_behind(&self) -> Option<ClockStatus> {
        let head = Some(self.head()).filter(|head| *head != Position::ZERO)?;
        let latest = times::recorded_at(&self.shared.store, head).ok()?;
        let micros = latest.get().saturating_sub(self.clock().now().get());
        let behind_seconds = u64::try_from(micros / 1_000_000).unwrap_or_default();
        let latest_event_at = time::format(latest);
        (behind_seconds > 0).then_some(ClockStatus { behind_seconds, latest_event_at })
    }

    fn disk_full(&self) -> Option<DiskFullStatus> {
        let is_full = self.poisoned_by() == Some(Poison::DiskFull);
        is_full.then(|| DiskFullStatus {
            free_bytes: self.room().ok().map(|room| room.free_bytes),
            needed_bytes: ROOM_NEEDED_BYTES,
        })
    }

    pub(super) fn has_workspace(&self, name: &WorkspaceName) -> Result<bool, ReadError> {
        let models = self.shared.models.load();
        connections::has_workspace(&self.shared.store, &models.connections, name)
    }

    /// Returns the first of the given workspaces that does not exist. Blocks.
    pub fn missing_workspace(
        &self,
        names: &[WorkspaceName],
    ) -> Result<Option<WorkspaceName>, QueryError> {
        for name in names {
            if !self.has_workspace(name)? {
                return Ok(Some(name.clone()));
            }
        }
        Ok(None)
    }
}
