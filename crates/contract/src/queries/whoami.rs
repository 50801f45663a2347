//! `whoami`: whom the credential stands for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NoParameters, PermissionView, Query, QuerySpec};
use crate::route::{HttpRoute, Method};

/// Where HTTP answers it.
pub const WHOAMI: HttpRoute =
    HttpRoute { method: Method::Get, path: "/api/v1/whoami", operation_id: "whoami" };

/// The query `whoami`.
#[derive(Clone, Copy, Debug)]
pub struct Whoami;

impl Query for Whoami {
    const SPEC: QuerySpec = QuerySpec {
        name: "whoami",
        summary: "Tells whom the key stands for, and what it may do",
        description: "Any key may ask.",
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
    /// The actor that events will name.
    pub actor: String,
    /// What the caller may do.
    pub grants: Vec<PermissionView>,
}
