//! `cargo xtask test`: every check, from cheap to expensive, up to the first failure.

use std::process::{Command, ExitCode};
use std::time::Instant;

use crate::cargo::{Cargo, code_of, line_of, status_of};
use crate::environment;
use crate::failure::Failure;
use crate::schemathesis;
use crate::setup::{self, Purpose};
use crate::soak;
use crate::stage::failed;
use crate::talk;
use crate::workspace::Workspace;

/// Runs all stages and returns the exit code of the first that fails.
///
/// The tests run last and nothing is printed after they pass, so that the output ends with the test
/// runner's summary.
pub(crate) fn run(workspace: &Workspace, filter: Option<&str>) -> Result<ExitCode, Failure> {
    let started = Instant::now();
    let variables = setup::prepare(workspace, Purpose::Test)?;
    talk::stage_done("setup", started.elapsed());
    let cargo = Cargo::new(workspace, &variables);
    for (name, mut command) in checks(&cargo, filter) {
        if let Some(code) = failed(name, &mut command)? {
            return Ok(ExitCode::from(code));
        }
    }
    // These two stages cannot be filtered by name.
    if filter.is_none() {
        let failed = match schemathesis::run(workspace, &cargo)? {
            None => soak::run_short(&cargo)?,
            failed => failed,
        };
        if let Some(code) = failed {
            return Ok(ExitCode::from(code));
        }
    }
    let mut tests = tests(&cargo, filter);
    tests.env("CONNLEDGER_BIN", cargo.binary("debug", "connledger")?);
    talk::stage("tests", &line_of(&tests));
    Ok(ExitCode::from(code_of(status_of(&mut tests)?)))
}

/// Builds the binary and runs only the stage that tests every route of its HTTP APIs.
pub(crate) fn run_schemathesis(workspace: &Workspace) -> Result<ExitCode, Failure> {
    let variables = setup::prepare(workspace, Purpose::Test)?;
    let cargo = Cargo::new(workspace, &variables);
    if let Some(code) = failed("binary", &mut binary(&cargo))? {
        return Ok(ExitCode::from(code));
    }
    let code = schemathesis::run(workspace, &cargo)?;
    Ok(code.map_or(ExitCode::SUCCESS, ExitCode::from))
}

/// Builds the binary and runs the crash test for so many rounds.
pub(crate) fn run_crash(workspace: &Workspace, rounds: u32) -> Result<ExitCode, Failure> {
    let rounds = [("CONNLEDGER_CRASH_ROUNDS", rounds.to_string())];
    run_long(workspace, "crash", "crash::", &rounds)
}

/// Builds the binary and compares the past with what was remembered, at so many moments.
pub(crate) fn run_moments(workspace: &Workspace, count: u32) -> Result<ExitCode, Failure> {
    let tests = "as_of::random_past::what_is_told";
    run_long(workspace, "moments", tests, &[("CONNLEDGER_MOMENTS", count.to_string())])
}

/// Builds the binary and gets so many tokens while the server is replaced.
pub(crate) fn run_refreshes(workspace: &Workspace, count: u32) -> Result<ExitCode, Failure> {
    let tests = "token_services::failover::no_grant";
    run_long(workspace, "refreshes", tests, &[("CONNLEDGER_REFRESHES", count.to_string())])
}

/// Builds the binary and runs the test of a cluster for so many faults.
pub(crate) fn run_cluster_faults(
    workspace: &Workspace,
    rounds: u32,
    faults: Option<String>,
) -> Result<ExitCode, Failure> {
    let mut variables = vec![("CONNLEDGER_CLUSTER_ROUNDS", rounds.to_string())];
    variables.extend(faults.map(|faults| ("CONNLEDGER_CLUSTER_FAULTS", faults)));
    run_long(workspace, "cluster-faults", "cluster::faults::", &variables)
}

/// Builds the binary and runs some tests for as long as variables say.
fn run_long(
    workspace: &Workspace,
    stage: &'static str,
    tests: &str,
    lengths: &[(&str, String)],
) -> Result<ExitCode, Failure> {
    let variables = setup::prepare(workspace, Purpose::Test)?;
    let cargo = Cargo::new(workspace, &variables);
    if let Some(code) = failed("binary", &mut binary(&cargo))? {
        return Ok(ExitCode::from(code));
    }
    let mut test = cargo_with(&cargo, &["test", "--package", "ledger-tests", "--test"]);
    test.args(["acceptance", "--", tests, "--nocapture"]);
    test.env("CONNLEDGER_BIN", cargo.binary("debug", "connledger")?);
    test.envs(lengths.iter().map(|(name, value)| (name, value)));
    let code = failed(stage, &mut test)?;
    Ok(code.map_or(ExitCode::SUCCESS, ExitCode::from))
}

fn binary(cargo: &Cargo<'_>) -> Command {
    cargo_with(cargo, &["build", "--package", "connledger"])
}

fn checks(cargo: &Cargo<'_>, filter: Option<&str>) -> Vec<(&'static str, Command)> {
    let mut checks = vec![
        ("format", cargo_with(cargo, &["fmt", "--all", "--check"])),
        ("tidy", cargo_with(cargo, &["test", "--quiet", "--package", "ledger-tidy"])),
        ("lint", cargo_with(cargo, &LINT)),
        ("docs", docs(cargo)),
        ("binary", binary(cargo)),
    ];
    // The standard runner includes the examples in doc comments, which nextest omits.
    if has_nextest() && filter.is_none() {
        checks.push(("examples", cargo_with(cargo, &["test", "--quiet", "--workspace", "--doc"])));
    }
    checks
}

const LINT: [&str; 6] = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];

fn docs(cargo: &Cargo<'_>) -> Command {
    let mut command = cargo_with(cargo, &["doc", "--workspace", "--no-deps"]);
    command.env("RUSTDOCFLAGS", "-Dwarnings");
    command
}

/// The tidy test has already run, so it is excluded here.
fn tests(cargo: &Cargo<'_>, filter: Option<&str>) -> Command {
    let runner: &[&str] = if has_nextest() { &["nextest", "run"] } else { &["test"] };
    let mut command = cargo_with(cargo, runner);
    // One run names everything that fails.
    command.args(["--no-fail-fast", "--workspace", "--exclude", "ledger-tidy"]).args(filter);
    command
}

fn cargo_with(cargo: &Cargo<'_>, args: &[&str]) -> Command {
    let mut command = cargo.command();
    command.args(args);
    command
}

fn has_nextest() -> bool {
    environment::executable(&format!("cargo-nextest{}", std::env::consts::EXE_SUFFIX)).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Variables;
    use std::path::PathBuf;

    #[test]
    fn the_filter_is_the_last_argument_of_the_test_runner() {
        let workspace = Workspace { root: PathBuf::from(".") };
        let variables = Variables::new();
        let cargo = Cargo::new(&workspace, &variables);
        let line = line_of(&tests(&cargo, Some("archive")));
        assert!(line.ends_with("--workspace --exclude ledger-tidy archive"), "{line}");
    }

    #[test]
    fn stages_run_from_cheap_to_expensive() {
        let workspace = Workspace { root: PathBuf::from(".") };
        let variables = Variables::new();
        let cargo = Cargo::new(&workspace, &variables);
        let names: Vec<_> = checks(&cargo, Some("x")).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["format", "tidy", "lint", "docs", "binary"]);
    }
}
