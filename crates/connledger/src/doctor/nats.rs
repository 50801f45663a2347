//! NATS: the server at an address, or the program that is to be started.

use std::time::Duration;

use ledger_bus::{check, connect, find_server};
use ledger_contract::errors::Problem;

use super::finding::Finding;
use crate::common::Common;
use crate::failure::Failure;
use crate::serve::{NatsMode, ServeArgs, nats};

const SERVER: &str = "nats_server";
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn look(common: &Common, args: &ServeArgs) -> Vec<Finding> {
    vec![match (args.nats, &common.nats_url) {
        (Some(NatsMode::Off), _) => Finding::ok(SERVER, "NATS is off"),
        (None, Some(url)) => at(url.clone(), common).await,
        _ => match find_server(args.nats_server.as_deref(), None) {
            Ok(program) => Finding::ok(SERVER, format!("{} can be started", program.display())),
            Err(problem) => Finding::of_problem(SERVER, &problem),
        },
    }]
}

/// Connects as the server would, and checks version, limits, JetStream and the login.
async fn at(url: String, common: &Common) -> Finding {
    let shown = ledger_bus::public_url(&url);
    let options = match nats::connect_options(url, common) {
        Ok(options) => options,
        Err(failure) => return of_failure(&failure),
    };
    let connected = match connect(&options).await {
        Ok(connected) => connected,
        Err(problem) => return Finding::of_problem(SERVER, &problem),
    };
    match check(&connected.client(), PATIENCE).await {
        Ok(()) => Finding::ok(SERVER, format!("the server at {shown} has what it takes")),
        Err(problem) => {
            let message = format!("the server at {shown}: {}", problem.message);
            Finding::of_problem(SERVER, &Problem::because(problem.code, message))
        }
    }
}

fn of_failure(failure: &Failure) -> Finding {
    Finding::problem(SERVER, failure.lines().join(" "), "correct the login for NATS")
}
