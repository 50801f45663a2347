//! `workspaces`: the workspaces in which the caller has rights.

use ledger_domain::Workspace;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PagePart, PageQuery, Query, QuerySpec};
use crate::errors::Code;
use crate::route::{HttpRoute, Method};
use crate::time;

/// The HTTP route.
pub const WORKSPACES: HttpRoute =
    HttpRoute { method: Method::Get, path: "/api/v1/workspaces", operation_id: "listWorkspaces" };

/// The query `workspaces`.
#[derive(Clone, Copy, Debug)]
pub struct Workspaces;

impl Query for Workspaces {
    const SPEC: QuerySpec = QuerySpec {
        name: "workspaces",
        summary: "Lists the workspaces in which the key has rights",
        description: "In pages, sorted by name. Any key may send it.",
        scopes: &[],
        on_ledger: false,
        in_access_check: false,
        routes: &[WORKSPACES],
        refusals: &[Code::CursorInvalid],
    };
    type Parameters = PageQuery;
    type Answer<'a> = WorkspacePage;
}

/// Answer to `workspaces`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct WorkspacePage {
    /// The workspaces of this page, sorted by name.
    pub workspaces: Vec<WorkspaceView>,
    /// What the page is a part of.
    #[serde(flatten)]
    pub part: PagePart,
}

/// A workspace as readers see it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct WorkspaceView {
    /// Name, which is also the id.
    pub name: String,
    /// Human-readable name.
    pub display_name: Option<String>,
    /// When it was created.
    pub created_at: String,
    /// Who created it.
    pub created_by: String,
}

impl WorkspaceView {
    /// Returns the public form of a workspace.
    pub fn of(workspace: &Workspace) -> Self {
        Self {
            name: workspace.name.as_str().to_owned(),
            display_name: workspace.display_name.as_ref().map(|name| name.as_str().to_owned()),
            created_at: time::format(workspace.created_at),
            created_by: workspace.created_by.as_str().to_owned(),
        }
    }
}
