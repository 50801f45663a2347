//! `report-failure`.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::json;

use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;

/// Reports that a connection did not work.
#[derive(Debug, Args)]
#[command(after_help = "\
What follows is printed: test (a test is begun), wait (one was begun moments ago), count (the
connection cannot be tested, and there are too few reports yet), mark (it becomes degraded), known
(it is degraded or failed already) or outdated (other generations are given out by now).

Examples:
  connledger report-failure openai-prod --outcome credentials_refused --status 401
  connledger report-failure openai-prod --outcome rate_limited --generation api_key=5")]
pub(crate) struct ReportArgs {
    /// Id or slug
    name: String,
    /// credentials_refused, not_permitted, unreachable or rate_limited
    #[arg(long, value_name = "OUTCOME")]
    outcome: String,
    /// HTTP status of the answer
    #[arg(long, value_name = "NUMBER")]
    status: Option<u16>,
    /// Generation of a secret field that was used; repeat for each
    #[arg(long, value_name = "FIELD=NUMBER", value_parser = generation)]
    generation: Vec<(String, u64)>,
}

fn generation(text: &str) -> Result<(String, u64), &'static str> {
    const FORM: &str = "must be like api_key=5";
    let (field, number) = text.split_once('=').ok_or(FORM)?;
    Ok((field.to_owned(), number.parse().map_err(|_| FORM)?))
}

pub(super) async fn run(common: &Common, args: ReportArgs, out: Output) -> Result<(), Failure> {
    let ReportArgs { name, outcome, status, generation } = args;
    let session = Session::open(common, out).await?;
    let generations: BTreeMap<String, u64> = generation.into_iter().collect();
    let workspace = &session.workspace;
    let taken =
        session.client.report_failure(workspace, &name, &outcome, status, &generations).await?;
    let (action, reports, health) = (taken.action, taken.reports, taken.health);
    if session.out.is_json() {
        let taken = json!({ "action": action, "reports": reports, "health": health });
        return session.out.object(&taken);
    }
    session.out.line(format!("{action}: {name}  reports {reports}  health {health}"))
}
