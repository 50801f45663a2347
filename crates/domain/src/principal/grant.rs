//! One permission: which scopes, on which connections.

use std::collections::{BTreeMap, BTreeSet};

use super::scope::Scope;
use crate::connection::Details;
use crate::text::{Line, Prose, WorkspaceName};

/// Lets its holder do some things to some connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What.
    pub scopes: BTreeSet<Scope>,
    /// In which workspaces.
    pub workspaces: Workspaces,
    /// Only on connections to these providers, compared without regard to case; empty for all.
    pub providers: BTreeSet<Line>,
    /// Only on connections with all of these labels.
    pub labels: BTreeMap<Line, Prose>,
}

/// Some workspaces or all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Workspaces {
    /// Every one, also those made later.
    All,
    /// These.
    Named(BTreeSet<WorkspaceName>),
}

/// What something is done to.
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
    /// Tells whether `workspace` is among them.
    pub fn contain(&self, workspace: &WorkspaceName) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(workspace),
        }
    }
}

impl Grant {
    /// Tells whether the grant is about some connections of a workspace only.
    pub fn is_selective(&self) -> bool {
        !self.providers.is_empty() || !self.labels.is_empty()
    }

    /// Tells whether the grant lets its holder do `scope` to `subject`.
    pub fn allows(&self, scope: Scope, subject: Subject<'_>) -> bool {
        self.scopes.contains(&scope) && self.reaches(subject)
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
