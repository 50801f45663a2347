//! `undo`: brings the connections of a workspace back to an earlier moment, by a plan that is shown
//! first.

mod apply;
mod plan;

use std::collections::HashMap;
use std::path::PathBuf;

use clap::Args;
use ledger_contract::queries::{ALL_WORKSPACES, UndoPlanPage, UndoPlanQuery, UndoStep};

use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::queries::{handle, heading, read_answer, say_altered};
use crate::session::Session;
use crate::table::Table;
use plan::Plan;

/// Steps that are fetched at a time.
const PAGE: u32 = 500;

/// Brings the connections of a workspace back to an earlier moment.
#[derive(Debug, Args)]
#[command(after_help = "\
Without --apply, nothing is changed: the plan is shown, and kept with --out. A step whose connection
was changed since is refused, and the others are carried out: first those that archive, which frees
their slugs, then the others, the latest change first. All events have the id of the plan as their
causation id. Applying a plan again does nothing twice.

Examples:
  connledger undo --as-of 2h                        what would be changed
  connledger undo --as-of 2h --out plan.json        the same, kept
  connledger undo --apply plan.json                 carries it out
  connledger undo --as-of 2026-11-01T00:00:00Z -w search --json | jq .steps")]
pub(crate) struct UndoArgs {
    /// The moment: a time, how long ago like 2h, or a position of the log like 1042
    #[arg(long, value_name = "MOMENT", required_unless_present = "apply")]
    as_of: Option<String>,
    /// Keep the plan in a new file
    #[arg(long, value_name = "FILE", conflicts_with = "apply")]
    out: Option<PathBuf>,
    /// Carry out a plan that was kept
    #[arg(long, value_name = "FILE", conflicts_with = "as_of")]
    apply: Option<PathBuf>,
    /// Connections of all workspaces
    #[arg(long, short = 'A', conflicts_with = "apply")]
    all_workspaces: bool,
}

pub(crate) async fn run(common: &Common, args: UndoArgs, out: Output) -> Result<(), Failure> {
    if let Some(path) = &args.apply {
        // Read first, so that a mistake shows without a server.
        let plan = Plan::read(path)?;
        let session = Session::open(common, out).await?;
        return apply::run(&session, &plan).await;
    }
    let session = Session::open(common, out).await?;
    let workspace = if args.all_workspaces { ALL_WORKSPACES } else { &session.workspace };
    let plan = fetch(&session, workspace, args.as_of.unwrap_or_default()).await?;
    if let Some(path) = &args.out {
        plan.write(path)?;
    }
    if out.is_json() {
        return out.object(&plan);
    }
    show(out, &plan, args.all_workspaces)?;
    let possible = plan.steps.iter().filter(|step| !step.commands.is_empty()).count();
    let steps = plan.steps.len();
    out.say(format!("{possible} of {steps} connections can be brought back"));
    match &args.out {
        Some(path) => {
            out.hint(format!("to carry it out: connledger undo --apply {}", path.display()));
        }
        None => out.hint("to carry it out, keep it with --out FILE first"),
    }
    Ok(())
}

/// Fetches all pages of a plan.
async fn fetch(session: &Session, workspace: &str, as_of: String) -> Result<Plan, Failure> {
    let mut query = UndoPlanQuery { as_of, page_size: Some(PAGE), cursor: None };
    let mut steps: Vec<UndoStep> = Vec::new();
    let (mut place_of, mut altered) = (HashMap::new(), 0);
    loop {
        let answer = session.client.query(workspace, "undo-plan", &query).await?;
        let page: UndoPlanPage = read_answer(&answer)?;
        altered += page.altered;
        for step in page.steps {
            // One that changes while pages are fetched comes again, and the later step counts.
            let place = place_of.entry(step.connection.clone()).or_insert(steps.len());
            match steps.get_mut(*place) {
                Some(former) => *former = step,
                None => steps.push(step),
            }
        }
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            say_altered(session.out, altered);
            return Ok(Plan::new(page.as_of, steps));
        }
    }
}

fn show(out: Output, plan: &Plan, every_workspace: bool) -> Result<(), Failure> {
    let headings = [heading(every_workspace), "VERSION", "COMMANDS", "FIELDS", "AFFECTS", "NOTES"];
    let mut table = Table::new(&headings);
    for step in &plan.steps {
        table.row([
            handle(every_workspace, &step.workspace, &step.slug),
            step.version.to_string(),
            commands(step),
            step.fields.join(", "),
            affects(step),
            step.stays.join(" "),
        ]);
    }
    out.table(&table)
}

fn commands(step: &UndoStep) -> String {
    let commands = step.commands.iter().map(|command| match command.to_version {
        Some(version) => format!("{} to {version}", command.verb),
        None => command.verb.clone(),
    });
    commands.collect::<Vec<_>>().join(", ")
}

fn affects(step: &UndoStep) -> String {
    let affected = &step.affects;
    let workspaces = match affected.workspaces {
        None => Some("all workspaces".to_owned()),
        Some(0) => None,
        Some(number) => Some(format!("workspaces: {number}")),
    };
    let some = |name: &str, number: u64| (number > 0).then(|| format!("{name}: {number}"));
    let consumers = some("consumers", affected.consumers);
    let dependents = some("dependents", affected.dependents);
    workspaces.into_iter().chain(consumers).chain(dependents).collect::<Vec<_>>().join(", ")
}
