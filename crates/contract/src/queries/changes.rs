//! `changes`: which connections of a workspace differ between two moments.

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::page::{is_false, is_zero};
use super::{Query, QuerySpec};
use crate::errors::Code;
use crate::parameter::{Form, Parameter, must, one};
use crate::resume::ResumePoint;
use crate::route::{HttpRoute, Method};

/// The HTTP route.
pub const CHANGES: HttpRoute = HttpRoute {
    method: Method::Get,
    path: "/api/v1/workspaces/{workspace}/changes",
    operation_id: "workspaceChanges",
};

/// The query `changes`.
#[derive(Clone, Copy, Debug)]
pub struct Changes;

impl Query for Changes {
    const SPEC: QuerySpec = QuerySpec {
        name: "changes",
        summary: "Lists the connections that differ between two moments",
        description: "With the names of the fields in which they differ, in the order of their \
                      last change. Of a connection that is erased by now, no more than that is told, with \
                      its present version. One that changes while pages are read may come again.",
        scopes: &[Scope::Audit, Scope::Read],
        on_ledger: false,
        in_access_check: true,
        routes: &[CHANGES],
        refusals: &[
            Code::CursorInvalid,
            Code::HistoryChanged,
            Code::PositionUnknown,
            Code::Rebuilding,
        ],
    };
    type Parameters = ChangesQuery;
    type Answer<'a> = ChangesPage;
}

/// `changes`: the connections of the subject's workspace at two moments, or of every workspace if
/// it is `_all`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangesQuery {
    /// The earlier moment: a time, how long ago like `36h`, or a position.
    pub from: String,
    /// The later one; now when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Page size: 1 to 500, 50 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
    /// `next_cursor` of the previous page. It has both moments, which stay the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What HTTP takes of it in the query string, besides size and cursor of the page.
pub const PARAMETERS: &[Parameter] = &[
    must("from", Form::AsOf, "The earlier moment: a time, `36h` ago, or a position."),
    one("to", Form::AsOf, "The later one; now when absent."),
];

/// Answer to `changes`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct ChangesPage {
    /// The connections of this page.
    pub connections: Vec<ConnectionChange>,
    /// The end of the log at the first moment.
    pub from: ResumePoint,
    /// The same at the second one.
    pub to: ResumePoint,
    /// Value of `cursor` for the next page; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// True if the page ended before `page_size`, because of its size in bytes or because many
    /// connections were compared that do not differ; go on with `next_cursor`. Absent otherwise.
    #[serde(default, skip_serializing_if = "is_false")]
    pub truncated: bool,
    /// The number of connections that are left out because something other than the ledger changed
    /// their rows. Absent if there is none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub altered: u64,
}

/// A connection that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectionChange {
    /// Its id.
    pub connection: String,
    /// Its home workspace.
    pub workspace: String,
    /// Its slug at the second moment.
    pub slug: String,
    /// `created`, `changed`, `archived`, `restored` or `erased`.
    pub change: String,
    /// Its version at the first moment; 0 if it did not exist.
    pub from_version: u64,
    /// Its version at the second one.
    pub to_version: u64,
    /// The names of the fields that differ; none if it was created or is erased.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// When it was last changed, up to the second moment; of an erased one, up to now.
    pub updated_at: String,
    /// Who changed it then.
    pub updated_by: String,
}
