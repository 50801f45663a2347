//! Queries and their answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::view::ConnectionView;

/// Every query.
pub const QUERIES: [&str; 8] =
    ["get", "list", "history", "workspaces", "status", "principals", "access-check", "whoami"];

/// Rows on a page when the caller does not say.
pub const PAGE_SIZE: u32 = 50;
/// Most rows on a page.
pub const PAGE_SIZE_MAX: u32 = 500;

/// `get`: one connection, by id or slug.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetQuery {
    /// Id or slug.
    pub connection: String,
}

/// `list`: connections of the subject's workspace that fit every filter given; of every
/// workspace when the subject's workspace is `_all`. A list of values means any of them.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListQuery {
    /// The external service.
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
    /// Sort of service.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kind: Vec<String>,
    /// How it proves itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub auth_method: Vec<String>,
    /// Tags, all of which it must have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tag: Vec<String>,
    /// Labels, `key=value` or `key` alone, all of which it must have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub label: Vec<String>,
    /// `user`, `team`, `organization` or `project`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_type: Option<String>,
    /// The caller's id of the party it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Text in the name or slug, without regard to case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// `created` (default), `updated` or `name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
    /// Last first.
    pub descending: bool,
    /// Page number from 1; not together with `cursor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Rows on a page: 1 to 500, 50 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
    /// Where the last page ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Answer to `list`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct ListPage<'a> {
    /// The connections of this page.
    #[serde(borrow)]
    pub connections: Vec<ConnectionView<'a>>,
    /// How many fit the filters in all.
    pub total: u64,
    /// The log position that the answer reflects.
    pub position: u64,
    /// Pass it as `cursor` for the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// `history`: events that fit every filter given, across the whole log.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HistoryQuery {
    /// Id or slug.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// Who did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Stored type names, any of them.
    #[serde(rename = "type", skip_serializing_if = "Vec::is_empty")]
    pub event_type: Vec<String>,
    /// Recorded at or after this RFC 3339 time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Recorded before this RFC 3339 time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Id of the whole conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// Id of the command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_id: Option<String>,
    /// Oldest first; newest first by default.
    pub oldest_first: bool,
    /// Rows on a page: 1 to 500, 50 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
    /// Where the last page ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Answer to `history`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct HistoryPage {
    /// Stored records, ciphertext left out.
    pub events: Vec<Box<RawValue>>,
    /// How many fit the filters in all.
    pub total: u64,
    /// Pass it as `cursor` for the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Answer to `workspaces`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct WorkspacePage {
    /// Every workspace, by name.
    pub workspaces: Vec<WorkspaceView>,
}

/// A workspace as readers see it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct WorkspaceView {
    /// Its name, which is also its id.
    pub name: String,
    /// Name for people.
    pub display_name: Option<String>,
    /// When it was made.
    pub created_at: String,
    /// Who made it.
    pub created_by: String,
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
    pub refused: std::collections::BTreeMap<String, u64>,
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

/// Asks for read models to be rebuilt.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReplayRequest {
    /// `connections`, `lists` or `audit`; all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub projection: Option<String>,
    /// Compare the rebuilt model with the live one and swap nothing.
    pub verify: bool,
}

/// How far a replay is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplayProgress {
    /// Events folded.
    pub done: u64,
    /// Events there are.
    pub total: u64,
}

/// How a replay ended.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ReplayReport {
    /// Events folded.
    pub events: u64,
    /// Time it took.
    pub seconds: f64,
    /// Which read models were rebuilt.
    pub projections: Vec<String>,
    /// The first difference found while verifying; absent when all is equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<String>,
}

/// Answer of the feed of events to a caller that asks for a page of it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FeedPage {
    /// Notifications in the order of the log; none when nothing happened in time, or nothing that
    /// is for this reader. Without `audit`, `event` holds only what the state itself tells.
    #[schemars(with = "Vec<crate::reply::Notification<'static>>")]
    pub events: Vec<Box<RawValue>>,
    /// How far the log was looked through; the next question's `after`.
    pub position: u64,
}

/// Whether the program lives, or is ready to work.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HealthAnswer {
    /// `alive` or `ready`.
    pub status: &'static str,
}
