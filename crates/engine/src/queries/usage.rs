//! What the workspaces of a page use of their quotas.

use std::collections::HashMap;

use ledger_contract::queries::{QuotaView, WorkspaceUsage, WorkspaceView};
use ledger_domain::principal::{Scope, Subject};
use ledger_domain::{CheckedText as _, WorkspaceName};

use super::Reader;
use crate::quotas::{Quotas, Used, live_keys, log_uncounted, measure, workspaces_of};

impl Reader<'_> {
    /// Adds what is used of the quotas to those workspaces that the caller may read whole.
    pub(super) fn add_usage(&self, workspaces: &mut [WorkspaceView]) {
        let shared = &self.engine.shared;
        let (now, keys) = (shared.ports.now(), self.keys_of(workspaces));
        for workspace in workspaces {
            let name = WorkspaceName::stored(workspace.name.as_str().into());
            if !self.caller.may(Scope::Read, Subject::Workspace(&name)) {
                continue;
            }
            let keys = keys.get(&name).copied().unwrap_or_default();
            let used = measure(shared, &name, now).unwrap_or_else(|fault| {
                log_uncounted(&name, &fault);
                None
            });
            workspace.usage = used.map(|used| usage(&shared.quotas, used, keys));
        }
    }

    /// Counts the valid keys of some workspaces.
    fn keys_of(&self, workspaces: &[WorkspaceView]) -> HashMap<WorkspaceName, u64> {
        let names = workspaces.iter().map(|one| WorkspaceName::stored(one.name.as_str().into()));
        let mut keys: HashMap<_, u64> = names.map(|name| (name, 0)).collect();
        let now = self.engine.clock().now();
        for principal in self.engine.shared.directory.principals() {
            let mut counted = Vec::new();
            for name in workspaces_of(&principal) {
                if let Some(count) = keys.get_mut(name)
                    && !counted.contains(&name)
                {
                    *count += live_keys(&principal, now);
                    counted.push(name);
                }
            }
        }
        keys
    }
}

fn usage(quotas: &Quotas, used: Used, keys: u64) -> WorkspaceUsage {
    let view = |used, limit| QuotaView { used, limit };
    WorkspaceUsage {
        connections: view(used.connections, quotas.connections),
        keys: view(keys, quotas.keys),
        changes_today: view(used.events, quotas.events_per_day),
        reveals_today: view(used.reveals, quotas.reveals_per_day),
    }
}
