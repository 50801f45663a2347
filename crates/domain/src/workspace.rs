//! Workspaces: the namespaces of connections.

use crate::ids::{Actor, Micros, Position};
use crate::text::{Line, WorkspaceName};

/// One workspace. Nothing changes it after its creation yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// Its name, which is also its id.
    pub name: WorkspaceName,
    /// Human-readable name.
    pub display_name: Option<Line>,
    /// When it was created.
    pub created_at: Micros,
    /// Who created it.
    pub created_by: Actor,
    /// Place in the whole log of its creation.
    pub position: Position,
}

impl Workspace {
    /// Returns the workspace that an event created.
    pub fn of(
        created: WorkspaceCreated,
        created_at: Micros,
        created_by: Actor,
        position: Position,
    ) -> Self {
        let WorkspaceCreated { name, display_name } = created;
        Self { name, display_name, created_at, created_by, position }
    }
}

/// The request to create a workspace and, once accepted, the event of its creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspaceCreated {
    /// Its name.
    pub name: WorkspaceName,
    /// Human-readable name.
    pub display_name: Option<Line>,
}

impl WorkspaceCreated {
    /// The stored type name.
    pub const TYPE_NAME: &'static str = "workspace_created";
}
