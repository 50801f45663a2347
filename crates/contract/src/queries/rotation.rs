//! `rotation`: how far the consumers of a connection have changed over to its current secrets.

use std::collections::BTreeMap;

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Query, QuerySpec};
use crate::errors::Code;
use crate::route::{HttpRoute, Method};
use crate::view::FormerView;

/// The HTTP route.
pub const ROTATION: HttpRoute = HttpRoute {
    method: Method::Get,
    path: "/api/v1/workspaces/{workspace}/connections/{connection}/rotation",
    operation_id: "getRotation",
};

/// The query `rotation`.
#[derive(Clone, Copy, Debug)]
pub struct Rotation;

impl Query for Rotation {
    const SPEC: QuerySpec = QuerySpec {
        name: "rotation",
        summary: "Shows which consumers use which generation of a connection's secrets",
        description: "A consumer is whoever sends `confirm-secret`. Workspaces with which the connection \
                      is shared see the counts, and of the consumers their own.",
        scopes: &[Scope::Read],
        on_ledger: false,
        in_access_check: true,
        routes: &[ROTATION],
        refusals: &[Code::ConnectionUnknown],
    };
    type Parameters = RotationQuery;
    type Answer<'a> = RotationView;
}

/// `rotation`: the consumers of one connection, by id or slug.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RotationQuery {
    /// Id or slug of the connection.
    pub connection: String,
}

/// Answer to `rotation`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RotationView {
    /// Id of the connection.
    pub connection: String,
    /// The secret fields.
    pub fields: BTreeMap<String, FieldRotation>,
    /// The consumers, by name.
    pub consumers: BTreeMap<String, ConsumerView>,
}

/// How far the consumers of a secret field are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldRotation {
    /// The current generation.
    pub generation: u64,
    /// The former one, while it is still revealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former: Option<FormerView<'static>>,
    /// Number of consumers that use the field and are not gone.
    pub consumers: u64,
    /// Number of those that have confirmed the current generation.
    pub confirmed: u64,
}

/// A consumer of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConsumerView {
    /// The generation that it uses, by field.
    pub generations: BTreeMap<String, u64>,
    /// Whether it uses an earlier generation than the current one of any of its fields.
    pub behind: bool,
    /// Who confirmed for it.
    pub actor: String,
    /// When it last confirmed something new.
    pub confirmed_at: String,
    /// When it last confirmed anything, with a resolution of one minute.
    pub last_seen: String,
    /// Whether nothing was heard of it for so long that no rotation waits for it.
    pub gone: bool,
}
