//! The routes of queries, generated from each query's description in the contract.

use ledger_contract::queries::{QueryName, QuerySpec, access_check, history, list};
use ledger_contract::route::HttpRoute;

use super::parameters as p;
use super::refusals as r;
use super::{Answer, Keyed, Parameter, Route, Work};

const JSON: &str = "application/json";
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
        method: at.method,
        path: at.path,
        id: at.operation_id,
        tag: tag(query),
        summary,
        about: about.to_owned(),
        work: Work::Keyed(Keyed::Query(query)),
        scope: spec.scopes.first().copied(),
        parameters: parameters(query, at),
        body: None,
        body_may_be_absent: false,
        answers: answers(query),
        refusals: vec![r::KEY, r::QUERY, spec.refusals],
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
        QueryName::Get | QueryName::List => "connections",
        QueryName::History => "history",
        QueryName::Workspaces => "workspaces",
        QueryName::Status => "operation",
        QueryName::Principals | QueryName::AccessCheck | QueryName::Whoami => "principals",
    }
}

fn parameters(query: QueryName, at: &HttpRoute) -> &'static [&'static [Parameter]] {
    match query {
        QueryName::Get => {
            &[p::IN_ANY_WORKSPACE, p::ON_CONNECTION, p::CONDITIONAL, p::QUERY, p::COMMON]
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
        QueryName::AccessCheck => &[access_check::PARAMETERS, p::QUERY, p::COMMON],
        QueryName::Workspaces | QueryName::Status | QueryName::Principals | QueryName::Whoami => {
            &[p::QUERY, p::COMMON]
        }
    }
}

fn answers(query: QueryName) -> &'static [Answer] {
    match query {
        QueryName::Get => {
            const {
                &[
                    found(
                        "The connection with masked secrets.",
                        &[(JSON, Some("ConnectionView"))],
                        &["ETag"],
                    ),
                    Answer {
                        status: 304,
                        about: "The caller already has this version.",
                        content: &[],
                        headers: &["ETag"],
                    },
                ]
            }
        }
        QueryName::List => {
            const {
                &[found(
                    "A page of connections with masked secrets.",
                    &[(JSON, Some("ListPage"))],
                    PAGED,
                )]
            }
        }
        QueryName::History => {
            const {
                &[found(
                    "A page of events, without ciphertext.",
                    &[(JSON, Some("HistoryPage"))],
                    PAGED,
                )]
            }
        }
        QueryName::Workspaces => {
            const { &[found("The workspaces.", &[(JSON, Some("WorkspacePage"))], &[])] }
        }
        QueryName::Status => const { &[found("The status.", &[(JSON, Some("StatusView"))], &[])] },
        QueryName::Principals => {
            const { &[found("Every principal, by name.", &[(JSON, Some("PrincipalPage"))], &[])] }
        }
        QueryName::AccessCheck => {
            const {
                &[found(
                    "Whether it is allowed, and the reason.",
                    &[(JSON, Some("AccessAnswer"))],
                    &[],
                )]
            }
        }
        QueryName::Whoami => {
            const {
                &[found(
                    "The caller's name as recorded in events, and its grants.",
                    &[(JSON, Some("CallerView"))],
                    &[],
                )]
            }
        }
    }
}

const fn found(
    about: &'static str,
    content: &'static [(&'static str, Option<&'static str>)],
    headers: &'static [&'static str],
) -> Answer {
    Answer { status: 200, about, content, headers }
}
