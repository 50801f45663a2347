//! The workspaces, besides its home, that may use a connection.

use std::collections::BTreeMap;

use super::limits_of_use::Limits;
use crate::text::WorkspaceName;

/// The grants of a connection. The home workspace needs none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Limits of the grant to all workspaces; absent if there is none.
    pub everyone: Option<Limits>,
    /// Rules for individual workspaces, which take precedence over `everyone`.
    pub workspaces: BTreeMap<WorkspaceName, Grant>,
}

/// The rule for one workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// False denies access to this workspace even if `everyone` is set.
    pub allowed: bool,
    /// The limits of its use.
    pub limits: Limits,
}

/// The workspaces that a grant, a revocation or limits apply to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantScope {
    /// All workspaces.
    Everyone,
    /// One workspace.
    Workspace(WorkspaceName),
}

impl Access {
    /// Returns whether a grant allows `workspace` to use the connection.
    pub fn allows(&self, workspace: &WorkspaceName) -> bool {
        match self.workspaces.get(workspace) {
            Some(grant) => grant.allowed,
            None => self.everyone.is_some(),
        }
    }

    /// Returns whether any workspace has access that it does not have under `before`.
    pub fn widens(&self, before: &Self) -> bool {
        let named = self.workspaces.keys().chain(before.workspaces.keys());
        (self.everyone.is_some() && before.everyone.is_none())
            || named.into_iter().any(|name| self.allows(name) && !before.allows(name))
    }

    /// Returns the limits of the grant to `scope`, if there is one.
    pub fn limits(&self, scope: &GrantScope) -> Option<&Limits> {
        match scope {
            GrantScope::Everyone => self.everyone.as_ref(),
            GrantScope::Workspace(name) => {
                self.workspaces.get(name).filter(|grant| grant.allowed).map(|grant| &grant.limits)
            }
        }
    }

    /// Grants access to `scope` with these limits.
    pub(super) fn grant(&mut self, scope: GrantScope, limits: Limits) {
        match scope {
            GrantScope::Everyone => self.everyone = Some(limits),
            GrantScope::Workspace(name) => {
                self.workspaces.insert(name, Grant { allowed: true, limits });
            }
        }
    }

    /// Revokes the access of `scope`. An exception for a single workspace is kept only while all
    /// workspaces are granted.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn access(everyone: bool, workspaces: &[(&str, bool)]) -> Access {
        let grant = |(name, allowed): &(&str, bool)| {
            let name = WorkspaceName::parse("workspace", name).unwrap();
            (name, Grant { allowed: *allowed, limits: Limits::default() })
        };
        Access {
            everyone: everyone.then(Limits::default),
            workspaces: workspaces.iter().map(grant).collect(),
        }
    }

    #[test]
    fn access_is_wider_when_somebody_gets_in_who_was_out() {
        let (none, all) = (access(false, &[]), access(true, &[]));
        let (one, all_but_one) = (access(false, &[("a", true)]), access(true, &[("a", false)]));
        for (wide, narrow) in [(&all, &none), (&one, &none), (&all, &one), (&all, &all_but_one)] {
            assert!(wide.widens(narrow) && !narrow.widens(wide), "{wide:?} {narrow:?}");
        }
        assert!(one.widens(&all_but_one) && all_but_one.widens(&one), "each has its own");
        for same in [&none, &all, &one, &all_but_one] {
            assert!(!same.widens(same), "{same:?}");
        }
        assert!(!access(true, &[("a", true)]).widens(&all), "it was in already");
    }
}
