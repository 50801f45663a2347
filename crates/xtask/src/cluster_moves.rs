//! `cargo xtask cluster-moves`: one server becomes a cluster, every node is upgraded, and the
//! cluster becomes one server again, under load.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use crate::cargo::{Cargo, output_of};
use crate::failure::Failure;
use crate::setup::{self, Purpose};
use crate::stage::failed;
use crate::workspace::Workspace;

/// The test.
const TEST: &str = "cluster::ways::";

/// Builds the program of a former revision and today's for release, and runs the test with a ledger
/// of so many connections.
pub(crate) fn run(
    workspace: &Workspace,
    connections: u32,
    from: &str,
) -> Result<ExitCode, Failure> {
    let variables = setup::prepare(workspace, Purpose::Test)?;
    let cargo = Cargo::new(workspace, &variables);
    let former = match former(workspace, &cargo, from)? {
        Ok(former) => former,
        Err(code) => return Ok(ExitCode::from(code)),
    };
    let mut build = cargo.command();
    build.args(["build", "--release", "--package", "connledger"]);
    if let Some(code) = failed("binary", &mut build)? {
        return Ok(ExitCode::from(code));
    }
    let mut test = cargo.command();
    test.args(["test", "--package", "ledger-tests", "--test", "acceptance", "--"]);
    test.args([TEST, "--nocapture"]);
    test.env("CONNLEDGER_BIN", cargo.binary("release", "connledger")?);
    test.env("CONNLEDGER_FORMER_BIN", former);
    test.env("CONNLEDGER_CLUSTER_CONNECTIONS", connections.to_string());
    let code = failed("cluster-moves", &mut test)?;
    Ok(code.map_or(ExitCode::SUCCESS, ExitCode::from))
}

/// Builds the program of a revision in a checkout beside this one, which is removed afterwards.
/// Returns its path, or the exit code of the build.
fn former(
    workspace: &Workspace,
    cargo: &Cargo<'_>,
    revision: &str,
) -> Result<Result<PathBuf, u8>, Failure> {
    let git = |args: &[&str]| {
        let mut git = Command::new("git");
        git.current_dir(&workspace.root).args(args);
        output_of(&mut git)
    };
    let commit = git(&["rev-parse", "--verify", &format!("{revision}^{{commit}}")])?;
    let target = cargo.target_folder()?;
    let folder = target.join("former");
    let (checkout, program) = (folder.join("checkout"), folder.join(commit.trim()));
    if program.is_file() {
        return Ok(Ok(program));
    }
    fs::create_dir_all(&folder).map_err(|error| Failure::io("create", &folder, &error))?;
    let place = checkout.display().to_string();
    if checkout.exists() {
        git(&["worktree", "remove", "--force", &place])?;
    }
    git(&["worktree", "add", "--detach", &place, commit.trim()])?;
    let mut command = cargo.command();
    command.current_dir(&checkout).arg("--quiet");
    command.args(["build", "--release", "--package", "connledger", "--target-dir"]).arg(&target);
    let outcome = failed("former binary", &mut command);
    git(&["worktree", "remove", "--force", &place])?;
    if let Some(code) = outcome? {
        return Ok(Err(code));
    }
    let made = cargo.binary("release", "connledger")?;
    fs::copy(&made, &program).map_err(|error| Failure::io("copy", &made, &error))?;
    Ok(Ok(program))
}
