//! Replay and health checks.

use axum::response::Response;
use ledger_contract::errors::{Code, Problem};

use super::parameters as p;
use super::refusals as r;
use super::{Answer, Method, Route, Scope, Subject, Terms, open};
use crate::api::operations;
use crate::api::state::AppState;
use crate::toolkit::Operation;

pub(super) fn routes() -> Vec<Route> {
    vec![
        replay(),
        health(
            "/healthz",
            "alive",
            "Reports that the process is alive",
            "Requires no key. Restart the process if this is not answered.",
            |_| Ok(operations::alive()),
            vec![r::DOOR],
        ),
        health(
            "/readyz",
            "ready",
            "Reports whether commands are accepted",
            "Requires no key. Send no requests here unless the answer is 200.",
            operations::ready,
            vec![r::DOOR, &[Code::DiskFull, Code::LogPoisoned, Code::NotOwner, Code::ShuttingDown]],
        ),
    ]
}

fn replay() -> Route {
    Route {
        method: Method::POST,
        path: "/api/v1/replay",
        id: "replay",
        summary: "Rebuilds read models from the log while commands continue",
        terms: Terms {
            subject: Subject::Http,
            tag: "operation",
            about: "Answers when the replay is done. With `Accept: text/event-stream` it reports \
                    the progress: `progress` events, then one `report` or `problem`. With `verify` \
                    the rebuilt models are compared with the live ones and discarded. A started \
                    replay runs to its end even if the client disconnects."
                .to_owned(),
            scope: Some(Scope::Administer),
            before_body: Some(operations::may_replay),
            parameters: &[p::COMMON],
            body: Some("ReplayRequest".to_owned()),
            body_may_be_absent: true,
            answers: vec![Answer {
                status: 200,
                about: "The report of the replay.",
                content: vec![
                    ("application/json", Some("ReplayReport".into())),
                    ("text/event-stream", None),
                ],
                headers: &[],
            }],
            refusals: vec![r::KEY, r::BODY, REPLAY],
        },
        operation: Operation::of(operations::replay),
    }
}

const REPLAY: &[Code] = &[
    Code::ProjectionUnknown,
    Code::ReplayRunning,
    Code::RecordAltered,
    Code::RecordCorrupt,
    Code::DiskFull,
    Code::LogPoisoned,
];

fn health(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    about: &str,
    answer: fn(&AppState) -> Result<Response, Problem>,
    refusals: Vec<&'static [Code]>,
) -> Route {
    let terms = Terms {
        tag: "operation",
        about: about.to_owned(),
        answers: vec![Answer::json(200, "The check succeeded.", "HealthAnswer", &[])],
        refusals,
        ..Terms::open()
    };
    open(path, id, summary, terms, answer)
}
