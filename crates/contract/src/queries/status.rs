//! `status`: how the ledger is.

use std::collections::BTreeMap;

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NoParameters, Query, QuerySpec};
use crate::route::{HttpRoute, Method};

/// Where HTTP answers it.
pub const STATUS: HttpRoute =
    HttpRoute { method: Method::Get, path: "/api/v1/status", operation_id: "status" };

/// The query `status`.
#[derive(Clone, Copy, Debug)]
pub struct Status;

impl Query for Status {
    const SPEC: QuerySpec = QuerySpec {
        name: "status",
        summary: "Tells how the ledger is",
        description: "",
        scopes: &[Scope::Read],
        on_ledger: true,
        in_access_check: false,
        routes: &[STATUS],
        refusals: &[],
    };
    type Parameters = NoParameters;
    type Answer<'a> = StatusView;
}

/// Answer to `status`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct StatusView {
    /// Identity of this ledger.
    pub ledger_id: String,
    /// Version of the program.
    pub program_version: String,
    /// The ledger's public curve key, to which requests over NATS are sealed.
    pub xkey: String,
    /// Last position of the log.
    pub position: u64,
    /// Last position known to be in the event stream.
    pub published: u64,
    /// Number of connections ever created.
    pub connections: u64,
    /// Whether a write failed and no more are accepted.
    pub poisoned: bool,
    /// Commands waiting for the writer.
    pub queued: u64,
    /// Commands refused since the start, by code.
    pub refused: BTreeMap<String, u64>,
    /// How the HTTP door is; absent when the ledger is not served over HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpStatus>,
}

/// Counts of the HTTP door; those of refusals since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HttpStatus {
    /// Connections open now.
    pub connections_open: u64,
    /// Connections not taken, because there were too many in all or from their address.
    pub connections_refused: u64,
    /// Requests refused because their key or address had sent too many (`rate_limited`).
    pub requests_rate_limited: u64,
    /// Requests refused because their address had tried too many keys (`credential_lockout`).
    pub requests_locked_out: u64,
}
