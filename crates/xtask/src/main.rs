//! `cargo xtask`: prepares a bare machine, then runs the demo, the tests, the bench or the soak.
//!
//! This is not a build system: it finds the prerequisites of a build, fetches missing ones, and
//! calls `cargo`. Read [`setup::prepare`] first, then [`cargo::Cargo`], then [`stages::run`].
//!
//! Its messages go to standard error. Standard output belongs to `sbom` and to the programs that
//! it runs, so that `cargo xtask bench --json` can be piped.
//!
//! # Invariants
//!
//! - A RocksDB build is reused only for the same recipe of version, flags and features
//!   (test: `every_part_of_the_recipe_changes_the_folder_name`).
//! - Every wheel that xtask installs has an exact version and the hashes of its files
//!   (test: `every_wheel_is_pinned_by_version_and_hashes`).
//! - Every npm package that xtask installs has the hash of its file
//!   (test: `every_npm_package_is_locked_with_the_hash_of_its_file`).
//! - The list of components of a checkout is always the same
//!   (test: `every_dependency_names_an_entry_and_the_list_is_the_same_again`).

mod bench;
mod cargo;
mod cli;
mod cluster_moves;
mod demo;
mod deny;
mod environment;
mod failure;
mod sbom;
mod schemathesis;
mod setup;
mod soak;
mod stage;
mod stages;
mod talk;
mod versions;
mod wheels;
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
        Task::Deny { no_advisories } => deny::run(&workspace, !no_advisories),
        Task::Sbom => sbom::run(&workspace),
        Task::Crash { rounds } => stages::run_crash(&workspace, rounds),
        Task::ClusterFaults { rounds, faults } => {
            stages::run_cluster_faults(&workspace, rounds, faults)
        }
        Task::ClusterMoves { connections, from } => {
            cluster_moves::run(&workspace, connections, &from)
        }
        Task::Moments { count } => stages::run_moments(&workspace, count),
        Task::Refreshes { count } => stages::run_refreshes(&workspace, count),
    }
}
