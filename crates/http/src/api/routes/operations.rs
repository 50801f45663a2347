//! Operations and health checks.

use axum::response::Response;
use ledger_contract::backups::BackupRequest;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::master_keys::{RewrapRequest, ShareRequest};
use ledger_contract::operations::{ReplayRequest, StepDownRequest};

use super::parameters as p;
use super::refusals as r;
use super::{Answer, Method, Route, Scope, Subject, Terms, open};
use crate::api::state::AppState;
use crate::api::{metrics, operations};
use crate::toolkit::Operation;

pub(super) fn routes() -> Vec<Route> {
    vec![
        replay(),
        backup(),
        rewrap(),
        give_share(),
        step_down(),
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
            "Requires no key. Send no requests here unless the answer is 200. It also tells whether the \
             ledger is sealed, and the age of the latest good backup, neither of which decides about it.",
            operations::ready,
            vec![r::DOOR, &[Code::DiskFull, Code::LogPoisoned, Code::NotOwner, Code::ShuttingDown]],
        ),
        metrics(),
    ]
}

fn metrics() -> Route {
    Route {
        method: Method::GET,
        path: "/metrics",
        id: "metrics",
        summary: "Returns the metrics of this server, as Prometheus reads them",
        terms: Terms {
            tag: "operation",
            about: "Programs on this machine need no key: a request from a loopback address, for \
                    `localhost` or such an address, without the headers of a proxy. \
                    `deploy/metrics.md` lists the metrics."
                .to_owned(),
            scope: Some(Scope::Read),
            answers: vec![Answer {
                status: 200,
                about: "The page.",
                content: vec![("text/plain", None)],
                headers: &[],
            }],
            refusals: vec![r::KEY],
            ..Terms::open()
        },
        operation: Operation::local(metrics::to_anyone, metrics::to_caller),
    }
}

fn replay() -> Route {
    Route {
        method: Method::POST,
        path: "/api/v1/replay",
        id: "replay",
        summary: "Rebuilds read models from the log while commands continue",
        terms: started(
            "With `verify` the rebuilt models are compared with the live ones and discarded. A \
             started replay runs to its end even if the client disconnects.",
            ["ReplayRequest", "ReplayReport"],
            REPLAY,
        ),
        operation: Operation::of(operations::run::<ReplayRequest>),
    }
}

fn backup() -> Route {
    Route {
        method: Method::POST,
        path: "/api/v1/backup",
        id: "backup",
        summary: "Backs the ledger up to the target that the server was started with",
        terms: started(
            "Writes what is new since the latest backup, or everything with `full`, and reads it \
             back. A started backup runs to its end even if the client disconnects.",
            ["BackupRequest", "BackupReport"],
            BACKUP,
        ),
        operation: Operation::of(operations::run::<BackupRequest>),
    }
}

fn rewrap() -> Route {
    Route {
        method: Method::POST,
        path: "/api/v1/master-keys/rewrap",
        id: "rewrapMasterKeys",
        summary: "Wraps anew what is still wrapped under a former master key",
        terms: started(
            "It begins by itself after a rotation; this follows it, and starts it again after a \
             failure. It runs to its end even if the client disconnects.",
            ["RewrapRequest", "RewrapReport"],
            REWRAP,
        ),
        operation: Operation::of(operations::run::<RewrapRequest>),
    }
}

fn give_share() -> Route {
    let about = "With as many as it takes, the ledger is unsealed. Shares are held in memory until \
                 then, for ten minutes at most.";
    Route {
        method: Method::POST,
        path: "/api/v1/master-keys/shares",
        id: "giveShare",
        summary: "Gives a share of the master keys to a sealed ledger",
        terms: Terms {
            body_may_be_absent: false,
            ..started(about, ["ShareRequest", "ShareReport"], SHARES)
        },
        operation: Operation::of(operations::run::<ShareRequest>),
    }
}

fn step_down() -> Route {
    Route {
        method: Method::POST,
        path: "/api/v1/cluster/step-down",
        id: "stepDown",
        summary: "Has the writer of a cluster leave it to another node to write",
        terms: started(
            "Commands are refused until another node writes, which takes about a second; clients \
             that repeat them with the same command id notice nothing else.",
            ["StepDownRequest", "StepDownReport"],
            STEP_DOWN,
        ),
        operation: Operation::of(operations::run::<StepDownRequest>),
    }
}

/// Returns the terms of a route that starts an operation.
fn started(about: &str, [request, report]: [&'static str; 2], refusals: &'static [Code]) -> Terms {
    Terms {
        subject: Subject::Http,
        tag: "operation",
        about: format!(
            "Answers when it is done. With `Accept: text/event-stream` it reports the progress: \
             `progress` events, then one `report` or `problem`. {about}"
        ),
        scope: Some(Scope::Administer),
        before_body: Some(operations::may_operate),
        parameters: &[p::COMMON],
        body: Some(request.to_owned()),
        body_may_be_absent: true,
        answers: vec![Answer {
            status: 200,
            about: "The report.",
            content: vec![("application/json", Some(report.into())), ("text/event-stream", None)],
            headers: &[],
        }],
        refusals: vec![r::KEY, r::BODY, refusals],
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

const REWRAP: &[Code] = &[
    Code::DiskFull,
    Code::LogPoisoned,
    Code::NotOwner,
    Code::RecordCorrupt,
    Code::Sealed,
    Code::ShuttingDown,
];

const SHARES: &[Code] = &[
    Code::ShareInvalid,
    Code::ShareForeign,
    Code::ShareRepeated,
    Code::SharesWrong,
    Code::MasterKeyLacking,
    Code::MasterKeysUnreadable,
    Code::NothingToChange,
    Code::DiskFull,
    Code::LogPoisoned,
    Code::NotOwner,
    Code::ShuttingDown,
];

const STEP_DOWN: &[Code] = &[Code::NotInCluster, Code::NotOwner];

const BACKUP: &[Code] = &[
    Code::BackupOff,
    Code::BackupRunning,
    Code::BackupTargetUnavailable,
    Code::BackupTargetSlow,
    Code::BackupTargetReadOnly,
    Code::BackupTargetFull,
    Code::BackupTargetRefused,
    Code::BackupTargetForeign,
    Code::BackupNewer,
    Code::BackupDamaged,
    Code::NotOwner,
    Code::RecordAltered,
    Code::RecordCorrupt,
    Code::ShuttingDown,
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
