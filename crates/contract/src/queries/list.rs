//! `list`: connections that match filters, in pages.

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Query, QuerySpec};
use crate::errors::Code;
use crate::route::{HttpRoute, Method};
use crate::view::ConnectionView;

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
                      number or by cursor; `Link` leads on.",
        scopes: &[Scope::Read],
        on_ledger: false,
        in_access_check: true,
        routes: &[CONNECTIONS],
        refusals: &[Code::CursorInvalid],
    };
    type Parameters = ListQuery;
    type Answer<'a> = ListPage<'a>;
}

/// `list`: connections in the subject's workspace that match all filters, or in every workspace if
/// it is `_all`. A filter with several values matches any of them.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListQuery {
    /// The provider, such as `openai`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub provider: Vec<String>,
    /// `test` or `live`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Whether gateways may use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// `active` (default), `archived` or `any`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<String>,
    /// `operational`, `degraded`, `failed` or `unknown`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub health: Vec<String>,
    /// Kind of service.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kind: Vec<String>,
    /// How it authenticates to the provider.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub auth_method: Vec<String>,
    /// Tags; a connection must have all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tag: Vec<String>,
    /// Labels, as `key=value` or only `key`; a connection must have all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub label: Vec<String>,
    /// `user`, `team`, `organization` or `project`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_type: Option<String>,
    /// The caller's own id for the party that the connection is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Text contained in the name or slug, ignoring case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// `created` (default), `updated` or `name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
    /// Reverses the order.
    pub descending: bool,
    /// Page number from 1; cannot be combined with `cursor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Page size: 1 to 500, 50 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
    /// `next_cursor` of the previous page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Answer to `list`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct ListPage<'a> {
    /// The connections of this page.
    #[serde(borrow)]
    pub connections: Vec<ConnectionView<'a>>,
    /// Total number of matches.
    pub total: u64,
    /// Log position that the answer reflects.
    pub position: u64,
    /// Value of `cursor` for the next page; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}
