//! Grants: scopes, and the connections that they apply to.

use std::collections::{BTreeMap, BTreeSet};

use super::scope::Scope;
use crate::connection::Details;
use crate::text::{Line, Prose, WorkspaceName};

/// A permission for some connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The scopes that it grants.
    pub scopes: BTreeSet<Scope>,
    /// The workspaces that it applies to.
    pub workspaces: Workspaces,
    /// The providers whose connections it applies to, ignoring case; empty for all.
    pub providers: BTreeSet<Line>,
    /// Labels that a connection must have for it to apply.
    pub labels: BTreeMap<Line, Prose>,
}

/// Some workspaces or all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Workspaces {
    /// All workspaces, including future ones.
    All,
    /// These workspaces.
    Named(BTreeSet<WorkspaceName>),
}

/// The target of an action.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// The ledger as a whole: workspaces, principals, replays.
    Ledger,
    /// A workspace as a whole, with all its connections.
    Workspace(&'a WorkspaceName),
    /// One connection of a workspace.
    Connection(&'a WorkspaceName, &'a Details),
}

impl Workspaces {
    /// Returns whether `workspace` is among them.
    pub fn contain(&self, workspace: &WorkspaceName) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(workspace),
        }
    }
}

impl Grant {
    /// Returns whether the grant is limited to some connections of a workspace.
    pub fn is_selective(&self) -> bool {
        !self.providers.is_empty() || !self.labels.is_empty()
    }

    /// Returns whether the grant allows `scope` on `subject`.
    pub fn allows(&self, scope: Scope, subject: Subject<'_>) -> bool {
        self.scopes.contains(&scope) && self.reaches(subject)
    }

    /// Returns whether it allows `scope` for every connection of `workspace` that `other` applies
    /// to.
    pub fn includes(&self, scope: Scope, workspace: &WorkspaceName, other: &Self) -> bool {
        let lower = |names: &BTreeSet<Line>| -> BTreeSet<String> {
            names.iter().map(|name| name.as_str().to_lowercase()).collect()
        };
        self.scopes.contains(&scope)
            && self.workspaces.contain(workspace)
            && (self.providers.is_empty()
                || (!other.providers.is_empty()
                    && lower(&other.providers).is_subset(&lower(&self.providers))))
            && self.labels.iter().all(|(key, value)| other.labels.get(key) == Some(value))
    }

    fn reaches(&self, subject: Subject<'_>) -> bool {
        match subject {
            Subject::Ledger => self.workspaces == Workspaces::All && !self.is_selective(),
            Subject::Workspace(name) => self.workspaces.contain(name) && !self.is_selective(),
            Subject::Connection(name, details) => {
                self.workspaces.contain(name) && self.selects(details)
            }
        }
    }

    fn selects(&self, details: &Details) -> bool {
        let provider = || details.provider.as_str().to_lowercase();
        (self.providers.is_empty()
            || self.providers.iter().any(|wanted| wanted.as_str().to_lowercase() == provider()))
            && self.labels.iter().all(|(key, value)| details.labels.get(key) == Some(value))
    }
}
