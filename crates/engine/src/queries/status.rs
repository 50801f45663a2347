//! Queries for the ledger's status and its workspaces.

use ledger_contract::queries::StatusView;
use ledger_contract::records::decode_workspace_row;
use ledger_domain::principal::{Scope, Subject};
use ledger_domain::{Workspace, WorkspaceName};
use ledger_store::ReadError;
use ledger_store::tables::connections;

use super::Reader;
use crate::engine::Engine;
use crate::errors::{Fault, QueryError};

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
            epoch: engine.identity().epoch,
            xkey: engine.xkey(),
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            position: engine.head().get(),
            published: engine.published().get(),
            connections: u64::from(connections),
            poisoned: shared.store.is_poisoned(),
            queued: u64::try_from(engine.queued()).unwrap_or(u64::MAX),
            refused: shared.refusals.by_code(),
            nats: shared.fence.status(),
            http: shared.http_source.status(),
        })
    }

    /// Returns the workspaces in which the caller has any right, by name. Blocks.
    pub fn workspaces(&self) -> Result<Vec<Workspace>, QueryError> {
        let shared = &self.engine.shared;
        let models = shared.models.load();
        let mut found = Vec::new();
        for row in connections::workspaces(&shared.store, &models.connections) {
            let row = row?;
            let of = "a workspace".to_owned();
            let workspace =
                decode_workspace_row(&row).map_err(|source| Fault::Row { of, source })?;
            if self.caller.require_foothold(&workspace.name).is_ok() {
                found.push(workspace);
            }
        }
        Ok(found)
    }
}

impl Engine {
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
