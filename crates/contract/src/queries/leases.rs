//! `leases`: who may read secrets again without an event for each read, in pages.

use std::collections::BTreeMap;

use ledger_domain::limits;
use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Query, QuerySpec};
use crate::errors::Code;
use crate::parameter::{Form, Parameter, one};
use crate::route::{HttpRoute, Method};

/// The HTTP route.
pub const LEASES: HttpRoute = HttpRoute {
    method: Method::Get,
    path: "/api/v1/workspaces/{workspace}/leases",
    operation_id: "listLeases",
};

/// The query `leases`.
#[derive(Clone, Copy, Debug)]
pub struct Leases;

impl Query for Leases {
    const SPEC: QuerySpec = QuerySpec {
        name: "leases",
        summary: "Lists the leases on secrets that have not ended",
        description: "In the order in which they were taken. Without a connection, those on the \
                      secrets of all connections of the workspace, which takes the right to its \
                      whole history.",
        scopes: &[Scope::Audit],
        on_ledger: false,
        in_access_check: true,
        routes: &[LEASES],
        refusals: &[Code::CursorInvalid, Code::HistoryChanged, Code::ConnectionUnknown],
    };
    type Parameters = LeasesQuery;
    type Answer<'a> = LeasesPage;
}

/// `leases`: the leases of a workspace, of one connection or of one holder.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeasesQuery {
    /// Id or slug of a connection; all of the workspace if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// A holder, as events name the actor; all if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// Leases on a page: 1 to 500, 50 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
    /// `next_cursor` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What HTTP takes of it in the query string, besides size and cursor of the page.
pub const PARAMETERS: &[Parameter] = &[
    one("connection", Form::Text(128), "Id or slug of a connection; all if omitted."),
    one(
        "holder",
        Form::Text(limits::TOKEN_NAME_CHARS),
        "A holder, as events name the actor; all if omitted.",
    ),
];

/// Answer to `leases`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct LeasesPage {
    /// The leases.
    pub leases: Vec<LeaseView>,
    /// Value of `cursor` for the next page; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A lease on secrets that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeaseView {
    /// Its id.
    pub lease: String,
    /// Id of the connection.
    pub connection: String,
    /// Who may read under it.
    pub holder: String,
    /// The fields, with the highest generation of each that is recorded as read under it.
    pub generations: BTreeMap<String, u64>,
    /// When it was taken.
    pub taken_at: String,
    /// When it ends, unless it is renewed.
    pub until: String,
    /// Why it was taken.
    pub reason: String,
    /// Position of the event by which it was taken.
    pub position: u64,
}
