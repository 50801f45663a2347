//! `cargo xtask`: prepares a bare machine, then runs the demo, the tests, the bench or the soak.
//!
//! This is not a build system: it finds the prerequisites of a build, fetches missing ones, and
//! calls `cargo`. Read [`setup::prepare`] first, then [`cargo::Cargo`], then [`stages::run`].
//!
//! All its messages go to standard error. Standard output belongs to the program that it runs, so
//! `cargo xtask bench --json` can be piped.
//!
//! # Invariants
//!
//! - A RocksDB build is reused only for the same recipe of version, flags and features
//!   (test: `every_part_of_the_recipe_changes_the_folder_name`).
//! - Every program that xtask downloads has an exact version
//!   (test: `every_pin_names_an_exact_version`).

mod bench;
mod cargo;
mod cli;
mod demo;
mod environment;
mod failure;
mod schemathesis;
mod setup;
mod soak;
mod stage;
mod stages;
mod talk;
mod versions;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Task};
use crate::failure::Failure;
use crate::setup::Purpose;
use crate::workspace::Workspace;

/// The exit code for a machine that is not ready, the same as `unavailable` of `connledger`.
const NOT_READY: u8 = 3;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(failure) => {
            talk::failure(&failure);
            ExitCode::from(NOT_READY)
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let workspace = Workspace::find()?;
    match cli.task {
        Task::Setup => {
            setup::prepare(&workspace, Purpose::Test)?;
            Ok(ExitCode::SUCCESS)
        }
        Task::Demo { args } => demo::run(&workspace, &args),
        Task::Test { schemathesis: true, .. } => stages::run_schemathesis(&workspace),
        Task::Test { filter, .. } => stages::run(&workspace, filter.as_deref()),
        Task::Bench { args } => bench::run(&workspace, &args),
        Task::Soak { args } => soak::run(&workspace, &args),
        Task::Crash { rounds } => stages::run_crash(&workspace, rounds),
    }
}
