//! Carries out a plan.

use futures::{StreamExt as _, stream};
use ledger_client::{Client, ClientError, CommandHeaders};
use ledger_contract::queries::{UndoCommand, UndoStep};
use serde_json::json;

use super::plan::Plan;
use crate::body::{self, Body};
use crate::failure::Failure;
use crate::progress::progress_bar;
use crate::session::Session;

/// Connections that are brought back at a time.
const AT_ONCE: usize = 16;

/// Sends the commands of a plan. The steps that are refused are told one by one.
pub(super) async fn run(session: &Session, plan: &Plan) -> Result<(), Failure> {
    let out = session.out;
    let steps: Vec<&UndoStep> =
        plan.steps.iter().filter(|step| !step.commands.is_empty()).collect();
    let total = u64::try_from(steps.len()).unwrap_or(u64::MAX);
    let bar = progress_bar(Some(total), out);
    let (mut done, mut refused) = (0_u64, 0_u64);
    let sent = steps
        .into_iter()
        .map(|step| async move { (step, carry_out(&session.client, &plan.id, step).await) });
    let mut sent = stream::iter(sent).buffer_unordered(AT_ONCE);
    while let Some((step, outcome)) = sent.next().await {
        bar.inc(1);
        match outcome {
            Ok(version) => {
                done += 1;
                if out.is_json() {
                    out.object(&json!({ "connection": step.connection, "version": version }))?;
                }
            }
            Err(ClientError::Problem(problem)) if !problem.retry => {
                refused += 1;
                let (slug, code) = (&step.slug, &problem.code);
                bar.suspend(|| out.say(format!("{slug}: {} ({code})", problem.message)));
            }
            // What was sent is in the log, and the plan can be applied again.
            Err(error) => {
                bar.finish_and_clear();
                return Err(Failure::from(error)
                    .hint("applying the same plan again goes on where this one ended"));
            }
        }
    }
    bar.finish_and_clear();
    out.say(format!("{done} of {total} connections were brought back, by plan {}", plan.id));
    match refused {
        0 => Ok(()),
        _ => Err(Failure::refused(format!("{refused} steps were refused"))
            .hint("plan again: what changed meanwhile is taken into account")),
    }
}

/// Sends the commands of one step, and returns the version after the last one.
async fn carry_out(client: &Client, plan: &str, step: &UndoStep) -> Result<u64, ClientError> {
    let mut version = step.version;
    for (number, command) in step.commands.iter().enumerate() {
        let UndoCommand { verb, to_version } = command;
        let mut fields = Body::new();
        fields.insert("connection".to_owned(), json!(step.connection));
        fields.extend(to_version.map(|version| ("to_version".to_owned(), json!(version))));
        let headers = CommandHeaders {
            command_id: Some(format!("{plan}-{}-{number}", step.connection)),
            expected_version: Some(version.to_string()),
            causation_id: Some(plan.to_owned()),
            ..CommandHeaders::default()
        };
        let accepted = client.command(&step.workspace, verb, body::bytes(fields), headers).await?;
        version = accepted.receipt.version;
    }
    Ok(version)
}
