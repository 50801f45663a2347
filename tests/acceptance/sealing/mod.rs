//! The program, sealed: what its memory holds, what it answers, and how it is unsealed.

mod commands;
mod memory;
mod process;
mod runbooks;

use std::path::PathBuf;

use crate::output::told;
use crate::service::Service;

/// Runs a command that must succeed. Returns what it wrote, its messages last.
async fn run(service: &Service, args: &[&str]) -> String {
    let output = service.run(args).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    format!("{}{said}", told(&output))
}

/// Runs a command that must be refused with a code.
#[track_caller]
fn expect_refused(output: &std::process::Output, code: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(code), "{code}: {said}");
}

fn key_file(service: &Service) -> PathBuf {
    service.data_dir().join("dev-master.key")
}
