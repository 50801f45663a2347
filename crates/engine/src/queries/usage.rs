//! What the workspaces of a page use of their quotas.

use ledger_contract::queries::{QuotaView, WorkspaceUsage, WorkspaceView};
use ledger_domain::principal::{Scope, Subject};
use ledger_domain::{CheckedText as _, WorkspaceName};

use super::Reader;
use crate::errors::Fault;
use crate::quotas::{Quotas, Today, Used, day_of, log_uncounted, measure};

impl Reader<'_> {
    /// Adds what is used of the quotas to those workspaces that the caller may read whole.
    pub(super) fn add_usage(&self, workspaces: &mut [WorkspaceView]) {
        let shared = &self.engine.shared;
        let now = shared.ports.now();
        let mut today = None;
        for workspace in workspaces {
            let name = WorkspaceName::stored(workspace.name.as_str().into());
            if !self.caller.may(Scope::Read, Subject::Workspace(&name)) {
                continue;
            }
            let used = self.used(&name, &mut today, day_of(now)).unwrap_or_else(|fault| {
                log_uncounted(&name, &fault);
                None
            });
            let keys = shared.directory.live_keys(&name, now);
            workspace.usage = used.map(|used| usage(&shared.quotas, used, keys));
        }
    }

    /// Counts what a workspace uses. The events of `today` are found once.
    fn used(
        &self,
        workspace: &WorkspaceName,
        today: &mut Option<Today>,
        day: i64,
    ) -> Result<Option<Used>, Fault> {
        let shared = &self.engine.shared;
        let today = match today {
            Some(today) => today,
            None => today.insert(Today::find(shared, day)?),
        };
        measure(shared, workspace, today)
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
