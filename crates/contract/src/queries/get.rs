//! `get`: one connection.

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Query, QuerySpec};
use crate::errors::Code;
use crate::parameter::{Form, Parameter, one};
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
        description: "`ETag` is its version; send it in `If-Match` to change only that version. \
                      With `as_of`, it is returned as it was then, which takes the right to audit. \
                      It is named by its id or its present slug.",
        scopes: &[Scope::Read],
        on_ledger: false,
        in_access_check: true,
        routes: &[CONNECTION],
        refusals: &[
            Code::ConnectionUnknown,
            Code::ConnectionErased,
            Code::HistoryChanged,
            Code::PositionUnknown,
            Code::VersionUnknown,
        ],
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
    /// The moment of the state: a time, how long ago like `36h`, a position of the log, or a
    /// version like `v3`; now when absent. Takes the right to audit instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
}

/// What HTTP takes of it in the query string, besides the connection.
pub const PARAMETERS: &[Parameter] = &[one(
    "as_of",
    Form::AsOf,
    "The moment: a time, `36h` ago, a position, or `v3`; now when absent.",
)];
