//! Calling cargo with the environment variables of a build.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

use crate::environment::{self, Variables};
use crate::failure::Failure;
use crate::workspace::Workspace;

/// Calls cargo in the checkout with explicit variables.
///
/// The cargo process that started xtask read its configuration before setup wrote
/// `.cargo/local.toml`, so every call passes the variables itself.
#[derive(Debug)]
pub(crate) struct Cargo<'a> {
    workspace: &'a Workspace,
    variables: &'a Variables,
}

impl<'a> Cargo<'a> {
    pub(crate) fn new(workspace: &'a Workspace, variables: &'a Variables) -> Self {
        Self { workspace, variables }
    }

    /// Returns a cargo command to which the caller adds arguments.
    pub(crate) fn command(&self) -> Command {
        let program = environment::path("CARGO").unwrap_or_else(|| PathBuf::from("cargo"));
        self.prepared(Command::new(program))
    }

    /// Returns a command for a binary of the workspace, with the same variables.
    pub(crate) fn program(&self, path: impl AsRef<OsStr>) -> Command {
        self.prepared(Command::new(path))
    }

    fn prepared(&self, mut command: Command) -> Command {
        for name in environment::MANAGED {
            command.env_remove(name);
        }
        command.envs(self.variables).current_dir(&self.workspace.root);
        command
    }

    /// Returns the path of a built binary: `profile_folder` is `debug` or `release`.
    pub(crate) fn binary(&self, profile_folder: &str, name: &str) -> Result<PathBuf, Failure> {
        let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        Ok(self.target_folder()?.join(profile_folder).join(file))
    }

    /// Returns a variable that setup determined.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Returns the folder that cargo builds into.
    pub(crate) fn target_folder(&self) -> Result<PathBuf, Failure> {
        let mut command = self.command();
        command.args(["metadata", "--no-deps", "--format-version", "1"]);
        target_folder_in(&output_of(&mut command)?)
            .ok_or_else(|| Failure::new("cargo metadata names no target folder"))
    }
}

fn target_folder_in(metadata: &str) -> Option<PathBuf> {
    let metadata: serde_json::Value = serde_json::from_str(metadata).ok()?;
    metadata.get("target_directory")?.as_str().map(PathBuf::from)
}

/// Runs a command with its output on the terminal.
pub(crate) fn status_of(command: &mut Command) -> Result<ExitStatus, Failure> {
    command.status().map_err(|error| cannot_start(command, &error))
}

/// Runs a command and returns its standard output, or a [`Failure`] if it fails.
pub(crate) fn output_of(command: &mut Command) -> Result<String, Failure> {
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| cannot_start(command, &error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(format!("`{}` failed: {}", line_of(command), complaint.trim())))
}

/// Returns a command as typed in a shell.
pub(crate) fn line_of(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program()).to_string_lossy();
    let args = command.get_args().map(OsStr::to_string_lossy);
    std::iter::once(name).chain(args).collect::<Vec<_>>().join(" ")
}

/// Returns the exit code that corresponds to a child's status: its own code, or 128 plus its
/// signal.
pub(crate) fn code_of(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

fn cannot_start(command: &Command, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot start `{}`: {error}", line_of(command)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_folder_is_read_from_cargo_metadata() {
        let metadata = r#"{"packages":[],"target_directory":"/elsewhere/target"}"#;
        assert_eq!(target_folder_in(metadata), Some(PathBuf::from("/elsewhere/target")));
        assert_eq!(target_folder_in("{}"), None);
    }

    #[test]
    fn a_command_is_shown_by_its_name_not_its_path() {
        let mut command = Command::new("/toolchain/bin/cargo");
        command.args(["fmt", "--all"]);
        assert_eq!(line_of(&command), "cargo fmt --all");
    }
}
