//! How the ledger is, and which workspaces it has.

use ledger_contract::errors::Problem;
use ledger_contract::queries::{StatusView, WorkspacePage, WorkspaceView};
use ledger_contract::records::decode_workspace_row;
use ledger_contract::time;
use ledger_domain::principal::{Scope, Subject};
use ledger_domain::{Workspace, WorkspaceName};
use ledger_store::tables::connections;

use super::to_json;
use crate::access::Caller;
use crate::engine::Engine;
use crate::faults;

impl Engine {
    pub(super) fn status(&self, caller: &Caller) -> Result<Vec<u8>, Problem> {
        caller.require(Scope::Read, Subject::Ledger)?;
        let models = self.shared.models.load();
        let connections = connections::next_ordinal(&self.shared.store, &models.connections)
            .map_err(|error| faults::from_read(&error))?;
        Ok(to_json(&StatusView {
            ledger_id: self.ledger_id().to_string(),
            xkey: self.xkey(),
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            position: self.head().get(),
            published: self.published().get(),
            connections: u64::from(connections),
            poisoned: self.shared.store.is_poisoned(),
            queued: u64::try_from(self.queued()).unwrap_or(u64::MAX),
            refused: self.shared.refusals.by_code(),
            http: self.shared.doors.http_status(),
        }))
    }

    /// Tells the workspaces in which the caller may do something.
    pub(super) fn workspaces(&self, caller: &Caller) -> Result<Vec<u8>, Problem> {
        let view = |workspace: Workspace| WorkspaceView {
            name: workspace.name.as_str().to_owned(),
            display_name: workspace.display_name.map(|name| name.as_str().to_owned()),
            created_at: time::format(workspace.created_at),
            created_by: workspace.created_by.as_str().to_owned(),
        };
        let known = |workspace: &Workspace| caller.require_foothold(&workspace.name).is_ok();
        let workspaces = self.all_workspaces()?.into_iter().filter(known).map(view).collect();
        Ok(to_json(&WorkspacePage { workspaces }))
    }

    pub(super) fn has_workspace(&self, name: &WorkspaceName) -> Result<bool, Problem> {
        Ok(self.all_workspaces()?.iter().any(|workspace| workspace.name == *name))
    }

    /// Finds the first of some workspaces that does not exist. Blocks.
    pub fn missing_workspace(
        &self,
        names: &[WorkspaceName],
    ) -> Result<Option<WorkspaceName>, Problem> {
        let all = self.all_workspaces()?;
        let missing = |name: &&WorkspaceName| !all.iter().any(|known| known.name == **name);
        Ok(names.iter().find(missing).cloned())
    }

    fn all_workspaces(&self) -> Result<Vec<Workspace>, Problem> {
        let models = self.shared.models.load();
        connections::workspaces(&self.shared.store, &models.connections)
            .map(|row| {
                let row = row.map_err(|error| faults::from_read(&error))?;
                decode_workspace_row(&row)
                    .map_err(|error| faults::corrupt_row("a workspace", &error))
            })
            .collect()
    }
}
