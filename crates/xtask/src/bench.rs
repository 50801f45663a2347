//! `cargo xtask bench`: the table of measured rows.

use std::process::ExitCode;

use crate::cargo::{Cargo, code_of, status_of};
use crate::failure::Failure;
use crate::setup::{self, Purpose};
use crate::stage;
use crate::workspace::Workspace;

/// Builds the binary and the bench for release, runs the bench and returns its exit code.
///
/// The bench also starts the binary as a process, so it gets its path.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<ExitCode, Failure> {
    let variables = setup::prepare(workspace, Purpose::Run)?;
    let cargo = Cargo::new(workspace, &variables);
    let mut build = cargo.command();
    build.args(["build", "--release", "--package", "connledger", "--package", "ledger-benches"]);
    build.args(["--package", "ledger-client", "--bins", "--example", "gateway"]);
    if let Some(code) = stage::failed("build", &mut build)? {
        return Ok(ExitCode::from(code));
    }
    let mut bench = cargo.program(cargo.binary("release", "ledger-bench")?);
    bench.args(args).env("CONNLEDGER_BIN", cargo.binary("release", "connledger")?);
    Ok(ExitCode::from(code_of(status_of(&mut bench)?)))
}
