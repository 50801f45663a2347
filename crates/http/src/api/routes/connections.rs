//! Connections and their history.

use ledger_contract::queries::{QueryName, get, history, list};

use super::parameters as p;
use super::refusals as r;
use super::{Answer, Keyed, Route, Work};

const HISTORY_PAGE: &[Answer] = &[Answer {
    status: 200,
    about: "A page of events, ciphertext left out.",
    content: &[("application/json", Some("HistoryPage"))],
    headers: &["Link", "X-Total-Count"],
}];

pub(super) fn routes() -> Vec<Route> {
    vec![
        query!(
            List at list::CONNECTIONS,
            "connections",
            &[p::IN_ANY_WORKSPACE, list::PARAMETERS, p::PAGE, p::QUERY, p::COMMON],
            &[Answer {
                status: 200,
                about: "A page of connections, secrets masked.",
                content: &[("application/json", Some("ListPage"))],
                headers: &["Link", "X-Total-Count"],
            }]
        ),
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
        query!(
            History at history::CONNECTION_HISTORY,
            "history",
            &[
                p::IN_ANY_WORKSPACE,
                p::ON_CONNECTION,
                history::PARAMETERS,
                p::PAGE,
                p::QUERY,
                p::COMMON,
            ],
            HISTORY_PAGE,
            "Lists the events of one connection",
            "Newest first, unless asked otherwise."
        ),
        query!(
            History at history::WORKSPACE_HISTORY,
            "history",
            &[
                p::IN_ANY_WORKSPACE,
                p::OF_CONNECTION,
                history::PARAMETERS,
                p::PAGE,
                p::QUERY,
                p::COMMON,
            ],
            HISTORY_PAGE
        ),
    ]
}
