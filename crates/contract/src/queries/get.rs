//! `get`: one connection.

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Query, QuerySpec};
use crate::errors::Code;
use crate::route::{HttpRoute, Method};
use crate::view::ConnectionView;

/// The HTTP route.
pub const CONNECTION: HttpRoute = HttpRoute {
    method: Method::Get,
    path: "/api/v1/workspaces/{workspace}/connections/{connection}",
    operation_id: "getConnection",
};

/// The query `get`.
#[derive(Clone, Copy, Debug)]
pub struct Get;

impl Query for Get {
    const SPEC: QuerySpec = QuerySpec {
        name: "get",
        summary: "Returns one connection",
        description: "`ETag` is its version; send it in `If-Match` to change only that version.",
        scopes: &[Scope::Read],
        on_ledger: false,
        in_access_check: true,
        routes: &[CONNECTION],
        refusals: &[Code::ConnectionUnknown],
    };
    type Parameters = GetQuery;
    type Answer<'a> = ConnectionView<'a>;
}

/// `get`: one connection, by id or slug.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetQuery {
    /// Id or slug of the connection.
    pub connection: String,
}
