//! The guard process, which stops nats-server when the ledger has ended.

use std::ffi::OsString;
use std::io::{self, Read};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use parking_lot::{Condvar, Mutex};

/// How long the server may take to stop before it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// Exit code for invalid arguments.
const USAGE: u8 = 2;

/// Whether the server has ended, with a condition to wait for it.
#[derive(Default)]
struct Ended {
    flag: Mutex<bool>,
    changed: Condvar,
}

/// Runs the program after `--` until it ends or standard input is closed. In the latter case asks
/// it to stop, and kills it after five seconds. Implements the hidden subcommand
/// [`super::GUARD_COMMAND`]; `args` are its arguments.
pub fn guard_main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut args = args.into_iter().skip_while(|arg| arg == "--");
    let Some(program) = args.next() else {
        return ExitCode::from(USAGE);
    };
    let started = Command::new(program).args(args).stdin(Stdio::null()).spawn();
    match started.and_then(watch_over) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) | Err(_) => ExitCode::FAILURE,
    }
}

/// Returns whether the program ended successfully.
fn watch_over(mut child: Child) -> io::Result<bool> {
    let pid = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
    let ended = Arc::new(Ended::default());
    let for_stopper = Arc::clone(&ended);
    std::thread::Builder::new()
        .name("stopper".to_owned())
        .spawn(move || stop_at_end_of_input(pid, &for_stopper))?;
    // Does not reap the process, so that its id cannot be reused before the flag is set.
    waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT)?;
    *ended.flag.lock() = true;
    ended.changed.notify_all();
    Ok(child.wait()?.success())
}

fn stop_at_end_of_input(pid: Pid, ended: &Ended) {
    wait_for_end_of_input();
    let mut flag = ended.flag.lock();
    for (signal, patience) in [(Signal::SIGTERM, STOP_PATIENCE), (Signal::SIGKILL, STOP_PATIENCE)] {
        // A failure means that the process has already ended.
        if *flag || kill(pid, signal).is_err() {
            return;
        }
        ended.changed.wait_for(&mut flag, patience);
    }
}

fn wait_for_end_of_input() {
    let mut buffer = [0; 64];
    let mut input = io::stdin().lock();
    loop {
        match input.read(&mut buffer) {
            Ok(0) => return,
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return,
            Ok(_) | Err(_) => {}
        }
    }
}
