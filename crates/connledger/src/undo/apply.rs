//! Carries out a plan.

use futures::{StreamExt as _, stream};
use indicatif::ProgressBar;
use ledger_client::{Client, ClientError, CommandHeaders};
use ledger_contract::queries::{ListPage, ListQuery, UndoCommand, UndoStep};
use serde_json::json;

use super::plan::Plan;
use crate::body::{self, Body};
use crate::failure::Failure;
use crate::progress::progress_bar;
use crate::queries::read_answer;
use crate::session::Session;

/// Connections that are brought back at a time.
const AT_ONCE: usize = 16;

/// Sends the commands of a plan. The steps that are refused are told one by one.
pub(super) async fn run(session: &Session, plan: &Plan) -> Result<(), Failure> {
    let out = session.out;
    expect_same_history(session, plan).await?;
    // The plan begins with what changed longest ago. A slug is free once its holder is archived.
    let possible = plan.steps.iter().rev().filter(|step| !step.commands.is_empty());
    let (first, then): (Vec<_>, Vec<_>) = possible.partition(|step| is_archived_by(step));
    let total = u64::try_from(first.len() + then.len()).unwrap_or(u64::MAX);
    let mut applied = Applied { done: 0, refused: 0, bar: progress_bar(Some(total), out) };
    for steps in [first, then] {
        if let Err(failure) = applied.send(session, &plan.id, steps).await {
            applied.bar.finish_and_clear();
            return Err(failure);
        }
    }
    let Applied { done, refused, bar } = applied;
    bar.finish_and_clear();
    out.say(format!("{done} of {total} connections were brought back, by plan {}", plan.id));
    match refused {
        0 => Ok(()),
        _ => Err(Failure::refused(format!("{refused} steps were refused"))
            .hint("plan again: what changed meanwhile is taken into account")),
    }
}

fn is_archived_by(step: &UndoStep) -> bool {
    step.commands.iter().any(|command| command.verb == "archive")
}

/// Refuses a plan of another history of the ledger: its versions are others.
async fn expect_same_history(session: &Session, plan: &Plan) -> Result<(), Failure> {
    let query = ListQuery { page_size: Some(1), ..ListQuery::default() };
    let answer = session.client.query(&session.workspace, "list", &query).await?;
    let page: ListPage<'_> = read_answer(&answer)?;
    if page.resume_after.incarnation == plan.as_of.incarnation {
        return Ok(());
    }
    Err(Failure::refused("the ledger was restored since this plan was made")
        .hint("make it anew: connledger undo --as-of MOMENT --out FILE"))
}

/// What was applied so far.
struct Applied {
    done: u64,
    refused: u64,
    bar: ProgressBar,
}

impl Applied {
    /// Sends the commands of steps, in no order.
    async fn send(
        &mut self,
        session: &Session,
        plan: &str,
        steps: Vec<&UndoStep>,
    ) -> Result<(), Failure> {
        let out = session.out;
        let sent = steps
            .into_iter()
            .map(|step| async move { (step, carry_out(&session.client, plan, step).await) });
        let mut sent = stream::iter(sent).buffer_unordered(AT_ONCE);
        while let Some((step, outcome)) = sent.next().await {
            self.bar.inc(1);
            match outcome {
                Ok(version) => {
                    self.done += 1;
                    if out.is_json() {
                        out.object(&json!({ "connection": step.connection, "version": version }))?;
                    }
                }
                Err(ClientError::Problem(problem)) if !problem.retry => {
                    self.refused += 1;
                    let (slug, code) = (&step.slug, &problem.code);
                    self.bar.suspend(|| out.say(format!("{slug}: {} ({code})", problem.message)));
                }
                // What was sent is in the log, and the plan can be applied again.
                Err(error) => {
                    return Err(Failure::from(error)
                        .hint("applying the same plan again goes on where this one ended"));
                }
            }
        }
        Ok(())
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
