//! What a program wrote, and what it is told.

use std::path::Path;
use std::process::Output;

/// Returns the messages of a program.
pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Returns what a program wrote, which was to succeed.
#[track_caller]
pub(crate) fn told(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Returns a path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}
