//! `attempts`: how the attempts to connect a connection go.

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Query, QuerySpec};
use crate::errors::Code;
use crate::route::{HttpRoute, Method};

/// The HTTP route.
pub const ATTEMPTS: HttpRoute = HttpRoute {
    method: Method::Get,
    path: "/api/v1/workspaces/{workspace}/connections/{connection}/attempts",
    operation_id: "listAttempts",
};

/// The query `attempts`.
#[derive(Clone, Copy, Debug)]
pub struct Attempts;

impl Query for Attempts {
    const SPEC: QuerySpec = QuerySpec {
        name: "attempts",
        summary: "Shows how the attempts to connect a connection go",
        description: "Attempts are known until they expire, and to the process that began them \
                      only: a link that was made before a restart works, and is not listed before \
                      it is opened.",
        scopes: &[Scope::Read],
        on_ledger: false,
        in_access_check: true,
        routes: &[ATTEMPTS],
        refusals: &[Code::ConnectionUnknown],
    };
    type Parameters = AttemptsQuery;
    type Answer<'a> = AttemptsView;
}

/// `attempts`: those of one connection, by id or slug.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttemptsQuery {
    /// Id or slug of the connection.
    pub connection: String,
}

/// Answer to `attempts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttemptsView {
    /// Id of the connection.
    pub connection: String,
    /// The attempts, the latest to expire first.
    pub attempts: Vec<AttemptView>,
    /// The attempt by which the connection was last connected; absent if it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected: Option<ConnectedView>,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttemptView {
    /// Its id.
    pub attempt: String,
    /// How the person permits it: `authorization_code` or `device_code`.
    pub grant: String,
    /// How it goes: `waiting` for the person, `exchanging` what they permitted for tokens,
    /// `connected`, or `ended` without that.
    pub state: String,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it expires.
    pub expires_at: String,
}

/// The attempt by which a connection was last connected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectedView {
    /// Its id.
    pub attempt: String,
    /// The version of the connection right after it.
    pub version: u64,
    /// The log position of its event.
    pub position: u64,
    /// When that was.
    pub at: String,
}
