//! The `connledger` binary: the server and its command-line client.
//!
//! Standard output carries data, standard error carries messages. Exit codes: 0 done, 1 refused,
//! 2 usage, 3 unavailable, 4 internal, 130 interrupted.
//!
//! Read first: [`commands::Cli`], [`session::Session`], [`serve`].
//!
//! This crate wires the others together and formats their results. It contains no rules of its
//! own.
//!
//! # Invariants
//!
//! - `server.json` is trusted only while the process that it names holds the data directory
//!   (test: `a_file_is_trusted_only_while_its_process_holds_the_folder`).
//! - The help of every command shows an example (test: `every_command_shows_an_example`).
//! - An issued API key is printed to standard output once and stored nowhere
//!   (test: `a_key_is_issued_used_and_revoked_and_nobody_keeps_it`).
//! - With `--json`, standard output and standard error are JSON alone, also for a wrong command
//!   line (test: `programs_get_json_alone`).
//! - Every flag of `serve` is a setting of its file, and each setting is checked as a flag is
//!   (test: `every_flag_and_every_variable_of_serve_is_a_setting`).
//! - A table is no wider than its terminal, and whole in a pipe
//!   (test: `lists_fit_the_terminal_and_are_whole_in_a_pipe`).

mod clock;
mod columns;
mod commands;
mod common;
mod config;
mod lifetime;
mod process;
mod settings;
mod usage;

mod failure;
mod key_out;
mod output;
mod progress;
mod retry;
mod table;
mod text;
mod until;

mod server_file;
mod session;

mod body;
mod fields;
mod queries;
mod rights;
mod verbs;

mod backup;
mod cluster;
mod declarative;
mod explain;
mod forward;
mod install;
mod keys;
mod load;
mod portable;
mod proofs;
mod providers;
mod replay;
mod rotate_curve_key;
mod seal;
mod share_keys;
mod signals;
mod undo;
mod watch;
mod wrap_keys;

mod demo;
mod doctor;
mod init;
mod master_key;
mod serve;

use std::process::ExitCode;

use mimalloc::MiMalloc;
use zeroizing_alloc::ZeroAlloc;

use crate::commands::{Cli, Command};
use crate::failure::Failure;
use crate::output::Output;

// What is freed is wiped first, so that no buffer of a library leaves a secret behind.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<MiMalloc> = ZeroAlloc(MiMalloc);

fn main() -> ExitCode {
    process::harden();
    process::use_small_pages();
    // This comes early because the guard of a managed NATS server must stay small.
    if let Some(code) = serve::guard() {
        return code;
    }
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => return usage::report(&error, std::env::args_os()),
    };
    let out = Output::new(cli.common.json);
    if cli.common.key_given {
        out.hint("a key on the command line is visible to others (ps); prefer --key-file");
    }
    match run(cli, out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.log();
            out.report(&failure)
        }
    }
}

/// How long tasks are waited for that a server leaves when it ends.
const TASKS_END: std::time::Duration = std::time::Duration::from_secs(5);

fn run(cli: Cli, out: Output) -> Result<(), Failure> {
    let serves = matches!(cli.command, Command::Serve(_) | Command::Demo(_) | Command::Doctor(_));
    let mut builder = if serves {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    let runtime = builder
        .enable_all()
        .build()
        .map_err(|error| Failure::internal(format!("cannot start the runtime: {error}")))?;
    let done = runtime.block_on(dispatch(cli, out));
    if serves {
        // Tasks that are left have parts of the store, whose threads must end before the process.
        runtime.shutdown_timeout(TASKS_END);
    } else {
        // A blocked read of standard input must not keep the process alive.
        runtime.shutdown_background();
    }
    done
}

async fn dispatch(cli: Cli, out: Output) -> Result<(), Failure> {
    let common = cli.common;
    match cli.command {
        Command::Serve(args) => Box::pin(serve::run(&common, *args, out)).await,
        Command::Init(args) => init::run(&common, &args, out).await,
        Command::Config(command) => config::run(command, out),
        Command::Doctor(args) => Box::pin(doctor::run(&common, &args, out)).await,
        Command::Demo(args) => demo::run(&args, out).await,
        Command::Explain(args) => explain::run(&args, out),
        Command::Completions(args) => install::completions(&args, out),
        Command::Man(args) => install::man(&args, out),
        Command::Write(verb) => verbs::run(&common, verb, out).await,
        Command::Ask(query) => queries::run(&common, query, out).await,
        Command::Forward(args) => forward::run(&common, *args, out).await,
        Command::Apply(args) => declarative::apply(&common, *args, out).await,
        Command::Undo(args) => undo::run(&common, args, out).await,
        Command::Principal(command) => rights::run_principal(&common, command, out).await,
        Command::Key(command) => rights::run_key(&common, command, out).await,
        Command::Token(command) => rights::run_token(&common, command, out).await,
        Command::Keys(command) => keys::run(&common, command, out).await,
        Command::Access(command) => rights::run_check(&common, command, out).await,
        Command::Whoami => rights::whoami(&common, out).await,
        Command::Provider(command) => providers::run(command, out),
        Command::Load(args) => load::run(&common, &args, out).await,
        Command::Watch(args) => watch::run(&common, &args, out).await,
        Command::Replay(args) => replay::run(&common, args, out).await,
        Command::Backup(args) => backup::run(&common, *args, out).await,
        Command::Cluster(command) => cluster::run(&common, command, out).await,
        Command::Log(command) => proofs::log(&common, command, out).await,
        Command::Prove(args) => proofs::prove(&common, args, out).await,
        Command::Verify(command) => Box::pin(proofs::verify(&common, command, out)).await,
        Command::Export(args) => portable::export(&common, args, out).await,
        Command::Import(args) => portable::import(&common, *args, out).await,
        Command::RotateCurveKey(args) => rotate_curve_key::run(&common, &args, out).await,
    }
}
