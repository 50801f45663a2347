//! Connections and their history.

use ledger_contract::errors::Code;

use super::parameters as p;
use super::refusals as r;
use super::{Answer, Keyed, Method, Route, Scope, Work};

const CONNECTIONS: &str = "/api/v1/workspaces/{workspace}/connections";
const CONNECTION: &str = "/api/v1/workspaces/{workspace}/connections/{connection}";

const HISTORY_PAGE: &[Answer] = &[Answer {
    status: 200,
    about: "A page of events, ciphertext left out.",
    content: &[("application/json", Some("HistoryPage"))],
    headers: &["Link", "X-Total-Count"],
}];

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route {
        method: Method::Get,
        path: CONNECTIONS,
        id: "listConnections",
        tag: "connections",
        summary: "Lists connections that fit every filter given",
        about: "Only those that the key may read. A parameter that may be given several times means any of its values, or all of \
                them where it says so. Pages go by number or by cursor; `Link` leads on.".to_owned(),
        work: Work::Keyed(Keyed::Query("list")),
        scope: Some(Scope::Read),
        parameters: &[p::IN_ANY_WORKSPACE, p::LIST, p::PAGE, p::QUERY, p::COMMON],
        body: None,
        body_may_be_absent: false,
        answers: &[Answer {
            status: 200,
            about: "A page of connections, secrets masked.",
            content: &[("application/json", Some("ListPage"))],
            headers: &["Link", "X-Total-Count"],
        }],
        refusals: vec![r::KEY, r::QUERY, r::PAGED],
    },
        Route {
        method: Method::Get,
        path: CONNECTION,
        id: "getConnection",
        tag: "connections",
        summary: "Shows one connection",
        about: "`ETag` is its version; send it back in `If-Match` to change what you saw.".to_owned(),
        work: Work::Keyed(Keyed::Query("get")),
        scope: Some(Scope::Read),
        parameters: &[p::IN_ANY_WORKSPACE, p::ON_CONNECTION, p::CONDITIONAL, p::QUERY, p::COMMON],
        body: None,
        body_may_be_absent: false,
        answers: &[
            Answer {
                status: 200,
                about: "The connection, secrets masked.",
                content: &[("application/json", Some("ConnectionView"))],
                headers: &["ETag"],
            },
            Answer {
                status: 304,
                about: "The caller has this version.",
                content: &[],
                headers: &["ETag"],
            },
        ],
        refusals: vec![r::KEY, r::QUERY, &[Code::ConnectionUnknown]],
    },
        Route {
        method: Method::Get,
        path: "/api/v1/workspaces/{workspace}/connections/{connection}/history",
        id: "connectionHistory",
        tag: "history",
        summary: "Lists the events of one connection",
        about: "Newest first, unless asked otherwise.".to_owned(),
        work: Work::Keyed(Keyed::Query("history")),
        scope: Some(Scope::Audit),
        parameters: &[
            p::IN_ANY_WORKSPACE,
            p::ON_CONNECTION,
            p::HISTORY,
            p::PAGE,
            p::QUERY,
            p::COMMON,
        ],
        body: None,
        body_may_be_absent: false,
        answers: HISTORY_PAGE,
        refusals: vec![r::KEY, r::QUERY, r::PAGED, &[Code::ConnectionUnknown]],
    },
        Route {
        method: Method::Get,
        path: "/api/v1/workspaces/{workspace}/history",
        id: "workspaceHistory",
        tag: "history",
        summary: "Lists events that fit every filter given",
        about: "Newest first, unless asked otherwise. `_all` looks through the whole log. Who may \
                audit some connections only names one of them.".to_owned(),
        work: Work::Keyed(Keyed::Query("history")),
        scope: Some(Scope::Audit),
        parameters: &[
            p::IN_ANY_WORKSPACE,
            p::OF_CONNECTION,
            p::HISTORY,
            p::PAGE,
            p::QUERY,
            p::COMMON,
        ],
        body: None,
        body_may_be_absent: false,
        answers: HISTORY_PAGE,
        refusals: vec![r::KEY, r::QUERY, r::PAGED, &[Code::ConnectionUnknown]],
    },
    ]
}
