//! `diff`: how a connection differs between two moments or versions.

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Query, QuerySpec};
use crate::difference::{FieldChange, PatchOperation};
use crate::errors::Code;
use crate::parameter::{Form, Parameter, must, one};
use crate::route::{HttpRoute, Method};

/// The HTTP route.
pub const DIFF: HttpRoute = HttpRoute {
    method: Method::Get,
    path: "/api/v1/workspaces/{workspace}/connections/{connection}/diff",
    operation_id: "diffConnection",
};

/// The query `diff`.
#[derive(Clone, Copy, Debug)]
pub struct Diff;

impl Query for Diff {
    const SPEC: QuerySpec = QuerySpec {
        name: "diff",
        summary: "Shows how a connection differs between two moments or versions",
        description: "Field by field, and as a JSON Patch of its view. Of secrets, it tells \
                      generations only.",
        scopes: &[Scope::Audit],
        on_ledger: false,
        in_access_check: true,
        routes: &[DIFF],
        refusals: &[
            Code::ConnectionUnknown,
            Code::ConnectionErased,
            Code::HistoryChanged,
            Code::PositionUnknown,
            Code::VersionUnknown,
        ],
    };
    type Parameters = DiffQuery;
    type Answer<'a> = DiffView;
}

/// `diff`: one connection, by id or slug, at two moments.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiffQuery {
    /// Id or slug of the connection.
    pub connection: String,
    /// The earlier moment: a time, how long ago like `36h`, a position, or a version like `v3`. A
    /// connection that did not exist then differs in all that it has.
    pub from: String,
    /// The later one; now when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// What HTTP takes of it in the query string, besides the connection.
pub const PARAMETERS: &[Parameter] = &[
    must("from", Form::AsOf, "The earlier moment: a time, `36h` ago, a position, or `v3`."),
    one("to", Form::AsOf, "The later one; now when absent."),
];

/// Answer to `diff`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct DiffView {
    /// Id of the connection.
    pub connection: String,
    /// Its home workspace.
    pub workspace: String,
    /// Its present slug.
    pub slug: String,
    /// The first state.
    pub from: VersionAt,
    /// The second one.
    pub to: VersionAt,
    /// The fields that differ, by name.
    pub changes: Vec<FieldChange>,
    /// What makes the second view of the first one, as a JSON Patch (RFC 6902).
    pub patch: Vec<PatchOperation>,
}

/// A version of a connection, and the event that made it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VersionAt {
    /// The version; 0 if the connection did not exist.
    pub version: u64,
    /// Log position of the event; 0 if there is none.
    pub position: u64,
    /// When it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_at: Option<String>,
    /// Who caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
}
