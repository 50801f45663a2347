//! `history`: events that match filters, in pages.

use ledger_domain::limits;
use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::page::is_false;
use super::{Query, QuerySpec};
use crate::errors::Code;
use crate::parameter::{Form, Parameter, many, one};
use crate::resume::ResumePoint;
use crate::route::{HttpRoute, Method};
use crate::schemas;

/// The HTTP route with the connection as a filter.
pub const WORKSPACE_HISTORY: HttpRoute = HttpRoute {
    method: Method::Get,
    path: "/api/v1/workspaces/{workspace}/history",
    operation_id: "workspaceHistory",
};

/// The HTTP route for the connection that the path names.
pub const CONNECTION_HISTORY: HttpRoute = HttpRoute {
    method: Method::Get,
    path: "/api/v1/workspaces/{workspace}/connections/{connection}/history",
    operation_id: "connectionHistory",
};

/// The query `history`.
#[derive(Clone, Copy, Debug)]
pub struct History;

impl Query for History {
    const SPEC: QuerySpec = QuerySpec {
        name: "history",
        summary: "Lists events that match all filters",
        description: "Newest first, unless asked otherwise. `_all` looks through the whole log. Who \
                      may audit some connections only names one of them.",
        scopes: &[Scope::Audit],
        on_ledger: false,
        in_access_check: true,
        routes: &[WORKSPACE_HISTORY, CONNECTION_HISTORY],
        refusals: &[
            Code::CursorInvalid,
            Code::HistoryChanged,
            Code::PositionUnknown,
            Code::ConnectionUnknown,
            Code::Rebuilding,
        ],
    };
    type Parameters = HistoryQuery;
    type Answer<'a> = HistoryPage;
}

/// `history`: events in the whole log that match all filters.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HistoryQuery {
    /// Id or slug of the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// Only events of the ledger itself, such as rotations of its master key.
    #[serde(skip_serializing_if = "is_false")]
    pub ledger: bool,
    /// Actor of the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Stored type names; an event matches any of them.
    #[serde(rename = "type", skip_serializing_if = "Vec::is_empty")]
    pub event_type: Vec<String>,
    /// Recorded at or after this RFC 3339 time: by `clock` where an event has it, otherwise by
    /// `recorded_at`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Recorded before this RFC 3339 time, in the same sense.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// After this position, alone or with its history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Correlation id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// Command id. One that the ledger made is not found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_id: Option<String>,
    /// True for oldest first; the default is newest first.
    pub oldest_first: bool,
    /// Page size: 1 to 500, 50 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
    /// `next_cursor` of the previous page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What HTTP takes of it in the query string, besides the connection, and size and cursor of the
/// page.
pub const PARAMETERS: &[Parameter] = &[
    one("ledger", Form::Switch, "Only events of the ledger itself; with `_all`."),
    one("actor", Form::Text(limits::SLUG_CHARS), "Who did it."),
    many("type", Form::Word(event_types), "Stored type names; any of these."),
    one("from", Form::Time, "Recorded at or after this time."),
    one("until", Form::Time, "Recorded before this time."),
    one("after", Form::ResumePoint, "After this position."),
    one("correlation_id", Form::MessageId, "Id of the whole conversation."),
    one(
        "command_id",
        Form::MessageId,
        "Id of the command, if the caller chose it; not with `_all`.",
    ),
    one("oldest_first", Form::Switch, "Newest first by default."),
];

fn event_types() -> Vec<&'static str> {
    schemas::event_types().collect()
}

/// Answer to `history`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct HistoryPage {
    /// Id of the ledger.
    pub ledger_id: String,
    /// Stored records, without ciphertext.
    pub events: Vec<Box<RawValue>>,
    /// Total number of matches.
    pub total: u64,
    /// The end of the log that the answer reflects: what `after` may be later, if nothing else
    /// matches now.
    pub resume_after: ResumePoint,
    /// Value of `cursor` for the next page; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// True if the page ended before `page_size` because of its size in bytes; go on with
    /// `next_cursor`. Absent otherwise.
    #[serde(default, skip_serializing_if = "is_false")]
    pub truncated: bool,
}
