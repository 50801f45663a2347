//! The routes of queries, generated from each query's description in the contract.

use ledger_contract::queries::{
    QueryName, QuerySpec, access_check, audit, changes, dead_letters, diff, exposure, get, history,
    leases, list, principals, proof, undo_plan, uptime, who_may,
};
use ledger_contract::route::HttpRoute;

use super::parameters as p;
use super::refusals as r;
use super::{Answer, Parameter, Route, Subject, Terms, method, title};
use crate::api::queries;
use crate::api::request::ApiRequest;
use crate::toolkit::Operation;

const PAGED: &[&str] = &["Link", "X-Total-Count"];

/// Returns the routes of all queries.
pub(super) fn routes() -> Vec<Route> {
    let all = QueryName::ALL.iter().copied();
    all.flat_map(|query| query.spec().routes.iter().map(move |at| route(query, at))).collect()
}

fn route(query: QueryName, at: &HttpRoute) -> Route {
    let spec = query.spec();
    let (summary, about) = words(spec, at);
    Route {
        method: method(at.method),
        path: at.path,
        id: at.operation_id,
        summary,
        terms: Terms {
            subject: Subject::Query(query),
            tag: tag(query),
            about: about.to_owned(),
            scope: spec.scopes.first().copied(),
            before_body: None,
            parameters: parameters(query, at),
            body: None,
            body_may_be_absent: false,
            answers: answers(query),
            refusals: vec![r::KEY, r::QUERY, spec.refusals],
        },
        operation: Operation::of(move |request: ApiRequest| queries::run(request, query)),
    }
}

/// Returns summary and description. Only the history of one connection has its own.
fn words(spec: &QuerySpec, at: &HttpRoute) -> (&'static str, &'static str) {
    if *at == history::CONNECTION_HISTORY {
        return ("Lists the events of one connection", "Newest first by default.");
    }
    (spec.summary, spec.description)
}

fn tag(query: QueryName) -> &'static str {
    match query {
        QueryName::Get
        | QueryName::Why
        | QueryName::Uptime
        | QueryName::Rotation
        | QueryName::Attempts
        | QueryName::Erasure
        | QueryName::WhoMay
        | QueryName::List => "connections",
        QueryName::History
        | QueryName::Diff
        | QueryName::Changes
        | QueryName::UndoPlan
        | QueryName::Audit
        | QueryName::Exposure
        | QueryName::Handovers
        | QueryName::Leases => "history",
        QueryName::Workspaces
        | QueryName::SecretPolicies
        | QueryName::Alerts
        | QueryName::DeadLetters => "workspaces",
        QueryName::Status | QueryName::MasterKeys => "operation",
        QueryName::Proof => "log",
        QueryName::Principals
        | QueryName::BlockedTokens
        | QueryName::AccessCheck
        | QueryName::Whoami => "principals",
    }
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn parameters(query: QueryName, at: &HttpRoute) -> &'static [&'static [Parameter]] {
    match query {
        QueryName::Get => &[
            p::IN_ANY_WORKSPACE,
            p::ON_CONNECTION,
            get::PARAMETERS,
            p::CONDITIONAL,
            p::QUERY,
            p::COMMON,
        ],
        QueryName::Diff => {
            &[p::IN_ANY_WORKSPACE, p::ON_CONNECTION, diff::PARAMETERS, p::QUERY, p::COMMON]
        }
        QueryName::WhoMay => &[
            p::IN_ANY_WORKSPACE,
            p::ON_CONNECTION,
            who_may::PARAMETERS,
            p::PAGE,
            p::QUERY,
            p::COMMON,
        ],
        QueryName::Changes => {
            &[p::IN_ANY_WORKSPACE, changes::PARAMETERS, p::PAGE, p::QUERY, p::COMMON]
        }
        QueryName::UndoPlan => {
            &[p::IN_ANY_WORKSPACE, undo_plan::PARAMETERS, p::PAGE, p::QUERY, p::COMMON]
        }
        QueryName::Why | QueryName::Rotation | QueryName::Attempts | QueryName::Erasure => {
            &[p::IN_ANY_WORKSPACE, p::ON_CONNECTION, p::QUERY, p::COMMON]
        }
        QueryName::Uptime => {
            &[p::IN_ANY_WORKSPACE, p::OF_CONNECTION, uptime::PARAMETERS, p::QUERY, p::COMMON]
        }
        QueryName::List => &[p::IN_ANY_WORKSPACE, list::PARAMETERS, p::PAGE, p::QUERY, p::COMMON],
        QueryName::History if *at == history::CONNECTION_HISTORY => &[
            p::IN_ANY_WORKSPACE,
            p::ON_CONNECTION,
            history::PARAMETERS,
            p::PAGE,
            p::QUERY,
            p::COMMON,
        ],
        QueryName::History => &[
            p::IN_ANY_WORKSPACE,
            p::OF_CONNECTION,
            history::PARAMETERS,
            p::PAGE,
            p::QUERY,
            p::COMMON,
        ],
        QueryName::Audit => &[p::IN_ANY_WORKSPACE, audit::PARAMETERS, p::PAGE, p::QUERY, p::COMMON],
        QueryName::Exposure => &[
            p::IN_ANY_WORKSPACE,
            p::ON_CONNECTION,
            exposure::PARAMETERS,
            p::PAGE,
            p::QUERY,
            p::COMMON,
        ],
        QueryName::Handovers | QueryName::SecretPolicies | QueryName::Alerts => {
            &[p::IN_ANY_WORKSPACE, p::QUERY, p::COMMON]
        }
        QueryName::DeadLetters => {
            &[p::IN_ANY_WORKSPACE, dead_letters::PARAMETERS, p::QUERY, p::COMMON]
        }
        QueryName::Leases => {
            &[p::IN_ANY_WORKSPACE, leases::PARAMETERS, p::PAGE, p::QUERY, p::COMMON]
        }
        QueryName::AccessCheck => &[access_check::PARAMETERS, p::QUERY, p::COMMON],
        QueryName::Principals => &[principals::PARAMETERS, p::PAGE, p::QUERY, p::COMMON],
        QueryName::Workspaces => &[p::PAGE, p::QUERY, p::COMMON],
        QueryName::Proof => &[proof::PARAMETERS, p::QUERY, p::COMMON],
        QueryName::Status
        | QueryName::BlockedTokens
        | QueryName::MasterKeys
        | QueryName::Whoami => &[p::QUERY, p::COMMON],
    }
}

fn answers(query: QueryName) -> Vec<Answer> {
    let (about, headers): (_, &[_]) = match query {
        QueryName::Get => ("The connection with masked secrets.", &["ETag"]),
        QueryName::Why => ("The health, what led to it, and what to do.", &[]),
        QueryName::Uptime => ("The time in each state, in steps.", &[]),
        QueryName::Rotation => ("The consumers and how far they are.", &[]),
        QueryName::Attempts => ("The attempts and how they go.", &[]),
        QueryName::Erasure => ("How far it is, and which master keys open copies.", &[]),
        QueryName::Diff => ("The fields that differ, and a JSON Patch.", &[]),
        QueryName::WhoMay => ("A page of principals, by name.", &["Link"]),
        QueryName::List => ("A page of connections with masked secrets.", PAGED),
        QueryName::Changes => ("A page of connections, by their last change.", &["Link"]),
        QueryName::UndoPlan => ("A page of steps, by the connections' last change.", &["Link"]),
        QueryName::History => ("A page of events, without ciphertext.", PAGED),
        QueryName::Audit => ("A page of entries of the audit journal.", &["Link"]),
        QueryName::Exposure => ("A page of the identities that received the value.", &["Link"]),
        QueryName::Handovers => ("The handovers, without their tokens.", &[]),
        QueryName::Leases => ("A page of leases, by when they were taken.", &["Link"]),
        QueryName::Workspaces => ("A page of workspaces, by name.", PAGED),
        QueryName::Status => ("The status.", &[]),
        QueryName::Principals => ("A page of principals, by name.", PAGED),
        QueryName::BlockedTokens => ("The blocked tokens.", &[]),
        QueryName::SecretPolicies => ("The policies of secrets.", &[]),
        QueryName::Alerts => ("The alerts, without their secrets.", &[]),
        QueryName::DeadLetters => ("The dead letters.", &[]),
        QueryName::MasterKeys => ("The master keys, without their bytes.", &[]),
        QueryName::Proof => ("The proof with its checkpoint.", &[]),
        QueryName::AccessCheck => ("Whether it is allowed, and the reason.", &[]),
        QueryName::Whoami => ("The caller's name as recorded in events, and its grants.", &[]),
    };
    let mut answers = vec![Answer::json(200, about, title(&query.schemas().answer), headers)];
    if query == QueryName::Get {
        let about = "The caller already has this version.";
        answers.push(Answer { status: 304, about, content: Vec::new(), headers });
    }
    answers
}
