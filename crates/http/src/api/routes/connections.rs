//! Connections and their history.

use ledger_contract::errors::Code;
use ledger_contract::queries::{QueryName, get, history, list};

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

pub(super) const ROUTES: &[Route] = &[
    query!(
        List at list::CONNECTIONS,
        "connections",
        &[p::IN_ANY_WORKSPACE, p::LIST, p::PAGE, p::QUERY, p::COMMON],
        &[Answer {
            status: 200,
            about: "A page of connections, secrets masked.",
            content: &[("application/json", Some("ListPage"))],
            headers: &["Link", "X-Total-Count"],
        }]
    ),
    Route {
        method: Method::Post,
        path: CONNECTIONS,
        id: "createConnection",
        tag: "connections",
        summary: "Makes a connection",
        about: "Secrets are sealed before anything is stored and never come back. With `access` \
                for other workspaces it takes `administer` as well.",
        work: Work::Keyed(Keyed::Command("create")),
        scope: Some(Scope::Write),
        parameters: &[p::IN_WORKSPACE, p::COMMAND, p::MAKING, p::COMMON],
        body: Some("CreateBody"),
        answers: &[Answer {
            status: 201,
            about: "It is made and durable, or was by the same command before.",
            content: &[("application/json", Some("Receipt"))],
            headers: &["Location", "ETag", "Ledger-Repeated"],
        }],
        refusals: &[r::KEY, r::BODY, r::COMMAND, &[Code::SlugTaken, Code::ConnectionExists]],
    },
    query!(
        Get at get::CONNECTION,
        "connections",
        &[p::IN_ANY_WORKSPACE, p::ON_CONNECTION, p::CONDITIONAL, p::QUERY, p::COMMON],
        &[
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
        ]
    ),
    Route {
        method: Method::Patch,
        path: CONNECTION,
        id: "updateConnection",
        tag: "connections",
        summary: "Changes editable fields and secrets",
        about: "The `update` command. Absent fields stay; null clears; maps are merged key by \
                key, and a null value removes its key. Secrets take the scope `rotate` as well.",
        work: Work::Keyed(Keyed::Command("update")),
        scope: Some(Scope::Write),
        parameters: &[p::IN_WORKSPACE, p::ON_CONNECTION, p::COMMAND, p::CHANGING, p::COMMON],
        body: Some("UpdateBody"),
        answers: super::verbs::DONE,
        refusals: &[
            r::KEY,
            r::BODY,
            r::COMMAND,
            r::CHANGE,
            &[Code::NothingToChange, Code::SecretFieldUnknown, Code::SlugTaken],
        ],
    },
    query!(
        History at history::CONNECTION_HISTORY,
        "history",
        &[p::IN_ANY_WORKSPACE, p::ON_CONNECTION, p::HISTORY, p::PAGE, p::QUERY, p::COMMON],
        HISTORY_PAGE,
        "Lists the events of one connection",
        "Newest first, unless asked otherwise."
    ),
    query!(
        History at history::WORKSPACE_HISTORY,
        "history",
        &[p::IN_ANY_WORKSPACE, p::OF_CONNECTION, p::HISTORY, p::PAGE, p::QUERY, p::COMMON],
        HISTORY_PAGE
    ),
];
