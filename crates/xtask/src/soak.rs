//! `cargo xtask soak`: mixed load for a given time, to check that nothing grows.

use std::process::{Command, ExitCode};

use crate::cargo::{Cargo, code_of, status_of};
use crate::failure::Failure;
use crate::setup::{self, Purpose};
use crate::stage;
use crate::workspace::Workspace;

/// Duration of the soak within the tests: long enough to prove that it works and to find fast
/// leaks.
const SHORT: [&str; 2] = ["--minutes", "1"];

/// Builds for release, runs the soak and returns its exit code.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<ExitCode, Failure> {
    let variables = setup::prepare(workspace, Purpose::Run)?;
    let cargo = Cargo::new(workspace, &variables);
    if let Some(code) = stage::failed("build", &mut build(&cargo, &["--release"]))? {
        return Ok(ExitCode::from(code));
    }
    let mut soak = soak(&cargo, "release")?;
    soak.args(args);
    Ok(ExitCode::from(code_of(status_of(&mut soak)?)))
}

/// Runs a short soak with the binaries of the tests; returns its exit code if it failed.
pub(crate) fn run_short(cargo: &Cargo<'_>) -> Result<Option<u8>, Failure> {
    if let Some(code) = stage::failed("soak build", &mut build(cargo, &[]))? {
        return Ok(Some(code));
    }
    let mut soak = soak(cargo, "debug")?;
    stage::failed("soak", soak.args(SHORT))
}

fn build(cargo: &Cargo<'_>, profile: &[&str]) -> Command {
    let mut build = cargo.command();
    build.args(["build", "--package", "connledger", "--package", "ledger-benches"]).args(profile);
    build
}

fn soak(cargo: &Cargo<'_>, profile_folder: &str) -> Result<Command, Failure> {
    let mut soak = cargo.program(cargo.binary(profile_folder, "ledger-bench")?);
    soak.arg("soak").env("CONNLEDGER_BIN", cargo.binary(profile_folder, "connledger")?);
    Ok(soak)
}
