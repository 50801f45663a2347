//! `list`: connections that fit filters, in pages.

use ledger_domain::connection::{AuthMethod, Environment, HealthState, IdentityKind, Kind};
use ledger_domain::limits;
use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Query, QuerySpec};
use crate::errors::Code;
use crate::parameter::{Form, Parameter, many, one, words_of};
use crate::route::{HttpRoute, Method};
use crate::view::ConnectionView;

/// Where HTTP answers it.
pub const CONNECTIONS: HttpRoute = HttpRoute {
    method: Method::Get,
    path: "/api/v1/workspaces/{workspace}/connections",
    operation_id: "listConnections",
};

/// The query `list`.
#[derive(Clone, Copy, Debug)]
pub struct List;

impl Query for List {
    const SPEC: QuerySpec = QuerySpec {
        name: "list",
        summary: "Lists connections that fit every filter given",
        description: "Only those that the key may read. A parameter that may be given several times \
                      means any of its values, or all of them where it says so. Pages go by \
                      number or by cursor; `Link` leads on.",
        scopes: &[Scope::Read],
        in_access_check: true,
        routes: &[CONNECTIONS],
        refusals: &[Code::CursorInvalid],
    };
    type Parameters = ListQuery;
    type Answer<'a> = ListPage<'a>;
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

/// What HTTP takes of it in the query string, besides size and cursor of the page.
pub const PARAMETERS: &[Parameter] = &[
    many("provider", Form::Text(limits::PROVIDER_CHARS), "The external service; any of these."),
    one(
        "environment",
        Form::Word(|| words_of(Environment::ALL, Environment::as_str)),
        "The realm.",
    ),
    one("enabled", Form::Switch, "Whether gateways may use it."),
    one("lifecycle", Form::Word(|| vec!["active", "archived", "any"]), "`active` by default."),
    many("health", Form::Word(|| words_of(HealthState::ALL, HealthState::as_str)), "Any of these."),
    many(
        "kind",
        Form::Word(|| words_of(Kind::ALL, Kind::as_str)),
        "Sort of service; any of these.",
    ),
    many(
        "auth_method",
        Form::Word(|| words_of(AuthMethod::ALL, AuthMethod::as_str)),
        "How it proves itself; any of these.",
    ),
    many("tag", Form::Text(limits::TAG_CHARS), "Tags, all of which it must have."),
    many(
        "label",
        Form::Text(limits::LABEL_KEY_CHARS + 1 + limits::LABEL_VALUE_CHARS),
        "Labels, `key=value` or `key` alone, all of which it must have.",
    ),
    one(
        "identity_type",
        Form::Word(|| words_of(IdentityKind::ALL, IdentityKind::as_str)),
        "Sort of party it is for.",
    ),
    one("identity", Form::Text(limits::IDENTITY_CHARS), "The caller's id of that party."),
    one(
        "text",
        Form::Text(limits::DISPLAY_NAME_CHARS),
        "Text in the name or slug, without regard to case.",
    ),
    one("sort", Form::Word(|| vec!["created", "updated", "name"]), "`created` by default."),
    one("descending", Form::Switch, "Last first."),
    one("page", Form::Number(1, u32::MAX as u64), "Page number; not together with `cursor`."),
];

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
