//! `access-check`: whether a principal may do something, and why.

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Query, QueryName, QuerySpec};
use crate::errors::Code;
use crate::route::{HttpRoute, Method};

/// The HTTP route.
pub const ACCESS_CHECK: HttpRoute =
    HttpRoute { method: Method::Get, path: "/api/v1/access-check", operation_id: "accessCheck" };

/// The query `access-check`.
#[derive(Clone, Copy, Debug)]
pub struct AccessCheck;

impl Query for AccessCheck {
    const SPEC: QuerySpec = QuerySpec {
        name: "access-check",
        summary: "Shows whether a principal may do something, and why",
        description: "Everyone may ask about themselves; about others it takes the scope \
                      `administer` for the whole ledger.",
        scopes: &[],
        in_access_check: false,
        routes: &[ACCESS_CHECK],
        refusals: &[Code::PrincipalUnknown, Code::ConnectionUnknown],
    };
    type Parameters = AccessQuery;
    type Answer<'a> = AccessAnswer;
}

/// `access-check`: whether a principal may do something.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessQuery {
    /// Name of a principal, or the id of one of its keys.
    #[serde(rename = "as")]
    pub who: String,
    /// A scope, or a verb like `rotate-secret`.
    #[serde(rename = "may")]
    pub what: String,
    /// Id or slug of a connection in the subject's workspace. When absent, the check is about the
    /// whole workspace, or about the whole ledger if the workspace is `_all`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
}

/// Answer to `access-check`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessAnswer {
    /// Whether the principal may do it.
    pub allowed: bool,
    /// The required scope.
    pub scope: String,
    /// The reason, in a sentence.
    pub because: String,
}

/// Actions that require a scope and are neither commands nor queries.
const OPERATIONS: [(&str, &[Scope]); 2] =
    [("watch", &[Scope::Read]), ("replay", &[Scope::Administer])];

/// Returns every action that can be checked, besides scopes and verbs.
pub fn words() -> impl Iterator<Item = &'static str> {
    let queries = QueryName::ALL.iter().map(|query| query.spec());
    let queries = queries.filter(|spec| spec.in_access_check).map(|spec| spec.name);
    queries.chain(OPERATIONS.map(|(word, _)| word))
}

/// Returns the scopes that such an action requires. All are required.
pub fn scopes_of(word: &str) -> Option<&'static [Scope]> {
    let query = QueryName::find(word).map(QueryName::spec).filter(|spec| spec.in_access_check);
    let operation = || OPERATIONS.into_iter().find(|(known, _)| *known == word);
    query.map(|spec| spec.scopes).or_else(|| operation().map(|(_, scopes)| scopes))
}
