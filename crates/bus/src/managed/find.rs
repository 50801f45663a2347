//! Finds nats-server.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ledger_contract::errors::{Code, Problem};

use super::NATS_SERVER_VARIABLE;
use crate::version::Release;

/// The program's name, which is looked up in PATH.
const PROGRAM: &str = "nats-server";

/// Returns the nats-server to run: the one in the options, else the one in the environment, else
/// the one in PATH. Its version must be 2.11 or newer.
pub fn find_server(
    explicit: Option<&Path>,
    environment: Option<&Path>,
) -> Result<PathBuf, Problem> {
    let program = explicit.or(environment).unwrap_or(Path::new(PROGRAM));
    let said = version_text(program).map_err(|error| missing(program, &error))?;
    match Release::parse(&said) {
        Some(release) => release.check().map(|()| program.to_owned()),
        None => Err(missing(program, &io::Error::other("it does not print a version"))),
    }
}

fn version_text(program: &Path) -> io::Result<String> {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn missing(program: &Path, error: &io::Error) -> Problem {
    let message = if program == Path::new(PROGRAM) {
        format!("no {PROGRAM} in PATH ({error}); {NATS_SERVER_VARIABLE} may name one")
    } else {
        format!("{} cannot be used as {PROGRAM}: {error}", program.display())
    };
    Problem::because(Code::NatsMissing, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_a_missing_path() {
        let problem = find_server(Some(Path::new("/nowhere/nats-server")), None).unwrap_err();
        assert_eq!(problem.code, Code::NatsMissing);
        assert!(problem.message.starts_with("/nowhere/nats-server cannot be used"));
    }

    #[test]
    fn other_programs_are_rejected() {
        let problem = find_server(None, Some(Path::new("/bin/true"))).unwrap_err();
        assert_eq!(problem.code, Code::NatsMissing);
    }
}
