//! `cargo xtask deny`: licenses, bans, sources and advisories of all dependencies.
//!
//! `tests/tidy/dependencies.rs` checks the same file in every test run, all but advisories, which
//! need the network.

use std::process::{Command, ExitCode};

use crate::cargo::Cargo;
use crate::environment::{self, Variables};
use crate::failure::Failure;
use crate::setup;
use crate::stage;
use crate::talk;
use crate::workspace::Workspace;

/// The rules, relative to the checkout's root.
const RULES: &str = ".cargo/deny.toml";
/// The version that is installed where there is none.
const VERSION: &str = "0.20.2";

/// Runs cargo-deny, which is installed first if it is missing; that takes minutes.
pub(crate) fn run(workspace: &Workspace, advisories: bool) -> Result<ExitCode, Failure> {
    let variables = Variables::new();
    let cargo = Cargo::new(workspace, &variables);
    let mut deny = program(&cargo)?;
    deny.args(["--config", RULES, "--all-features", "check", "licenses", "bans", "sources"]);
    if advisories {
        deny.arg("advisories");
    }
    let failed = stage::failed("deny", &mut deny)?;
    Ok(failed.map_or(ExitCode::SUCCESS, ExitCode::from))
}

fn program(cargo: &Cargo<'_>) -> Result<Command, Failure> {
    if let Some(found) = environment::executable("cargo-deny") {
        return Ok(cargo.program(found));
    }
    let folder = setup::tool_folder(&format!("cargo-deny-{VERSION}"))?;
    let built = folder.join("bin/cargo-deny");
    if !built.exists() {
        talk::installing("cargo-deny", "compiled once, for some minutes");
        let mut install = cargo.command();
        install.args(["install", "cargo-deny", "--locked", "--version", VERSION, "--root"]);
        if let Some(code) = stage::failed("install", install.arg(&folder))? {
            let problem = format!("cargo-deny could not be installed: exit code {code}");
            return Err(Failure::new(problem).hint("put a cargo-deny of your own into PATH"));
        }
    }
    Ok(cargo.program(built))
}
