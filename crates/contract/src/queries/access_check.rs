//! `access-check`: whether a principal may do something, and why.

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Query, QueryName, QuerySpec};
use crate::commands::Verb;
use crate::errors::Code;
use crate::parameter::{Form, Parameter, must, one};
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
        description: "Everyone may ask about themselves, and about the principals that they \
                      administer: see `principals`. With `as_of`, grants, keys and the \
                      connection are taken as they were then, which takes the right to audit.",
        scopes: &[],
        on_ledger: false,
        in_access_check: false,
        routes: &[ACCESS_CHECK],
        refusals: &[
            Code::PrincipalUnknown,
            Code::ConnectionUnknown,
            Code::ConnectionErased,
            Code::HistoryChanged,
            Code::PositionUnknown,
            Code::VersionUnknown,
        ],
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
    /// The moment: a time, how long ago like `36h`, a position of the log, or a version of the
    /// connection like `v3`; now when absent. Takes the right to audit as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
}

/// What HTTP takes of it in the query string; there, the workspace is among the parameters.
pub const PARAMETERS: &[Parameter] = &[
    must("as", Form::Principal, "Name of a principal, or the id of one of its keys."),
    must("may", Form::Word(deeds), "A scope, a verb, or the name of a query."),
    one("on", Form::Connection, "Id or slug of a connection; all of them when absent."),
    one("as_of", Form::AsOf, "A time, `36h` ago, a position, or `v3`; now when absent."),
    one("workspace", Form::AnyWorkspace, "The workspace; the whole ledger when absent or `_all`."),
];

/// Answer to `access-check`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessAnswer {
    /// Whether the principal may do it, as long as none of `conditions` applies.
    pub allowed: bool,
    /// The required scope.
    pub scope: String,
    /// The reason, in a sentence.
    pub because: String,
    /// Scopes that some commands of the verb require as well, depending on their content and on the
    /// state.
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

/// Actions that require a scope and are neither commands nor queries: the name, whether the scope
/// is required on the ledger as a whole, and the scope.
const OPERATIONS: [(&str, bool, &[Scope]); 2] =
    [("watch", false, &[Scope::Read]), ("replay", true, &[Scope::Administer])];

/// Returns every action that can be checked, besides scopes and verbs.
pub fn words() -> impl Iterator<Item = &'static str> {
    let queries = QueryName::ALL.iter().map(|query| query.spec());
    let queries = queries.filter(|spec| spec.in_access_check).map(|spec| spec.name);
    queries.chain(OPERATIONS.map(|(word, ..)| word))
}

/// Returns whether such an action concerns the ledger as a whole, and the scopes that it requires.
/// All are required.
pub fn required_by(word: &str) -> Option<(bool, &'static [Scope])> {
    let query = QueryName::find(word).map(QueryName::spec).filter(|spec| spec.in_access_check);
    let operation = || OPERATIONS.into_iter().find(|(known, ..)| *known == word);
    query
        .map(|spec| (spec.on_ledger, spec.scopes))
        .or_else(|| operation().map(|(_, on_ledger, scopes)| (on_ledger, scopes)))
}

/// What a question about rights can be about.
pub(super) fn deeds() -> Vec<&'static str> {
    let scopes = Scope::ALL.iter().copied().map(Scope::as_str);
    let verbs = Verb::ALL.iter().filter(|verb| !verb.spec().requires.is_empty());
    let verbs = verbs.map(|verb| verb.as_str());
    scopes.chain(verbs).chain(words()).collect()
}
