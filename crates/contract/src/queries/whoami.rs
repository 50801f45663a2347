//! `whoami`: whom the credential identifies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NoParameters, PermissionView, Query, QuerySpec};
use crate::route::{HttpRoute, Method};

/// The HTTP route.
pub const WHOAMI: HttpRoute =
    HttpRoute { method: Method::Get, path: "/api/v1/whoami", operation_id: "whoami" };

/// The query `whoami`.
#[derive(Clone, Copy, Debug)]
pub struct Whoami;

impl Query for Whoami {
    const SPEC: QuerySpec = QuerySpec {
        name: "whoami",
        summary: "Returns whom the key identifies, and its grants",
        description: "Any key may send it.",
        scopes: &[],
        on_ledger: false,
        in_access_check: false,
        routes: &[WHOAMI],
        refusals: &[],
    };
    type Parameters = NoParameters;
    type Answer<'a> = CallerView;
}

/// Answer to `whoami`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallerView {
    /// The actor that events of this caller name.
    pub actor: String,
    /// The grants of the caller.
    pub grants: Vec<PermissionView>,
    /// When the key or token expires; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Whether the key expires soon: a quarter of its lifetime is left, and at most 14 days.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ends_soon: bool,
}
