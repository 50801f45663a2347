//! Which workspaces, besides its home, may use a connection.

use std::collections::BTreeMap;

use super::limits_of_use::Limits;
use crate::text::WorkspaceName;

/// The grants of a connection. The home workspace needs none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Limits for every workspace, when all are granted at once.
    pub everyone: Option<Limits>,
    /// Workspaces named one by one; these decide before `everyone`.
    pub workspaces: BTreeMap<WorkspaceName, Grant>,
}

/// The word on one workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// False keeps the workspace out although everyone else is in.
    pub allowed: bool,
    /// What it may use.
    pub limits: Limits,
}

/// Whom a grant, a revocation or limits are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantScope {
    /// Every workspace.
    Everyone,
    /// One workspace.
    Workspace(WorkspaceName),
}

impl Access {
    /// Tells whether `workspace` is let in by a grant.
    pub fn allows(&self, workspace: &WorkspaceName) -> bool {
        match self.workspaces.get(workspace) {
            Some(grant) => grant.allowed,
            None => self.everyone.is_some(),
        }
    }

    /// Returns the limits in force for `scope`, when it is granted.
    pub fn limits(&self, scope: &GrantScope) -> Option<&Limits> {
        match scope {
            GrantScope::Everyone => self.everyone.as_ref(),
            GrantScope::Workspace(name) => {
                self.workspaces.get(name).filter(|grant| grant.allowed).map(|grant| &grant.limits)
            }
        }
    }

    /// Lets `scope` in with these limits.
    pub(super) fn grant(&mut self, scope: GrantScope, limits: Limits) {
        match scope {
            GrantScope::Everyone => self.everyone = Some(limits),
            GrantScope::Workspace(name) => {
                self.workspaces.insert(name, Grant { allowed: true, limits });
            }
        }
    }

    /// Shuts `scope` out. A single workspace is remembered as shut out only while all are in.
    pub(super) fn revoke(&mut self, scope: GrantScope) {
        match scope {
            GrantScope::Everyone => {
                self.everyone = None;
                self.workspaces.retain(|_, grant| grant.allowed);
            }
            GrantScope::Workspace(name) if self.everyone.is_some() => {
                self.workspaces.insert(name, Grant { allowed: false, limits: Limits::default() });
            }
            GrantScope::Workspace(name) => {
                self.workspaces.remove(&name);
            }
        }
    }
}
