//! The workspace, or all workspaces, that a query is about.

use ledger_domain::{InvalidField, WorkspaceName};

/// Stands for all workspaces, in place of a name.
pub const ALL_WORKSPACES: &str = "_all";

/// The workspace that a query is sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryWorkspace {
    /// All workspaces.
    All,
    /// One workspace, which may not exist.
    Named(WorkspaceName),
}

impl QueryWorkspace {
    /// Parses a workspace's name or [`ALL_WORKSPACES`].
    ///
    /// Errors: the field `workspace`.
    pub fn parse(text: &str) -> Result<Self, InvalidField> {
        if text == ALL_WORKSPACES {
            return Ok(Self::All);
        }
        WorkspaceName::parse("workspace", text).map(Self::Named)
    }

    /// Returns the workspace, if there is only one.
    pub fn name(&self) -> Option<&WorkspaceName> {
        match self {
            Self::All => None,
            Self::Named(name) => Some(name),
        }
    }
}
