//! Replay and health checks.

use ledger_contract::errors::Code;

use super::parameters as p;
use super::refusals as r;
use super::{Answer, Keyed, Method, Route, Scope, Work};

pub(super) fn routes() -> Vec<Route> {
    vec![
        replay(),
        health(
            "/healthz",
            "alive",
            "Reports that the process is alive",
            "Requires no key. Restart the process if this is not answered.",
            Work::Alive,
            vec![r::DOOR],
        ),
        health(
            "/readyz",
            "ready",
            "Reports whether commands are accepted",
            "Requires no key. Send no requests here unless the answer is 200.",
            Work::Ready,
            vec![r::DOOR, &[Code::LogPoisoned, Code::NotOwner, Code::ShuttingDown]],
        ),
    ]
}

fn replay() -> Route {
    Route {
        method: Method::Post,
        path: "/api/v1/replay",
        id: "replay",
        tag: "operation",
        summary: "Rebuilds read models from the log while commands continue",
        about: "Answers when the replay is done. With `Accept: text/event-stream` it reports the \
        progress: `progress` events, then one `report` or `problem`. With `verify` the \
        rebuilt models are compared with the live ones and discarded. A started replay runs \
        to its end even if the client disconnects."
            .to_owned(),
        work: Work::Keyed(Keyed::Replay),
        scope: Some(Scope::Administer),
        parameters: &[p::COMMON],
        body: Some("ReplayRequest".to_owned()),
        body_may_be_absent: true,
        answers: &[Answer {
            status: 200,
            about: "The report of the replay.",
            content: &[("application/json", Some("ReplayReport")), ("text/event-stream", None)],
            headers: &[],
        }],
        refusals: vec![
            r::KEY,
            r::BODY,
            &[Code::ProjectionUnknown, Code::ReplayRunning, Code::RecordCorrupt, Code::LogPoisoned],
        ],
    }
}

fn health(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    about: &str,
    work: Work,
    refusals: Vec<&'static [Code]>,
) -> Route {
    Route {
        method: Method::Get,
        path,
        id,
        tag: "operation",
        summary,
        about: about.to_owned(),
        work,
        scope: None,
        parameters: &[p::COMMON],
        body: None,
        body_may_be_absent: false,
        answers: &[Answer {
            status: 200,
            about: "The check succeeded.",
            content: &[("application/json", Some("HealthAnswer"))],
            headers: &[],
        }],
        refusals,
    }
}
