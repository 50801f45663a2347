//! `replay`: rebuilds read models from the log, or checks them against it.

use std::path::Path;

use clap::Args;
use indicatif::ProgressBar;
use ledger_contract::errors::Problem;
use ledger_contract::operations::{ReplayReport, ReplayRequest};
use ledger_engine::{Engine, EngineOptions};

use crate::common::Common;
use crate::failure::Failure;
use crate::master_key::{self, MasterKeyArgs};
use crate::output::Output;
use crate::progress::{self, progress_bar, show};
use crate::session::{Session, unserved_folder};

/// Rebuilds read models from the log.
#[derive(Debug, Args)]
#[command(after_help = "\
A running server keeps accepting commands during the rebuild and switches to the rebuilt models in
one step. With --data-dir and no running server, the directory is opened directly. That takes only the
log and the master key, so it also repairs what a server cannot start with, and it rebuilds streams,
claims and receipts, which a running server only compares.

Examples:
  connledger replay                                    rebuild everything
  connledger replay --projection lists
  connledger replay --verify                           compare only; exit code 1 if they differ
  connledger replay --verify --data-dir /srv/ledger --master-key-file master.key")]
pub(crate) struct ReplayArgs {
    /// Read model: connections, lists or audit; all if omitted
    #[arg(long, value_name = "NAME")]
    projection: Option<String>,
    /// Compare the rebuilt models with the live ones and change nothing
    #[arg(long)]
    verify: bool,
    #[command(flatten)]
    master_key: MasterKeyArgs,
}

pub(crate) async fn run(common: &Common, args: ReplayArgs, out: Output) -> Result<(), Failure> {
    let request = ReplayRequest { projection: args.projection, verify: args.verify };
    let bar = progress_bar(Some(0), out);
    let report = if let Some(folder) = unserved_folder(common)? {
        let shown = folder.display();
        out.say(format!("no server is running on {shown}; opening the directory itself"));
        offline(folder, &args.master_key, request, &bar).await?
    } else {
        let session = Session::open(common, out).await?;
        session.client.replay(&request, |progress| show(&bar, progress)).await?
    };
    bar.finish_and_clear();
    write_report(out, &report, args.verify)
}

async fn offline(
    folder: &Path,
    key: &MasterKeyArgs,
    request: ReplayRequest,
    bar: &ProgressBar,
) -> Result<ReplayReport, Failure> {
    Engine::check(folder).map_err(Problem::from)?;
    let keyring = master_key::find(key, Some(folder))?;
    let options = EngineOptions::new(folder.to_owned(), keyring);
    let bar = bar.clone();
    let replay =
        move || Engine::replay_offline(&options, &request, &|progress| show(&bar, progress));
    let done = tokio::task::spawn_blocking(replay).await;
    let done = done.map_err(|error| Failure::internal(format!("the replay stopped: {error}")))?;
    Ok(done.map_err(Problem::from)?)
}

fn write_report(out: Output, report: &ReplayReport, verify: bool) -> Result<(), Failure> {
    if out.is_json() {
        out.object(report)?;
    } else {
        let word = if verify { "verified" } else { "rebuilt" };
        let names = report.projections.join(", ");
        let (events, seconds) = (report.events, report.seconds);
        let rate = rate(report);
        out.line(format!("{word} {names}: {events} events in {seconds:.3} s, {rate} events/s"))?;
    }
    match &report.difference {
        None => Ok(()),
        Some(difference) => Err(Failure::refused(format!(
            "a rebuilt read model differs from the live one: {difference}"
        ))
        .hint("to put the rebuilt models into service: connledger replay")
        .hint("for details: connledger explain replay_differs")),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn rate(report: &ReplayReport) -> String {
    if report.seconds <= 0.0 {
        return "-".to_owned();
    }
    progress::rate(report.events as f64 / report.seconds)
}
