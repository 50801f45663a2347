//! `serve`: opens a ledger, starts NATS and HTTP, and serves requests until a signal.

mod alerts;
mod args;
mod authorities;
mod backup;
mod check_schedule;
mod checks;
mod cluster;
mod development;
mod files;
mod http;
mod journal;
mod log;
mod logs;
mod mail;
mod metrics;
pub(crate) mod nats;
mod nats_rates;
mod nats_window;
mod quotas;
mod references;
mod reload;
mod room;
mod running;
mod sign_in;
mod tokens;
mod traces;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use ledger_contract::commands;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::headers::Headers;
use ledger_contract::records::Via;
use ledger_contract::subjects::{DEFAULT_WORKSPACE, Subjects};
use ledger_domain::{MessageId, WorkspaceName};
use ledger_engine::{Caller, CommandRequest, Engine, EngineOptions, ExecuteError, Received};
use ledger_key_sources::MasterKeySource;
use ledger_providers::Catalogue;

#[cfg(test)]
pub(crate) use args::LogFormat;
pub(crate) use args::{NatsMode, ServeArgs};
pub(crate) use cluster::replicas;
pub(crate) use http::Listen;

use crate::common::Common;
use crate::failure::Failure;
use crate::master_key;
use crate::output::Output;
use crate::signals::Signals;
use running::Stopped;

/// The actor of changes that no caller requested.
const SYSTEM_ACTOR: &str = "system:init";

/// Runs as the guard of a managed NATS server if this process was started as one.
pub(crate) fn guard() -> Option<ExitCode> {
    let mut args = std::env::args_os().skip(1);
    let is_guard = args.next().is_some_and(|arg| arg == ledger_bus::GUARD_COMMAND);
    is_guard.then(|| ledger_bus::guard_main(args))
}

pub(crate) async fn run(common: &Common, args: ServeArgs, out: Output) -> Result<(), Failure> {
    let traces = traces::Traces::of(&args.traces)?;
    let logs = logs::install(&args, traces.as_ref(), out)?;
    let folder = common.data_dir.clone().ok_or_else(|| {
        let required = Failure::usage("--data-dir is required");
        required.hint("for example --data-dir /var/lib/connledger; to experiment, add --dev to it")
    })?;
    let subjects = subjects(common)?;
    if args.dev {
        nats::refuse_far_away(common)?;
    }
    // Missing prerequisites on the machine are reported before the ledger is touched.
    cluster::ClusterArgs::check(common, &args)?;
    let plan = plan(common, &args, subjects, Some(reload::Reloading::begin(logs)?))?;
    let engine = open(&folder, &args, &plan.providers, out).await?;
    if let Some(traces) = &traces {
        traces.measure(&engine);
    }
    let follower = references::follow(&args.references, &args.master_key, &engine);
    checks::begin(&args.checks, &engine)?;
    let mut signals = Signals::new()?;
    let serving = running::until_stopped(common, &args, &folder, plan, &engine, &mut signals);
    let done = Box::pin(serving).await;
    follower.finish().await;
    close(engine).await;
    if let Some(traces) = traces {
        tokio::task::block_in_place(|| traces.finish());
    }
    match done? {
        Stopped::BySignal => Ok(()),
        _ if signals.is_pending() => Ok(()),
        Stopped::ForRoom { since } => Err(room::start_again(Some(since))),
        Stopped::ForHistory => Err(room::start_again(None)),
    }
}

/// Reads what the parts are started with.
fn plan(
    common: &Common,
    args: &ServeArgs,
    subjects: Subjects,
    reloading: Option<reload::Reloading>,
) -> Result<running::Plan, Failure> {
    Ok(running::Plan {
        subjects,
        reloading,
        nats: nats::Choice::of(common, args)?,
        http: http::prepare(&args.http, args.dev)?,
        metrics: metrics::prepare(&args.metrics, &args.http, args.dev)?,
        tokens: tokens::prepare(
            &args.tokens,
            args.sign_in.options(args.http.public_url.as_deref())?,
        )?,
        providers: args.providers.read()?,
        backups: args.backup.options()?,
        alerts: args.alerts.options(&args.mail)?,
    })
}

/// Checks settings as a start does before it opens the ledger.
pub(crate) fn check_settings(common: &Common, args: &ServeArgs) -> Result<(), Failure> {
    logs::filter(&args.log)?;
    if args.dev {
        nats::refuse_far_away(common)?;
    }
    cluster::ClusterArgs::check(common, args)?;
    let subjects = subjects(common)?;
    plan(common, args, subjects, None)?;
    if common.data_dir.is_none() {
        return Err(Failure::usage("--data-dir is required: the folder of the ledger"));
    }
    checks::check(&args.checks)?;
    traces::Traces::of(&args.traces)?;
    if !args.dev {
        master_key::find(&args.master_key, None)?;
    }
    Ok(())
}

fn subjects(common: &Common) -> Result<Subjects, Failure> {
    Subjects::with_prefix(common.prefix.as_deref().unwrap_or("ledger"))
        .map_err(|invalid| Failure::usage(format!("--{}: {}", invalid.field, invalid.problem)))
}

/// Checks that the files and settings with which this run started would also start another one.
fn check_start(common: &Common, args: &ServeArgs, folder: &Path) -> Result<(), Failure> {
    let own = args.dev.then_some(folder);
    // A key service may take its time, and requests are served meanwhile.
    tokio::task::block_in_place(|| master_key::find(&args.master_key, own))?;
    plan(common, args, Subjects::default(), None)?;
    write_probe(folder)
}

/// Checks that a file can be written, which the free space does not tell where there is a quota.
fn write_probe(folder: &Path) -> Result<(), Failure> {
    const BYTES: usize = 64 * 1024;
    let path = folder.join("room.probe");
    let written = std::fs::File::create(&path).and_then(|mut file| {
        std::io::Write::write_all(&mut file, &vec![0; BYTES])?;
        file.sync_all()
    });
    let removed = std::fs::remove_file(&path);
    written.and(removed).map_err(|error| Failure::file("write", &path, &error))
}

/// Opens the ledger; with `--dev`, creates it if missing.
async fn open(
    folder: &Path,
    args: &ServeArgs,
    providers: &Arc<Catalogue>,
    out: Output,
) -> Result<Engine, Failure> {
    if args.dev {
        return development::open(folder, args, providers, out).await;
    }
    match Engine::check(folder).map_err(Problem::from) {
        Ok(()) => {}
        Err(missing) if missing.code == Code::DataDirMissing => {
            let shown = folder.display();
            let create = format!("connledger init --data-dir {shown} --master-key-file FILE");
            return Err(Failure::from(missing)
                .hint(format!("create one: {create}"))
                .hint("to experiment, add --dev"));
        }
        Err(problem) => return Err(problem.into()),
    }
    let source = master_key::locate(&args.master_key, None)?;
    open_engine(engine_options(folder, source, args, providers).await?).await
}

/// Returns the options of an engine as the arguments have them. The master keys are read from their
/// source, and again when they are rotated.
async fn engine_options(
    folder: &Path,
    source: MasterKeySource,
    args: &ServeArgs,
    providers: &Arc<Catalogue>,
) -> Result<EngineOptions, Failure> {
    let keyring = master_key::wait_for(&source, args.master_key_wait).await?;
    Ok(EngineOptions {
        key_source: Some(Arc::new(source)),
        journal: args.journal.options(),
        catalogue: Arc::clone(providers),
        key_lifetimes: args.lifetimes.lifetimes(),
        quotas: args.quotas.quotas(),
        log_of: args.cluster.log_of(),
        sends_mail: args.mail.sends_mail(),
        ..EngineOptions::new(folder.to_owned(), keyring)
    })
}

/// Opens the engine on a thread that may block.
pub(crate) async fn open_engine(options: EngineOptions) -> Result<Engine, Failure> {
    let opened = tokio::task::spawn_blocking(move || Engine::open(options)).await;
    Ok(opened.map_err(|error| Failure::internal(format!("opening stopped: {error}")))??)
}

/// Finishes the writer's work and closes the store.
pub(crate) async fn close(engine: Engine) {
    let closed = tokio::task::spawn_blocking(move || engine.shutdown()).await;
    if let Err(error) = closed {
        tracing::error!(%error, "the store was not closed");
    }
}

/// Creates the default workspace if missing.
pub(crate) async fn ensure_workspace(engine: &Engine) -> Result<(), Failure> {
    const VERB: &str = "create-workspace";
    const BODY: &[u8] = b"{}";
    let internal = |error: &dyn std::fmt::Display| Failure::internal(error.to_string());
    let workspace = WorkspaceName::parse("workspace", DEFAULT_WORKSPACE);
    let workspace = workspace.map_err(|error| internal(&error))?;
    let command = commands::parse(VERB, &workspace, None, BODY)?;
    // The fixed command id ensures that the workspace is created only once.
    let command_id = MessageId::parse("command_id", "init-default-workspace");
    let command_id = Some(command_id.map_err(|error| internal(&error))?);
    let headers = Headers { command_id, ..Headers::default() };
    let request = CommandRequest {
        received: Received::new(VERB, BODY),
        workspace,
        command,
        context: engine.context(Caller::system(SYSTEM_ACTOR), Via::System, headers),
    };
    match engine.execute(request).await {
        Ok(_) | Err(ExecuteError::WorkspaceTaken) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Returns the folder's absolute path, for messages read in another working directory.
fn absolute(folder: &Path) -> PathBuf {
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
}
