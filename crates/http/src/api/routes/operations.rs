//! What operators ask for.

use ledger_contract::errors::Code;
use ledger_contract::queries::{QueryName, status};

use super::parameters as p;
use super::refusals as r;
use super::{Answer, Keyed, Method, Route, Scope, Work};

pub(super) const ROUTES: &[Route] = &[
    query!(
        Status at status::STATUS,
        "operation",
        &[p::QUERY, p::COMMON],
        &[Answer {
            status: 200,
            about: "How it is.",
            content: &[("application/json", Some("StatusView"))],
            headers: &[],
        }]
    ),
    Route {
        method: Method::Post,
        path: "/api/v1/replay",
        id: "replay",
        tag: "operation",
        summary: "Rebuilds read models from the log while commands go on",
        about: "Answers when it is done. With `Accept: text/event-stream` it tells how far it is: \
                events `progress`, then one `report` or `problem`. With `verify` the rebuilt \
                models are compared with the live ones and thrown away. A replay that was started \
                runs to its end, also when nobody waits any more.",
        work: Work::Keyed(Keyed::Replay),
        scope: Some(Scope::Administer),
        parameters: &[p::COMMON],
        body: Some("ReplayRequest"),
        answers: &[Answer {
            status: 200,
            about: "What was rebuilt.",
            content: &[("application/json", Some("ReplayReport")), ("text/event-stream", None)],
            headers: &[],
        }],
        refusals: &[
            r::KEY,
            r::BODY,
            &[Code::ProjectionUnknown, Code::ReplayRunning, Code::RecordCorrupt, Code::LogPoisoned],
        ],
    },
    Route {
        method: Method::Get,
        path: "/healthz",
        id: "alive",
        tag: "operation",
        summary: "Tells that the program lives",
        about: "Needs no key. Restart the program when this is not answered.",
        work: Work::Alive,
        scope: None,
        parameters: &[p::COMMON],
        body: None,
        answers: &[Answer {
            status: 200,
            about: "It lives.",
            content: &[("application/json", Some("HealthAnswer"))],
            headers: &[],
        }],
        refusals: &[r::DOOR],
    },
    Route {
        method: Method::Get,
        path: "/readyz",
        id: "ready",
        tag: "operation",
        summary: "Tells whether commands are accepted",
        about: "Needs no key. Send no work here while this is not answered with 200.",
        work: Work::Ready,
        scope: None,
        parameters: &[p::COMMON],
        body: None,
        answers: &[Answer {
            status: 200,
            about: "They are.",
            content: &[("application/json", Some("HealthAnswer"))],
            headers: &[],
        }],
        refusals: &[r::DOOR, &[Code::LogPoisoned, Code::ShuttingDown]],
    },
];
