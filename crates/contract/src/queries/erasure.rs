//! `erasure`: whether a connection is erased, whether that is carried out, and which copies may
//! still have something.

use std::collections::BTreeSet;

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Query, QuerySpec};
use crate::errors::Code;
use crate::route::{HttpRoute, Method};

/// The HTTP route.
pub const ERASURE: HttpRoute = HttpRoute {
    method: Method::Get,
    path: "/api/v1/workspaces/{workspace}/connections/{connection}/erasure",
    operation_id: "getErasure",
};

/// The query `erasure`.
#[derive(Clone, Copy, Debug)]
pub struct Erasure;

impl Query for Erasure {
    const SPEC: QuerySpec = QuerySpec {
        name: "erasure",
        summary: "Shows how far the erasure of a connection is, and which copies are left",
        description: "Backups, exports and copies of the data directory that were made before \
                      `position` still have the connection, and its data key wrapped under one of \
                      `master_keys`. Whoever has a copy and that master key can open it, so the \
                      erasure reaches them when those master keys are retired and destroyed.",
        scopes: &[Scope::Read],
        on_ledger: false,
        in_access_check: true,
        routes: &[ERASURE],
        refusals: &[Code::ConnectionUnknown],
    };
    type Parameters = ErasureQuery;
    type Answer<'a> = ErasureView;
}

/// `erasure`: of one connection, by its id; its slug is free once it is erased.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErasureQuery {
    /// Id or slug of the connection.
    pub connection: String,
}

/// How far an erasure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErasureState {
    /// The connection is not erased.
    None,
    /// Its data key is destroyed. Files of the data directory may still have what it said.
    UnderWay,
    /// No file of the data directory has anything of it any more.
    Complete,
}

/// Answer to `erasure`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErasureView {
    /// Id of the connection.
    pub connection: String,
    /// Its slug, or the one that it had.
    pub slug: String,
    /// How far it is.
    pub state: ErasureState,
    /// When it was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<String>,
    /// Who erased it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_by: Option<String>,
    /// Position of the event. Copies that were made before it still have the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// When nothing of it was left in the files of this data directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<String>,
    /// Whether the event stream begins after its earlier messages, which have its settings and no
    /// secrets; absent unless the server publishes to one. Until then they are there, unless the
    /// stream was made anew since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_stream: Option<bool>,
    /// Ids of the master keys under which copies may have its data key wrapped, and which are not
    /// retired.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub master_keys: BTreeSet<String>,
}
