//! Carries out a plan: many things at a time, the commands of each one after the other, each to the
//! version that the one before it left.

use std::pin::pin;

use futures::stream::{self, StreamExt as _};
use indicatif::ProgressBar;
use ledger_client::{Accepted, ClientError, CommandHeaders};
use ledger_contract::errors::{Code, ErrorBody};
use ledger_contract::queries::GetQuery;
use ledger_contract::subjects::LEDGER;
use ledger_contract::view::ConnectionView;
use ledger_engine::MESSAGE_BYTES_MAX;
use ledger_manifests::plan::{Action, Plan, Step, waves};
use ledger_manifests::{ConnectionItem, Manifest, SecretSource};
use serde_json::{Map, Value, json};

use super::compare::{Comparison, Planned};
use super::tally::{Outcome, Tally};
use crate::body;
use crate::failure::Failure;
use crate::progress::progress_bar;
use crate::queries::read_answer;
use crate::retry::{self, IN_FLIGHT, is_about_one};
use crate::session::Session;

/// Sends the commands of a plan. What is refused is told at the end, and the rest is done.
pub(super) async fn run(
    session: &Session,
    manifest: &Manifest,
    comparison: Comparison,
) -> Result<Tally, Failure> {
    let out = session.out;
    let run = format!("apply-{}", ledger_client::new_command_id());
    let mut tally = Tally::new(run.clone());
    let total = u64::try_from(comparison.plans.len()).unwrap_or(u64::MAX);
    let bar = progress_bar(Some(total), out);
    let sender = Sender { session, manifest, run };
    for group in groups(manifest, comparison.plans) {
        let sent = send_group(&sender, group, &bar, &mut tally).await;
        match sent {
            Ok(true) => {}
            Ok(false) => {
                tally.interrupt();
                break;
            }
            Err(failure) => {
                bar.finish_and_clear();
                tally.write(out)?;
                return Err(failure.hint("repeat the command to go on; it does nothing twice"));
            }
        }
    }
    bar.finish_and_clear();
    Ok(tally)
}

/// Returns the plans in groups that are carried out one after the other: workspaces, principals,
/// connections before those that refer to them, and what is archived.
fn groups(manifest: &Manifest, plans: Vec<Planned>) -> Vec<Vec<Planned>> {
    let mut connections: Vec<Option<Planned>> = manifest.connections.iter().map(|_| None).collect();
    let (mut workspaces, mut principals, mut archived) = (Vec::new(), Vec::new(), Vec::new());
    for one in plans {
        match (one.item.and_then(|index| connections.get_mut(index)), one.plan.kind) {
            (Some(place), _) => *place = Some(one),
            (None, "workspace") => workspaces.push(one),
            (None, "principal") => principals.push(one),
            (None, _) => archived.push(one),
        }
    }
    let mut groups = vec![workspaces, principals];
    for wave in waves(&manifest.connections) {
        let planned = wave.into_iter().filter_map(|index| connections.get_mut(index)?.take());
        groups.push(planned.collect());
    }
    groups.push(archived);
    groups
}

/// Carries out a group. Returns whether it was done to its end.
async fn send_group(
    sender: &Sender<'_>,
    group: Vec<Planned>,
    bar: &ProgressBar,
    tally: &mut Tally,
) -> Result<bool, Failure> {
    let interrupted = std::cell::Cell::new(false);
    let stop = async {
        // Without the signal's handler, the signal ends the process.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        interrupted.set(true);
    };
    let sent = stream::iter(group).take_until(stop).map(async |one: Planned| {
        let outcome = sender.carry_out(&one).await?;
        Ok::<_, Failure>((one.plan.name, outcome))
    });
    // What was sent before an interruption is still answered and counted.
    let mut sent = pin!(sent.buffer_unordered(IN_FLIGHT));
    while let Some(done) = sent.next().await {
        let (name, outcome) = done?;
        tally.count(&name, outcome);
        bar.inc(1);
    }
    Ok(!interrupted.get())
}

/// Sends commands of one run.
struct Sender<'a> {
    session: &'a Session,
    manifest: &'a Manifest,
    /// The causation id.
    run: String,
}

impl Sender<'_> {
    /// Carries out one plan.
    async fn carry_out(&self, one: &Planned) -> Result<Outcome, Failure> {
        let plan = &one.plan;
        if let Action::Refuse(message) = &plan.action {
            let code = Code::ManifestInvalid.as_str().to_owned();
            return Ok(Outcome::Refused { code, message: message.clone() });
        }
        let item = one.item.and_then(|index| self.manifest.connections.get(index));
        let mut at = At { id: plan.id.clone(), version: plan.version };
        let mut has_changed = false;
        for step in &plan.steps {
            let accepted = match self.send(one, step, item, &at).await {
                Ok(accepted) => accepted,
                Err(ClientError::Problem(problem)) if is_nothing(&problem) => {
                    if step.may_be_nothing {
                        break;
                    }
                    continue;
                }
                Err(ClientError::Problem(problem)) if is_about_one(&problem) => {
                    return Ok(refused(plan, step, *problem));
                }
                Err(error) => return Err(error.into()),
            };
            has_changed = true;
            at.version = Some(accepted.receipt.version);
            at.id = accepted.receipt.connection.or(at.id);
        }
        Ok(Outcome::Done(word(&plan.action, has_changed)))
    }

    /// Sends one command.
    async fn send(
        &self,
        one: &Planned,
        step: &Step,
        item: Option<&ConnectionItem>,
        at: &At,
    ) -> Result<Accepted, ClientError> {
        let body = body(one, step, item, at);
        if body.len() > MESSAGE_BYTES_MAX {
            let message = format!("has more than {MESSAGE_BYTES_MAX} bytes");
            return Err(problem(Code::MessageTooLarge, message));
        }
        let is_connection = one.plan.kind == "connection";
        let workspace = match one.plan.kind {
            "connection" => one.workspace.as_str(),
            "workspace" => one.plan.name.as_str(),
            _ => LEDGER,
        };
        let expected = match at.version {
            Some(version) => Some(version.to_string()),
            None if is_connection => Some("absent".to_owned()),
            None => None,
        };
        let about = format!("{}/{}", one.plan.kind, at.id.as_deref().unwrap_or(&one.plan.name));
        let id = step.command_id(&about, expected.as_deref().unwrap_or("any"));
        let headers = |id: String| CommandHeaders {
            command_id: Some(id),
            expected_version: expected.clone(),
            causation_id: Some(self.run.clone()),
            ..CommandHeaders::default()
        };
        let client = &self.session.client;
        let sent = retry::send(client, workspace, step.verb, body.clone(), headers(id)).await?;
        if sent.repeated && at.id.is_none() && is_connection && !self.is_there(one, &sent).await {
            // The first one that was made so has another name by now, or is archived.
            let id = ledger_client::new_command_id();
            return retry::send(client, workspace, step.verb, body, headers(id)).await;
        }
        Ok(sent)
    }

    /// Returns whether the connection of a repeated command still has its name.
    async fn is_there(&self, one: &Planned, sent: &Accepted) -> bool {
        let Some(connection) = sent.receipt.connection.clone() else { return false };
        let query = GetQuery { connection, as_of: None };
        let Ok(answer) = self.session.client.query(&one.workspace, "get", &query).await else {
            return false;
        };
        let Ok(view) = read_answer::<ConnectionView<'_>>(&answer) else { return false };
        let name = format!("{}/{}", view.workspace, view.slug);
        view.archived_at.is_none() && name.eq_ignore_ascii_case(&one.plan.name)
    }
}

/// Which thing a command is about, as far as it is there.
struct At {
    id: Option<String>,
    version: Option<u64>,
}

/// Returns the body of a command.
fn body(one: &Planned, step: &Step, item: Option<&ConnectionItem>, at: &At) -> Vec<u8> {
    let mut body = step.body.clone();
    if let (Some(id), "connection") = (&at.id, one.plan.kind) {
        body.insert("connection".to_owned(), json!(id));
    }
    let given = step.secrets.iter().filter_map(|field| {
        let value = match item?.secrets.get(field)? {
            SecretSource::Reference(reference) => json!({ "reference": reference }),
            source => json!(source.value()?.given_text()?),
        };
        Some((field.clone(), value))
    });
    let given: Map<String, Value> = given.collect();
    if !given.is_empty() {
        let secrets = body.entry("secrets").or_insert_with(|| json!({}));
        if let Value::Object(secrets) = secrets {
            secrets.extend(given);
        }
    }
    body::bytes(body)
}

fn problem(code: Code, message: String) -> ClientError {
    let problem = ledger_contract::errors::Problem::because(code, message);
    ClientError::Problem(Box::new(problem.body().error))
}

fn is_nothing(problem: &ErrorBody) -> bool {
    problem.code == Code::NothingToChange.as_str()
}

/// Tells a refusal; that of a conflict in the words of a run.
fn refused(plan: &Plan, step: &Step, problem: ErrorBody) -> Outcome {
    let ErrorBody { code, message, .. } = problem;
    let known = Code::parse(&code);
    let message = match known {
        Some(Code::VersionConflict) => {
            "was changed by somebody else since it was planned; repeat the command".to_owned()
        }
        Some(Code::SlugTaken) if plan.action == Action::Create => {
            "was made by somebody else since it was planned, or is hidden from this key; repeat \
             the command"
                .to_owned()
        }
        _ => format!("{}: {message}", step.verb),
    };
    Outcome::Refused { code, message }
}

const fn word(action: &Action, has_changed: bool) -> &'static str {
    match (action, has_changed) {
        (_, false) => "unchanged",
        (Action::Create, true) => "created",
        (Action::Restore, true) => "restored",
        (Action::Archive, true) => "archived",
        (Action::Update | Action::None | Action::Refuse(_), true) => "updated",
    }
}
