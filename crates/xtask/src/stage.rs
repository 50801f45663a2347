//! One stage: a command that is shown, timed and checked.

use std::process::Command;
use std::time::Instant;

use crate::cargo::{code_of, line_of, status_of};
use crate::failure::Failure;
use crate::talk;

/// Runs one stage and returns its exit code if it failed.
pub(crate) fn failed(name: &str, command: &mut Command) -> Result<Option<u8>, Failure> {
    talk::stage(name, &line_of(command));
    let started = Instant::now();
    let status = status_of(command)?;
    if status.success() {
        talk::stage_done(name, started.elapsed());
        return Ok(None);
    }
    let code = code_of(status);
    talk::stage_failed(name, started.elapsed(), code);
    Ok(Some(code))
}
