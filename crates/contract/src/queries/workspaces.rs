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
        refusals: &[Code::CursorInvalid, Code::HistoryChanged],
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
    /// What it uses of its quotas, for those who may read the whole workspace; absent while indexes
    /// are rebuilt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<WorkspaceUsage>,
}

/// What a workspace uses of its quotas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkspaceUsage {
    /// Connections that are not archived.
    pub connections: QuotaView,
    /// Valid API keys of principals whose grants name the workspace.
    pub keys: QuotaView,
    /// Changes today, by UTC.
    pub changes_today: QuotaView,
    /// Reveals of secrets today, by UTC. Those of its own connections are shown, whoever asked;
    /// the quota is compared with those that it asked for.
    pub reveals_today: QuotaView,
}

/// A quota and what is used of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QuotaView {
    /// What is used.
    pub used: u64,
    /// What may be used; absent if there is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

impl WorkspaceView {
    /// Returns the public form of a workspace.
    pub fn of(workspace: &Workspace) -> Self {
        Self {
            name: workspace.name.as_str().to_owned(),
            display_name: workspace.display_name.as_ref().map(|name| name.as_str().to_owned()),
            created_at: time::format(workspace.created_at),
            created_by: workspace.created_by.as_str().to_owned(),
            usage: None,
        }
    }
}
