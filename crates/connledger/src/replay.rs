//! `replay`: rebuilds read models from the log, or checks them against it.

use std::path::Path;

use clap::Args;
use indicatif::ProgressBar;
use ledger_contract::errors::Problem;
use ledger_contract::operations::{ReplayProgress, ReplayReport, ReplayRequest};
use ledger_engine::{Engine, EngineOptions};

use crate::common::Common;
use crate::failure::Failure;
use crate::load::progress_bar;
use crate::master_key::{self, MasterKeyArgs};
use crate::output::{Output, say};
use crate::server_file::ServerFile;
use crate::session::Session;

/// Rebuilds read models from the log.
#[derive(Debug, Args)]
#[command(after_help = "\
With a running server, the rebuilt models go into service in one step and commands go on meanwhile.
With --data-dir and no server running, the folder is opened directly.

Examples:
  connledger replay                                    rebuild everything
  connledger replay --projection lists
  connledger replay --verify                           compare only; exit 1 at a difference
  connledger replay --verify --data-dir /srv/ledger --master-key-file master.key")]
pub(crate) struct ReplayArgs {
    /// connections, lists or audit; all when absent
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
    let bar = progress_bar(Some(0));
    let report = if let Some(folder) = offline_folder(common) {
        offline(folder, &args.master_key, request, &bar).await?
    } else {
        let session = Session::open(common, out).await?;
        session.client.replay(&request, |progress| show(&bar, progress)).await?
    };
    bar.finish_and_clear();
    tell(out, &report, args.verify)
}

/// Returns the folder to open directly: one was named, nothing serves it, no server was named.
fn offline_folder(common: &Common) -> Option<&Path> {
    let folder = common.data_dir.as_deref()?;
    let served = common.nats_url.is_some() || ServerFile::find(folder).is_some();
    (!served).then_some(folder)
}

async fn offline(
    folder: &Path,
    key: &MasterKeyArgs,
    request: ReplayRequest,
    bar: &ProgressBar,
) -> Result<ReplayReport, Failure> {
    say(format!("no server is running on {}; opening the folder itself", folder.display()));
    let keyring = master_key::find(key, Some(folder))?;
    let options = EngineOptions::new(folder.to_owned(), keyring);
    let bar = bar.clone();
    let replay = move || {
        let engine = Engine::open(options)?;
        let report = engine.replay(&request, &|progress| show(&bar, progress));
        engine.shutdown();
        Ok::<_, Problem>(report?)
    };
    let done = tokio::task::spawn_blocking(replay).await;
    Ok(done.map_err(|error| Failure::internal(format!("the replay stopped: {error}")))??)
}

fn show(bar: &ProgressBar, progress: ReplayProgress) {
    bar.set_length(progress.total);
    bar.set_position(progress.done);
}

fn tell(out: Output, report: &ReplayReport, verify: bool) -> Result<(), Failure> {
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
            "a rebuilt read model is not equal to the live one: {difference}"
        ))
        .hint("`connledger replay` puts the rebuilt models into service")
        .hint("`connledger explain replay_differs` says more")),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn rate(report: &ReplayReport) -> String {
    if report.seconds <= 0.0 {
        return "-".to_owned();
    }
    format!("{:.0}", report.events as f64 / report.seconds)
}
