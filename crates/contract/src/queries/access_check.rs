//! `access-check`: may somebody do something, and why?

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Query, QueryName, QuerySpec};
use crate::commands::Verb;
use crate::errors::Code;
use crate::parameter::{Form, Parameter, must, one};
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

/// What HTTP takes of it in the query string; there, the workspace is among the parameters.
pub const PARAMETERS: &[Parameter] = &[
    must("as", Form::Principal, "Name of a principal, or the id of one of its keys."),
    must("may", Form::Word(deeds), "A scope, a verb, or the name of a query."),
    one("on", Form::Connection, "Id or slug of a connection; all of them when absent."),
    one("workspace", Form::AnyWorkspace, "The workspace; the whole ledger when absent or `_all`."),
];

/// Answer to `access-check`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessAnswer {
    /// Whether it may.
    pub allowed: bool,
    /// The scope it takes.
    pub scope: String,
    /// Why, or why not, in a sentence.
    pub because: String,
}

/// What takes a scope and is neither a command nor a query.
const OPERATIONS: [(&str, &[Scope]); 2] =
    [("watch", &[Scope::Read]), ("replay", &[Scope::Administer])];

/// Returns every word, scopes and verbs aside, that can be asked about.
pub fn words() -> impl Iterator<Item = &'static str> {
    let queries = QueryName::ALL.iter().map(|query| query.spec());
    let queries = queries.filter(|spec| spec.in_access_check).map(|spec| spec.name);
    queries.chain(OPERATIONS.map(|(word, _)| word))
}

/// Returns the scopes that one of these words takes, all of them.
pub fn scopes_of(word: &str) -> Option<&'static [Scope]> {
    let query = QueryName::find(word).map(QueryName::spec).filter(|spec| spec.in_access_check);
    let operation = || OPERATIONS.into_iter().find(|(known, _)| *known == word);
    query.map(|spec| spec.scopes).or_else(|| operation().map(|(_, scopes)| scopes))
}

/// What a question about rights can be about.
fn deeds() -> Vec<&'static str> {
    let scopes = Scope::ALL.iter().copied().map(Scope::as_str);
    let verbs = Verb::ALL.iter().map(|verb| verb.as_str());
    scopes.chain(verbs).chain(words()).collect()
}
