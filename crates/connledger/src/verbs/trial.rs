//! `test`.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::pending::{WriteArgs, of_connection};
use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;

/// A test may take longer than other commands, so the answer is waited for at least this long.
pub(super) const WAIT_MIN: Duration = Duration::from_secs(70);

/// Tests a connection with its credentials.
#[derive(Debug, Args)]
#[command(after_help = "\
The server sends the request that the catalogue has for the provider, or logs in to the database.
Outcomes: works, credentials_refused, not_permitted, unreachable, rate_limited, inconclusive. The
first two change the health. The exit code is 0 whatever the outcome is; with --require-works it is 1 for any other.

Examples:
  connledger test openai-prod
  connledger test openai-prod --require-works && deploy
  connledger test openai-prod --json
  connledger provider show openai --json            what is sent, under \"probe\"
  connledger test orders-db --json                  a login, to a database")]
pub(crate) struct TestArgs {
    /// Id or slug
    name: String,
    /// Fail unless the outcome is works
    #[arg(long)]
    require_works: bool,
    #[command(flatten)]
    write: WriteArgs,
}

pub(super) async fn run(common: &Common, args: TestArgs, out: Output) -> Result<(), Failure> {
    let TestArgs { name, require_works, write } = args;
    let session = Session::open_waiting(common, WAIT_MIN, out).await?;
    let (accepted, test) = session.client.test(&session.workspace, &name, write.into()).await?;
    if session.out.is_json() {
        let mut object = of_connection(&accepted);
        object.insert("outcome".to_owned(), json!(test.outcome));
        object.insert("reason".to_owned(), json!(test.reason));
        object.insert("latency_ms".to_owned(), json!(test.latency_ms));
        object.insert("status".to_owned(), json!(test.status));
        object.insert("request_id".to_owned(), json!(test.request_id));
        object.insert("health".to_owned(), json!(test.health));
        session.out.object(&object)?;
    } else {
        let id = test.request_id.map(|id| format!("  request {id}")).unwrap_or_default();
        let health = test.health.map(|health| format!("  health {health}")).unwrap_or_default();
        let note = if accepted.repeated { "  (repeated)" } else { "" };
        let (outcome, latency) = (&test.outcome, test.latency_ms);
        session.out.line(format!("{outcome}: {name}  {latency} ms{id}{health}{note}"))?;
        session.out.line(format!("  {}", test.reason))?;
    }
    if require_works && test.outcome != "works" {
        return Err(Failure::refused(format!("the outcome is {}", test.outcome)));
    }
    Ok(())
}
