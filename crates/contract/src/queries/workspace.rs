//! Where a query looks.

use ledger_domain::{InvalidField, WorkspaceName};

/// Stands where a workspace's name stands for all of them.
pub const ALL_WORKSPACES: &str = "_all";

/// The workspace that a query is sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryWorkspace {
    /// Every one.
    All,
    /// One, which may not exist.
    Named(WorkspaceName),
}

impl QueryWorkspace {
    /// Reads a workspace's name or [`ALL_WORKSPACES`].
    ///
    /// Errors: the field `workspace`.
    pub fn parse(text: &str) -> Result<Self, InvalidField> {
        if text == ALL_WORKSPACES {
            return Ok(Self::All);
        }
        WorkspaceName::parse("workspace", text).map(Self::Named)
    }

    /// Returns the one workspace, when it is one.
    pub fn name(&self) -> Option<&WorkspaceName> {
        match self {
            Self::All => None,
            Self::Named(name) => Some(name),
        }
    }
}
