//! `access-check`: may somebody do something, and why?

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Query, QueryName, QuerySpec};
use crate::errors::Code;
use crate::route::{HttpRoute, Method};

/// Where HTTP answers it.
pub const ACCESS_CHECK: HttpRoute =
    HttpRoute { method: Method::Get, path: "/api/v1/access-check", operation_id: "accessCheck" };

/// The query `access-check`.
#[derive(Clone, Copy, Debug)]
pub struct AccessCheck;

impl Query for AccessCheck {
    const SPEC: QuerySpec = QuerySpec {
        name: "access-check",
        summary: "Tells whether somebody may do something, and why",
        description: "Everyone may ask about themselves; about others it takes the scope \
                      `administer` for the whole ledger.",
        scopes: &[],
        on_ledger: false,
        in_access_check: false,
        routes: &[ACCESS_CHECK],
        refusals: &[Code::PrincipalUnknown, Code::ConnectionUnknown],
    };
    type Parameters = AccessQuery;
    type Answer<'a> = AccessAnswer;
}

/// `access-check`: may somebody do something?
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessQuery {
    /// Name of a principal, or the id of one of its keys.
    #[serde(rename = "as")]
    pub who: String,
    /// A scope, or a verb like `rotate-secret`.
    #[serde(rename = "may")]
    pub what: String,
    /// Id or slug of a connection of the subject's workspace; the workspace as a whole when
    /// absent, and the whole ledger when that is `_all`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
}

/// Answer to `access-check`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessAnswer {
    /// Whether it may, as long as none of `conditions` holds.
    pub allowed: bool,
    /// The scope it takes.
    pub scope: String,
    /// Why, or why not, in a sentence.
    pub because: String,
    /// What some commands of the verb require besides, depending on what they say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<ConditionalAccess>,
}

/// A scope that a command of a verb requires under a condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConditionalAccess {
    /// When the scope is required, as the end of a sentence: `when it sets or removes secrets`.
    pub when: String,
    /// The scope.
    pub scope: String,
    /// Whether the principal has it there.
    pub allowed: bool,
}

/// What requires a scope and is neither a command nor a query: its name, whether it concerns the
/// ledger as a whole, and the scope.
const OPERATIONS: [(&str, bool, &[Scope]); 2] =
    [("watch", false, &[Scope::Read]), ("replay", true, &[Scope::Administer])];

/// Returns every word, scopes and verbs aside, that can be asked about.
pub fn words() -> impl Iterator<Item = &'static str> {
    let queries = QueryName::ALL.iter().map(|query| query.spec());
    let queries = queries.filter(|spec| spec.in_access_check).map(|spec| spec.name);
    queries.chain(OPERATIONS.map(|(word, ..)| word))
}

/// Returns whether what one of these words stands for concerns the ledger as a whole, and the
/// scopes that it requires.
pub fn required_by(word: &str) -> Option<(bool, &'static [Scope])> {
    let query = QueryName::find(word).map(QueryName::spec).filter(|spec| spec.in_access_check);
    let operation = || OPERATIONS.into_iter().find(|(known, ..)| *known == word);
    query
        .map(|spec| (spec.on_ledger, spec.scopes))
        .or_else(|| operation().map(|(_, on_ledger, scopes)| (on_ledger, scopes)))
}
