//! The server process.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;
use tokio::sync::watch;

use crate::error::DemoError;
use crate::shell::Shell;

/// How long starting and stopping may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    heard: watch::Receiver<Heard>,
}

/// The output of the server on standard error.
#[derive(Clone, Debug, Default)]
struct Heard {
    /// The lines that are not log lines.
    talk: Vec<String>,
    ready: bool,
    ended: bool,
}

impl Server {
    /// Starts the server; its log goes to a file.
    pub(crate) async fn start(shell: &Shell, log: &Path) -> Result<Self, DemoError> {
        let failed = |error: std::io::Error| DemoError::internal(format!("no server: {error}"));
        let mut child = shell
            .prepare(&["serve", "--dev", "--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let stderr = child.stderr.take().ok_or_else(|| DemoError::internal("no standard error"))?;
        let log = OpenOptions::new().create(true).append(true).open(log).map_err(failed)?;
        let (sender, heard) = watch::channel(Heard::default());
        tokio::spawn(listen(BufReader::new(stderr), log, sender));
        let mut server = Self { child, heard };
        server.wait_until_ready().await?;
        Ok(server)
    }

    async fn wait_until_ready(&mut self) -> Result<(), DemoError> {
        let due = self.heard.wait_for(|heard| heard.ready || heard.ended);
        let ready = tokio::time::timeout(PATIENCE, due)
            .await
            .is_ok_and(|heard| heard.is_ok_and(|heard| heard.ready));
        if ready {
            return Ok(());
        }
        let talk = self.talk().join("\n  ");
        Err(DemoError::Unavailable(format!(
            "the server did not become ready; its output was\n  {talk}"
        )))
    }

    /// Returns the server's messages, without its log lines.
    pub(crate) fn talk(&self) -> Vec<String> {
        self.heard.borrow().talk.clone()
    }

    /// Kills the server without warning, like a crash.
    pub(crate) async fn kill(mut self) -> Result<(), DemoError> {
        let killed = self.child.kill().await;
        killed.map_err(|error| DemoError::internal(format!("cannot kill the server: {error}")))
    }

    /// Signals the server to stop, and waits for its end.
    pub(crate) async fn stop(mut self) -> Result<ExitStatus, DemoError> {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).unwrap_or_default();
        kill(Pid::from_raw(pid), Signal::SIGTERM)
            .map_err(|error| DemoError::internal(format!("cannot signal the server: {error}")))?;
        match tokio::time::timeout(PATIENCE, self.child.wait()).await {
            Ok(Ok(status)) => Ok(status),
            Ok(Err(error)) => Err(DemoError::internal(format!("cannot wait: {error}"))),
            Err(_) => Err(DemoError::unexpected("the server did not stop after the signal")),
        }
    }
}

/// Reads standard error to its end. All lines go to the file; messages are also kept in memory.
async fn listen(
    stderr: BufReader<impl tokio::io::AsyncRead + Unpin>,
    mut log: std::fs::File,
    sender: watch::Sender<Heard>,
) {
    let mut lines = stderr.lines();
    while let Ok(Some(line)) = lines.next_line().await {
        // A failed write only leaves a gap in the log file.
        writeln!(log, "{line}").ok();
        sender.send_modify(|heard| {
            heard.ready |= line.starts_with("ready");
            if ["ready", "dev:", "error:", "hint:"].iter().any(|start| line.starts_with(start)) {
                heard.talk.push(line);
            }
        });
    }
    sender.send_modify(|heard| heard.ended = true);
}
