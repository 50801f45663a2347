//! Runs commands of the program as a user would.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::error::DemoError;
use crate::output::tell;
use crate::scan;

/// Environment variables that would direct the demo to another ledger.
const FOREIGN: [&str; 20] = [
    "CONNLEDGER_NATS_URL",
    "CONNLEDGER_KEY",
    "CONNLEDGER_KEY_FILE",
    "CONNLEDGER_WORKSPACE",
    "CONNLEDGER_PREFIX",
    "CONNLEDGER_NATS",
    "CONNLEDGER_NATS_PORT",
    "CONNLEDGER_NATS_CREDS",
    "CONNLEDGER_NATS_NKEY",
    "CONNLEDGER_NATS_USER",
    "CONNLEDGER_NATS_PASSWORD_FILE",
    "CONNLEDGER_NATS_CA",
    "CONNLEDGER_NATS_CERT",
    "CONNLEDGER_NATS_CERT_KEY",
    "CONNLEDGER_NATS_INBOX_PREFIX",
    "CONNLEDGER_NATS_JS_PREFIX",
    "CONNLEDGER_MASTER_KEY_FILE",
    "CONNLEDGER_LOG",
    "CONNLEDGER_LOG_FORMAT",
    "CREDENTIALS_DIRECTORY",
];

/// Runs commands on the demo's folder.
#[derive(Debug)]
pub(crate) struct Shell {
    program: PathBuf,
    data_dir: PathBuf,
    /// Whether a command has printed the mark of a secret.
    leaked: AtomicBool,
    mark: String,
}

/// The result of a command.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Ends the demo unless the exit code is as expected.
    pub(crate) fn expect(&self, code: i32) -> Result<(), DemoError> {
        if self.code == Some(code) {
            return Ok(());
        }
        let (got, stderr) = (self.code, self.stderr.trim());
        Err(DemoError::unexpected(format!("expected exit code {code}, got {got:?}: {stderr}")))
    }
}

impl Shell {
    pub(crate) fn new(program: &Path, data_dir: &Path) -> Self {
        let (program, data_dir) = (program.to_owned(), data_dir.to_owned());
        Self { program, data_dir, leaked: AtomicBool::new(false), mark: String::new() }
    }

    /// Watches the output of further commands for this text.
    pub(crate) fn listen_for(&mut self, mark: &str) {
        mark.clone_into(&mut self.mark);
    }

    /// Returns whether a command has printed that text.
    pub(crate) fn leaked(&self) -> bool {
        self.leaked.load(Ordering::Relaxed)
    }

    /// Returns a command of the program that uses the demo's folder.
    pub(crate) fn prepare(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args).env("CONNLEDGER_DATA_DIR", &self.data_dir).kill_on_drop(true);
        for name in FOREIGN {
            command.env_remove(name);
        }
        command
    }

    /// Shows and runs a command with `input` on standard input, and shows its output.
    pub(crate) async fn run(&self, args: &[&str], input: Option<&str>) -> Result<Ran, DemoError> {
        tell(format!("  $ connledger {}", line(args)))?;
        shown(self.run_unseen(args, input).await?)
    }

    /// Does the same with another API key.
    pub(crate) async fn run_as(&self, key: &str, args: &[&str]) -> Result<Ran, DemoError> {
        tell(format!("  $ CONNLEDGER_KEY=$ITS_KEY connledger {}", line(args)))?;
        let mut command = self.prepare(args);
        command.env("CONNLEDGER_KEY", key);
        shown(self.finish(command, None).await?)
    }

    /// Runs a command without showing it.
    pub(crate) async fn run_unseen(
        &self,
        args: &[&str],
        input: Option<&str>,
    ) -> Result<Ran, DemoError> {
        self.finish(self.prepare(args), input).await
    }

    async fn finish(&self, mut command: Command, input: Option<&str>) -> Result<Ran, DemoError> {
        let failed = |error: std::io::Error| DemoError::internal(format!("cannot run: {error}"));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let stdin = child.stdin.take();
        let feeding = async {
            if let (Some(mut stdin), Some(input)) = (stdin, input) {
                stdin.write_all(input.as_bytes()).await?;
                stdin.shutdown().await?;
            }
            Ok(())
        };
        let (written, output) = tokio::join!(feeding, child.wait_with_output());
        written.map_err(failed)?;
        let output = output.map_err(failed)?;
        let ran = Ran {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        let printed = |text: &str| scan::holds(text.as_bytes(), self.mark.as_bytes());
        if !self.mark.is_empty() && (printed(&ran.stdout) || printed(&ran.stderr)) {
            self.leaked.store(true, Ordering::Relaxed);
        }
        Ok(ran)
    }
}

/// Shows the output of a command.
fn shown(ran: Ran) -> Result<Ran, DemoError> {
    for text in ran.stdout.lines().chain(ran.stderr.lines()) {
        tell(format!("    {text}"))?;
    }
    Ok(ran)
}

/// Returns the command line as typed in a shell.
fn line(args: &[&str]) -> String {
    let quoted = |arg: &&str| {
        if arg.contains([' ', '*']) { format!("'{arg}'") } else { (*arg).to_owned() }
    };
    args.iter().map(quoted).collect::<Vec<_>>().join(" ")
}
