//! `list`: connections that fit filters, in pages. The filters are with the fields of a connection.

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::page::{is_false, is_zero};
use super::{Query, QuerySpec};
use crate::errors::Code;
use crate::resume::ResumePoint;
use crate::route::{HttpRoute, Method};
use crate::view::ConnectionView;

pub use crate::fields::{LIST_PARAMETERS as PARAMETERS, ListQuery};

/// The HTTP route.
pub const CONNECTIONS: HttpRoute = HttpRoute {
    method: Method::Get,
    path: "/api/v1/workspaces/{workspace}/connections",
    operation_id: "listConnections",
};

/// The query `list`.
#[derive(Clone, Copy, Debug)]
pub struct List;

impl Query for List {
    const SPEC: QuerySpec = QuerySpec {
        name: "list",
        summary: "Lists connections that match all filters",
        description: "Only those that the key may read. A parameter that may be given several times \
                      means any of its values, or all of them where it says so. Pages go by \
                      number or by cursor; `Link` leads on. With `as_of`, the home connections of \
                      the workspace are listed as they were then, in the order of creation, which \
                      takes the right to audit; those erased since are left out.",
        scopes: &[Scope::Read],
        on_ledger: false,
        in_access_check: true,
        routes: &[CONNECTIONS],
        refusals: &[
            Code::CursorInvalid,
            Code::HistoryChanged,
            Code::PositionUnknown,
            Code::Rebuilding,
        ],
    };
    type Parameters = ListQuery;
    type Answer<'a> = ListPage<'a>;
}

/// Answer to `list`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct ListPage<'a> {
    /// The connections of this page.
    #[serde(borrow)]
    pub connections: Vec<ConnectionView<'a>>,
    /// Total number of matches. Absent only with `as_of`, if more than 4,096 connections were
    /// changed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Log position that the answer reflects.
    pub position: u64,
    /// The same with its history: where a feed goes on after what was listed.
    pub resume_after: ResumePoint,
    /// Value of `cursor` for the next page; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// True if the page ended before `page_size`, because of its size in bytes or, with `as_of`,
    /// because many connections were looked at; go on with `next_cursor`. Absent otherwise.
    #[serde(default, skip_serializing_if = "is_false")]
    pub truncated: bool,
    /// Number of connections of this page that are left out because something other than the ledger
    /// changed their stored rows, as after an intrusion. Absent if there is none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub altered: u64,
}
