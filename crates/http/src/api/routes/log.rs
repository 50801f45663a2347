//! The routes by which others check the log, as `tlog-tiles` of C2SP has them.

use ledger_contract::errors::Code;
use ledger_contract::parameter::{Form, Parameter, path};

use super::parameters as p;
use super::refusals as r;
use super::{Answer, Method, Route, Scope, Subject, Terms};
use crate::api::log;
use crate::toolkit::Operation;

/// The beginning of all these paths, which tools are given as the address of the log.
pub(super) const PREFIX: &str = "/log/";

const TILE: &[Parameter] = &[path(
    "tile",
    Form::Any,
    "`<level>/<number>` or `entries/<number>`, and `.p/<width>` for one that is not complete.",
)];

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route {
            method: Method::GET,
            path: "/log/checkpoint",
            id: "getLogCheckpoint",
            summary: "Returns the latest checkpoint of the log",
            terms: terms(
                "A signed note: how many events the log has and the root of the tree over them, \
                 with the signatures of witnesses.",
                text("The checkpoint."),
                &[p::COMMON],
                SIGNED,
            ),
            operation: Operation::of(log::checkpoint),
        },
        Route {
            method: Method::GET,
            path: "/log/key",
            id: "getLogKey",
            summary: "Returns the public key under which the log is signed",
            terms: terms(
                "Each history of the ledger has its own. Get it once by a way that you trust.",
                text("The key, as tools for signed notes take it."),
                &[p::COMMON],
                &[],
            ),
            operation: Operation::of(log::key),
        },
        Route {
            method: Method::GET,
            path: "/log/history",
            id: "getLogHistory",
            summary: "Returns what a restored ledger says of the log that it continues",
            terms: terms(
                "A signed note with the public key of the former log, the last position that both \
                 have, and the root of the tree up to there.",
                text("The note."),
                &[p::COMMON],
                &[Code::RecordCorrupt],
            )
            .or_nothing("The ledger was never restored."),
            operation: Operation::of(log::history),
        },
        Route {
            method: Method::GET,
            path: "/log/tile/{*tile}",
            id: "getLogTile",
            summary: "Returns a tile of the tree over the log, or the entries of one",
            terms: terms(
                "A complete tile never changes. An entry has the position and the SHA-256 digest of \
                 the record of an event, and nothing of its content.",
                Answer {
                    status: 200,
                    about: "The tile.",
                    content: vec![("application/octet-stream", None)],
                    headers: &[],
                },
                &[TILE, p::COMMON],
                &[Code::RouteUnknown, Code::RecordCorrupt],
            ),
            operation: Operation::of(log::tile),
        },
    ]
}

impl Terms {
    /// Adds that there may be nothing to answer.
    fn or_nothing(mut self, about: &'static str) -> Self {
        self.answers.push(Answer { status: 204, about, content: Vec::new(), headers: &[] });
        self
    }
}

const SIGNED: &[Code] = &[Code::CheckpointRefused, Code::RecordCorrupt];

fn text(about: &'static str) -> Answer {
    Answer { status: 200, about, content: vec![("text/plain", None)], headers: &[] }
}

fn terms(
    about: &str,
    answer: Answer,
    parameters: &'static [&'static [Parameter]],
    refusals: &'static [Code],
) -> Terms {
    Terms {
        subject: Subject::Http,
        tag: "log",
        about: format!("{about} A server that was started with `--public-log` takes no key here."),
        scope: Some(Scope::Read),
        before_body: None,
        parameters,
        body: None,
        body_may_be_absent: false,
        answers: vec![answer],
        refusals: vec![r::KEY, refusals],
    }
}
