//! `undo-plan`: what would bring the connections of a workspace back to an earlier moment.

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::page::{is_false, is_zero};
use super::{Query, QuerySpec};
use crate::errors::Code;
use crate::parameter::{Form, Parameter, must};
use crate::resume::ResumePoint;
use crate::route::{HttpRoute, Method};

/// The HTTP route.
pub const UNDO_PLAN: HttpRoute = HttpRoute {
    method: Method::Get,
    path: "/api/v1/workspaces/{workspace}/undo-plan",
    operation_id: "planUndo",
};

/// The query `undo-plan`.
#[derive(Clone, Copy, Debug)]
pub struct UndoPlan;

impl Query for UndoPlan {
    const SPEC: QuerySpec = QuerySpec {
        name: "undo-plan",
        summary: "Plans the commands that bring connections back to an earlier moment",
        description: "Nothing is changed. Send the commands of each step with the version of the \
                      step as the expected one, so that a connection that was changed since is \
                      refused, and with one causation id for all. Connections that are already \
                      as they were have no step. One that changes while pages are read may come \
                      again, and its later step counts.",
        scopes: &[Scope::Audit, Scope::Read],
        on_ledger: false,
        in_access_check: true,
        routes: &[UNDO_PLAN],
        refusals: &[
            Code::CursorInvalid,
            Code::HistoryChanged,
            Code::PositionUnknown,
            Code::Rebuilding,
        ],
    };
    type Parameters = UndoPlanQuery;
    type Answer<'a> = UndoPlanPage;
}

/// `undo-plan`: the subject's workspace and an earlier moment.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UndoPlanQuery {
    /// The moment: a time, how long ago like `36h`, or a position.
    pub as_of: String,
    /// Page size: 1 to 500, 50 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
    /// `next_cursor` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What HTTP takes of it in the query string, besides size and cursor of the page.
pub const PARAMETERS: &[Parameter] =
    &[must("as_of", Form::AsOf, "The moment: a time, `36h` ago, or a position.")];

/// Answer to `undo-plan`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct UndoPlanPage {
    /// The end of the log at the moment.
    pub as_of: ResumePoint,
    /// The steps of this page, in the order of the connections' last changes.
    pub steps: Vec<UndoStep>,
    /// Value of `cursor` for the next page; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// True if the page ended before `page_size`, because of its size in bytes or because many
    /// connections need no step; go on with `next_cursor`. Absent otherwise.
    #[serde(default, skip_serializing_if = "is_false")]
    pub truncated: bool,
    /// The number of connections that are left out because something other than the ledger changed
    /// their rows. Absent if there is none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub altered: u64,
}

/// What brings one connection back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UndoStep {
    /// Id of the connection.
    pub connection: String,
    /// Its home workspace.
    pub workspace: String,
    /// Its present slug.
    pub slug: String,
    /// Its present version: what the first command expects. Each further one expects one more.
    pub version: u64,
    /// The commands, in order; none if nothing can be done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<UndoCommand>,
    /// The names of the fields that change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// What stays as it is, or why the connection cannot be brought back; in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stays: Vec<String>,
    /// The error code of what cannot be brought back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Whom it affects.
    pub affects: Affected,
}

/// One command of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UndoCommand {
    /// `archive`, `restore` or `revert`.
    pub verb: String,
    /// The version to revert to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_version: Option<u64>,
}

/// Numbers of those who use a connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Affected {
    /// Other workspaces with which it is shared; absent if it is shared with all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspaces: Option<u64>,
    /// Dependents.
    pub dependents: u64,
    /// Consumers that confirmed a secret of it.
    pub consumers: u64,
}
