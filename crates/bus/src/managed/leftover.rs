//! Stops a server that outlived the ledger that started it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use ledger_contract::errors::Problem;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Command;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use super::configuration;
use crate::connect::unreachable;

/// Name of the file with the server's process id, in its folder.
pub(super) const PID_FILE: &str = "nats-server.pid";
/// Interval between checks whether the process has ended.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// How long the process may take to end after a signal.
const SIGNAL_PATIENCE: Duration = Duration::from_secs(5);

/// How long the process may take to end by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// Its guard may be stopping it right now.
    Long,
    /// Its guard has already had time to stop it.
    Short,
}

/// Returns when no server of this folder is running.
pub(super) async fn clear(dir: &Path, patience: Patience) -> Result<(), Problem> {
    let Some(pid) = find(dir).await else { return Ok(()) };
    let alone = if patience == Patience::Long {
        SIGNAL_PATIENCE + SIGNAL_PATIENCE / 4
    } else {
        Duration::ZERO
    };
    info!(nats.pid = pid.as_raw(), "waiting for an earlier nats-server to end");
    if is_gone(dir, pid, alone).await {
        return Ok(());
    }
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        warn!(nats.pid = pid.as_raw(), signal = signal.as_str(), "stopping an earlier nats-server");
        // A failure means that the process has already ended.
        if kill(pid, signal).is_err() || is_gone(dir, pid, SIGNAL_PATIENCE).await {
            return Ok(());
        }
    }
    Err(unreachable(format!("an earlier nats-server (process {pid}) does not end")))
}

async fn is_gone(dir: &Path, pid: Pid, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    while runs_our_configuration(dir, pid).await {
        if Instant::now() >= deadline {
            return false;
        }
        sleep(LOOK_INTERVAL).await;
    }
    true
}

async fn find(dir: &Path) -> Option<Pid> {
    let text = fs::read_to_string(dir.join(PID_FILE)).ok()?;
    let pid = Pid::from_raw(text.trim().parse().ok().filter(|pid| *pid > 1)?);
    runs_our_configuration(dir, pid).await.then_some(pid)
}

/// Returns whether the process is the server of this folder. Its id may have been reused.
async fn runs_our_configuration(dir: &Path, pid: Pid) -> bool {
    let path = configuration::path(dir);
    let line = match fs::read(format!("/proc/{pid}/cmdline")) {
        Ok(line) => line,
        Err(_) if Path::new("/proc/self/cmdline").exists() => return false,
        Err(_) => command_line(pid).await,
    };
    String::from_utf8_lossy(&line).contains(&*path.to_string_lossy())
}

/// Reads the command line from `ps`, for systems without `/proc`.
async fn command_line(pid: Pid) -> Vec<u8> {
    let asked = Command::new("ps").args(["-ww", "-o", "command=", "-p", &pid.to_string()]).output();
    asked.await.map(|output| output.stdout).unwrap_or_default()
}
