//! `cargo xtask demo`: the demo of the release binary.

use std::process::ExitCode;

use crate::cargo::{Cargo, code_of, status_of};
use crate::failure::Failure;
use crate::setup::{self, Purpose};
use crate::stage;
use crate::workspace::Workspace;

/// Builds the binary, runs its demo and returns the demo's exit code.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<ExitCode, Failure> {
    let variables = setup::prepare(workspace, Purpose::Run)?;
    let cargo = Cargo::new(workspace, &variables);
    let mut build = cargo.command();
    build.args(["build", "--release", "--package", "connledger"]);
    if let Some(code) = stage::failed("build", &mut build)? {
        return Ok(ExitCode::from(code));
    }
    let mut demo = cargo.program(cargo.binary("release", "connledger")?);
    demo.arg("demo").args(args);
    Ok(ExitCode::from(code_of(status_of(&mut demo)?)))
}
