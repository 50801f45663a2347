//! `audit`: what was refused, and who read the history, in pages.

use ledger_domain::limits;
use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::page::is_false;
use super::{Query, QuerySpec};
use crate::errors::Code;
use crate::journal;
use crate::parameter::{Form, Parameter, many, one};
use crate::route::{HttpRoute, Method};

/// The HTTP route.
pub const AUDIT: HttpRoute = HttpRoute {
    method: Method::Get,
    path: "/api/v1/workspaces/{workspace}/audit",
    operation_id: "audit",
};

/// The query `audit`.
#[derive(Clone, Copy, Debug)]
pub struct Audit;

impl Query for Audit {
    const SPEC: QuerySpec = QuerySpec {
        name: "audit",
        summary: "Lists refusals, and readings of history",
        description: "Newest first, unless asked otherwise. What was refused before its workspace \
                      was known, such as a wrong key, is shown with `_all` only. An entry with a \
                      `count` stands for so many alike, from `first_at` to `last_at`. Accepted \
                      commands and reveals are in the history. Entries are kept for a limited \
                      time.",
        scopes: &[Scope::Audit],
        on_ledger: false,
        in_access_check: true,
        routes: &[AUDIT],
        refusals: &[Code::CursorInvalid, Code::HistoryChanged],
    };
    type Parameters = AuditQuery;
    type Answer<'a> = AuditPage;
}

/// `audit`: entries of the journal that match all filters.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AuditQuery {
    /// Actor, as events name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Id of an API key, or what events name as the credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// IP address of the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Kinds, each an error code or `reading`; an entry matches any of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kind: Vec<String>,
    /// Name of the verb, query or operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Last seen at or after this RFC 3339 time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// First seen before this RFC 3339 time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// True for oldest first; the default is newest first.
    pub oldest_first: bool,
    /// Page size: 1 to 500, 50 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
    /// `next_cursor` of the previous page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What HTTP takes of it in the query string, besides size and cursor of the page.
pub const PARAMETERS: &[Parameter] = &[
    one("actor", Form::Text(limits::SLUG_CHARS), "Who it was, as events name the actor."),
    one("key", Form::Text(limits::SLUG_CHARS), "Id of the API key, or name of the token."),
    one("address", Form::Address, "IP address of the client."),
    many("kind", Form::Word(journal::kinds), "Error codes, or `reading`; any of these."),
    one("operation", Form::Text(limits::SLUG_CHARS), "Name of the verb, query or operation."),
    one("from", Form::Time, "Last seen at or after this time."),
    one("until", Form::Time, "First seen before this time."),
    one("oldest_first", Form::Switch, "Newest first by default."),
];

/// Answer to `audit`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct AuditPage {
    /// Entries of the journal, in the form of `JournalEntry`.
    #[schemars(with = "Vec<crate::journal::JournalEntry>")]
    pub entries: Vec<Box<RawValue>>,
    /// Value of `cursor` for the next page; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// True if the page ended before `page_size`, because of its size in bytes or because so many
    /// entries were looked through; go on with `next_cursor`. Absent otherwise.
    #[serde(default, skip_serializing_if = "is_false")]
    pub truncated: bool,
}
