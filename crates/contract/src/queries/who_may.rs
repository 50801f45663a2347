//! `who-may`: which principals may do something with a connection, now or at an earlier moment.

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::access_check::ConditionalAccess;
use super::page::is_false;
use super::{Query, QuerySpec};
use crate::errors::Code;
use crate::parameter::{Form, Parameter, must, one};
use crate::route::{HttpRoute, Method};

/// The HTTP route.
pub const WHO_MAY: HttpRoute = HttpRoute {
    method: Method::Get,
    path: "/api/v1/workspaces/{workspace}/connections/{connection}/who-may",
    operation_id: "whoMay",
};

/// The query `who-may`.
#[derive(Clone, Copy, Debug)]
pub struct WhoMay;

impl Query for WhoMay {
    const SPEC: QuerySpec = QuerySpec {
        name: "who-may",
        summary: "Lists the principals that may do something with a connection, or could have",
        description: "With `as_of`, grants, keys and the connection are taken as they were then. \
                      Whoever may audit the connection sees all of them, also those that others \
                      administer. Bearers of access tokens of an identity provider are not principals, and \
                      not listed.",
        scopes: &[Scope::Audit],
        on_ledger: false,
        in_access_check: true,
        routes: &[WHO_MAY],
        refusals: &[
            Code::ConnectionUnknown,
            Code::ConnectionErased,
            Code::CursorInvalid,
            Code::HistoryChanged,
            Code::PositionUnknown,
            Code::VersionUnknown,
        ],
    };
    type Parameters = WhoMayQuery;
    type Answer<'a> = WhoMayPage;
}

/// `who-may`: one connection, by id or slug, and what is to be done with it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WhoMayQuery {
    /// Id or slug of the connection.
    pub connection: String,
    /// A scope, a verb like `rotate-secret`, or a query, of what is done with a connection.
    pub may: String,
    /// The moment: a time, how long ago like `36h`, a position, or a version of the connection
    /// like `v3`; now when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// Page size: 1 to 500, 50 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
    /// `next_cursor` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What HTTP takes of it in the query string, besides the connection, and size and cursor of the
/// page.
pub const PARAMETERS: &[Parameter] = &[
    must("may", Form::Word(super::access_check::deeds), "A scope, a verb, or a query's name."),
    one("as_of", Form::AsOf, "A time, `36h` ago, a position, or `v3`; now when absent."),
];

/// Answer to `who-may`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WhoMayPage {
    /// The principals of this page, by name.
    pub principals: Vec<WhoMayView>,
    /// Value of `cursor` for the next page; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// True if the page ended before `page_size` because so much was looked at; go on with
    /// `next_cursor`. Absent otherwise.
    #[serde(default, skip_serializing_if = "is_false")]
    pub truncated: bool,
}

/// A principal that may do it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WhoMayView {
    /// Its name.
    pub principal: String,
    /// `user`, `service` or `gateway`.
    pub kind: String,
    /// Why, in a sentence.
    pub because: String,
    /// How many of its keys were valid. Without any, it had the right and could not use it.
    pub keys: u64,
    /// What it takes besides, depending on what the command says, and whether the principal may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<ConditionalAccess>,
}
