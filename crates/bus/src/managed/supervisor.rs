//! Starts the guarded server, restarts it when it ends, and logs why it ended.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use ledger_contract::errors::{Code, Problem};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tracing::{error, info};

use super::configuration::{self, LOG_FILE};
use super::leftover::{self, Patience};
use super::settings::Settings;
use super::{GUARD_COMMAND, ManagedOptions};
use crate::stop::stopped;

/// How long the server may take to answer after its start.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// Interval between attempts to reach it.
const ATTEMPT_INTERVAL: Duration = Duration::from_millis(20);
/// Time limit of one attempt.
const ATTEMPT_PATIENCE: Duration = Duration::from_secs(1);
/// First wait before a restart; each wait is twice as long, up to the maximum.
const RESTART_DELAY_MIN: Duration = Duration::from_millis(100);
const RESTART_DELAY_MAX: Duration = Duration::from_secs(10);
/// Time after which a running server counts as healthy.
const HEALTHY_AFTER: Duration = Duration::from_mins(1);
/// Bytes of the server's log that are repeated in the ledger's.
const LOG_TAIL_BYTES: u64 = 2_048;
const LOG_TAIL_LINES: usize = 5;

/// What the server's runtime is told about its memory: collect when the heap has grown by this much
/// in percent. Measured with a million connections: a little more work, and far less memory.
const HEAP_GROWTH: (&str, &str) = ("GOGC", "30");

/// How to start the server.
#[derive(Debug)]
pub(super) struct Plan {
    guard: PathBuf,
    program: PathBuf,
    dir: PathBuf,
    port: u16,
    server_name: String,
    keeps_heap_growth: bool,
    hidden_variables: Vec<String>,
}

/// The guard process and the open end of its standard input.
#[derive(Debug)]
pub(super) struct Guarded {
    guard: Child,
    /// Kept apart from the child, whose `wait` would close it and thereby stop the server.
    input: Option<ChildStdin>,
}

/// The first message of a NATS server to a client.
#[derive(Deserialize)]
struct Greeting {
    server_name: String,
}

/// Returns the running program. After an upgrade its file may have another name or none.
pub fn own_program() -> PathBuf {
    let file = std::env::current_exe().ok().filter(|file| file.exists());
    file.unwrap_or_else(|| PathBuf::from("/proc/self/exe"))
}

impl Plan {
    pub(super) fn new(dir: &Path, settings: &Settings, options: ManagedOptions) -> Self {
        Self {
            guard: own_program(),
            program: options.program,
            dir: dir.to_owned(),
            port: settings.port,
            server_name: settings.server_name.clone(),
            keeps_heap_growth: options.keeps_heap_growth,
            hidden_variables: options.hidden_variables,
        }
    }

    /// Starts the guard in its own process group. An interrupt from the terminal then reaches only
    /// the ledger, and the server stays available while the ledger drains.
    fn spawn(&self) -> io::Result<Guarded> {
        let log = File::options().create(true).append(true).open(self.dir.join(LOG_FILE))?;
        let mut guard = Command::new(&self.guard);
        if !self.keeps_heap_growth {
            let (name, growth) = HEAP_GROWTH;
            guard.env(name, growth);
        }
        for name in &self.hidden_variables {
            guard.env_remove(name);
        }
        let mut guard = guard
            .arg(GUARD_COMMAND)
            .arg("--")
            .arg(&self.program)
            .arg("-c")
            .arg(configuration::path(&self.dir))
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let input = guard.stdin.take();
        Ok(Guarded { guard, input })
    }

    fn log_tail(&self) -> String {
        log_tail(&self.dir.join(LOG_FILE)).unwrap_or_default()
    }
}

/// Starts the server and waits until it answers.
pub(super) async fn launch(plan: &Plan) -> Result<Guarded, Problem> {
    let mut guarded = plan.spawn().map_err(|error| {
        let message = format!("nats-server cannot be started: {error}");
        Problem::because(Code::NatsServerFailed, message)
    })?;
    let answered = tokio::select! {
        answered = timeout(START_PATIENCE, wait_until_it_answers(plan)) => answered.is_ok(),
        _ = guarded.guard.wait() => false,
    };
    if answered {
        return Ok(guarded);
    }
    let (reason, log) = (reason(&plan.log_tail()), plan.dir.join(LOG_FILE));
    let message = format!("nats-server did not start: {reason}; its log is {}", log.display());
    Err(Problem::because(Code::NatsServerFailed, message))
}

/// Keeps the server running until `stop` is signaled or its sender is dropped.
pub(super) async fn supervise(plan: Plan, guarded: Guarded, mut stop: watch::Receiver<bool>) {
    let mut delay = RESTART_DELAY_MIN;
    let mut running = Some(guarded);
    loop {
        if let Some(mut guarded) = running.take() {
            let since = Instant::now();
            tokio::select! {
                _ = guarded.guard.wait() => {}
                () = stopped(&mut stop) => return end(guarded).await,
            }
            if since.elapsed() > HEALTHY_AFTER {
                delay = RESTART_DELAY_MIN;
            }
            let log = plan.log_tail();
            error!(nats.log = log, "nats-server ended unexpectedly, restarting it");
        }
        tokio::select! {
            () = sleep(delay) => {}
            () = stopped(&mut stop) => return,
        }
        delay = RESTART_DELAY_MAX.min(delay * 2);
        running = tokio::select! {
            restarted = restart(&plan) => restarted,
            () = stopped(&mut stop) => return,
        };
    }
}

/// Restarts the server. If only the guard died, the old server still runs and is stopped first.
async fn restart(plan: &Plan) -> Option<Guarded> {
    let started = match leftover::clear(&plan.dir, Patience::Short).await {
        Ok(()) => launch(plan).await,
        Err(problem) => Err(problem),
    };
    match started {
        Ok(guarded) => {
            info!(nats.port = plan.port, "nats-server restarted");
            Some(guarded)
        }
        Err(problem) => {
            error!(error = problem.message, "cannot restart nats-server, retrying");
            None
        }
    }
}

/// Closes the guard's input, which makes it stop the server, and waits for it.
async fn end(mut guarded: Guarded) {
    drop(guarded.input.take());
    if let Err(error) = guarded.guard.wait().await {
        error!(%error, "cannot wait for the guard of nats-server");
    }
}

/// Returns when this server, and not another one on the same port, answers.
async fn wait_until_it_answers(plan: &Plan) {
    loop {
        let greeted = timeout(ATTEMPT_PATIENCE, greeting(plan.port)).await;
        if greeted.is_ok_and(|name| name.is_ok_and(|name| name == plan.server_name)) {
            return;
        }
        sleep(ATTEMPT_INTERVAL).await;
    }
}

/// Reads the server name from the first line, `INFO {…}`.
async fn greeting(port: u16) -> io::Result<String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    let json = line.strip_prefix("INFO ").unwrap_or_default();
    let Greeting { server_name } = serde_json::from_str(json)?;
    Ok(server_name)
}

/// Returns the last lines of a file.
fn log_tail(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(last_lines(&String::from_utf8_lossy(&bytes)))
}

/// Returns why a server ended: what the end of its log calls an error, or else its last line.
fn reason(log: &str) -> String {
    let errors = log.lines().filter_map(|line| {
        ["[FTL] ", "[ERR] "].iter().find_map(|mark| line.split_once(mark)).map(|(_, text)| text)
    });
    let errors: Vec<&str> = errors.collect();
    if errors.is_empty() { log.lines().last().unwrap_or("?").to_owned() } else { errors.join("; ") }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text.trim_end().lines().collect();
    let from = lines.len().saturating_sub(LOG_TAIL_LINES);
    lines.get(from..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_tail_is_its_last_lines() {
        assert_eq!(last_lines("1\n2\n3\n4\n5\n6\n"), "2\n3\n4\n5\n6");
        assert_eq!(last_lines(""), "");
    }

    #[test]
    fn the_reason_of_an_end_is_what_the_log_calls_an_error() {
        let log = "[1] 06:20 [INF] Starting\n[1] 06:20 [FTL] bind: address already in use";
        assert_eq!(reason(log), "bind: address already in use");
        assert_eq!(reason("nats-server: nothing known\nsee --help"), "see --help");
    }
}
