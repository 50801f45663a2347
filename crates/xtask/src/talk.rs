//! Messages to people on standard error, one line per step, and results on standard output.
#![expect(clippy::print_stderr, reason = "this file writes the messages to people")]

use std::io::{IsTerminal, Write};
use std::time::Duration;

use crate::failure::Failure;

/// Prints the result of a task, which is for programs, to standard output.
pub(crate) fn result(text: &str) -> Result<(), Failure> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("cannot write the result: {error}")))
        }
        _ => Ok(()),
    }
}

/// Reports a step for which nothing had to be done.
pub(crate) fn ok(what: &str, detail: &str) {
    eprintln!("ok {what}: {detail}");
}

/// Reports that something missing is being fetched or built.
pub(crate) fn installing(what: &str, detail: &str) {
    eprintln!("installing {what}: {detail}");
}

/// Reports that something is missing, and that the task continues without it.
pub(crate) fn skipped(what: &str, detail: &str) {
    eprintln!("skipped {what}: {detail}");
}

/// Reports the start of a stage.
pub(crate) fn stage(name: &str, command: &str) {
    eprintln!("==> {name}: {command}");
}

/// Reports a stage that passed.
pub(crate) fn stage_done(name: &str, took: Duration) {
    eprintln!("ok {name}: {}", seconds(took));
}

/// Reports a stage that failed.
pub(crate) fn stage_failed(name: &str, took: Duration, code: u8) {
    eprintln!("failed {name}: exit code {code} after {}", seconds(took));
}

/// Reports the failure of a task.
pub(crate) fn failure(failure: &Failure) {
    eprintln!("error: {failure}");
    if let Some(hint) = failure.hint_text() {
        eprintln!("hint: {hint}");
    }
}

/// A progress line, which is rewritten in place on a terminal and repeated from time to time
/// elsewhere.
#[derive(Debug)]
pub(crate) struct Progress {
    terminal: bool,
    ticks: u32,
}

impl Progress {
    /// Ticks between lines in a log file, about a minute.
    const TICKS_PER_LOG_LINE: u32 = 30;

    pub(crate) fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), ticks: 0 }
    }

    pub(crate) fn show(&mut self, line: &str) {
        if self.terminal {
            eprint!("\r\x1b[2K{line}");
            // A failed flush loses only a progress line.
            drop(std::io::stderr().flush());
        } else if self.ticks.is_multiple_of(Self::TICKS_PER_LOG_LINE) {
            eprintln!("{line}");
        }
        self.ticks += 1;
    }

    pub(crate) fn finish(self) {
        if self.terminal {
            eprint!("\r\x1b[2K");
        }
    }
}

/// Formats a duration for people: `0.4 s`, `72 s`, `12 min 5 s`.
pub(crate) fn seconds(took: Duration) -> String {
    match took.as_secs() {
        0..10 => format!("{:.1} s", took.as_secs_f64()),
        whole @ 10..120 => format!("{whole} s"),
        whole => format!("{} min {} s", whole / 60, whole % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well_at_every_size() {
        assert_eq!(seconds(Duration::from_millis(420)), "0.4 s");
        assert_eq!(seconds(Duration::from_secs(72)), "72 s");
        assert_eq!(seconds(Duration::from_secs(725)), "12 min 5 s");
    }
}
