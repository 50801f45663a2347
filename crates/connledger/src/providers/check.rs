//! `provider check`.

use std::path::PathBuf;

use clap::Args;
use ledger_providers::{CatalogueError, FileFault, read_file};
use serde_json::json;

use super::{ProviderArgs, refused, shown};
use crate::failure::Failure;
use crate::output::Output;

/// Checks provider descriptions.
#[derive(Debug, Args)]
#[command(after_help = "\
Each file is checked by itself, then together with the built-in descriptions and those of
--providers. Every fault is reported on a line with its file and place. A file that is not JSON or
has the wrong structure counts as a single fault.

Examples:
  connledger provider check acme.json
  connledger provider check /etc/connledger/providers/*.json
  connledger provider check acme.json --providers /etc/connledger/providers --json")]
pub(crate) struct CheckArgs {
    /// Files to check
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    from: ProviderArgs,
}

pub(super) fn run(args: &CheckArgs, out: Output) -> Result<(), Failure> {
    let catalogue = args.from.read()?;
    let mut good = Vec::with_capacity(args.files.len());
    let mut faults = Vec::new();
    for path in &args.files {
        match read_file(path) {
            Ok(_) => good.push(path.clone()),
            Err(found) => faults.extend(found),
        }
    }
    match catalogue.with_files(&good) {
        Ok(_) => {}
        Err(CatalogueError::Faults(clashes)) => faults.extend(clashes),
        Err(other) => return Err(refused(&other)),
    }
    for FileFault { path, fault } in &faults {
        if out.is_json() {
            out.object(&json!({
                "file": shown(path),
                "place": fault.place,
                "problem": fault.problem,
            }))?;
        } else {
            out.line(format!("{}: {fault}", path.display()))?;
        }
    }
    if !faults.is_empty() {
        return Err(Failure::told_no());
    }
    let count = args.files.len();
    out.say(format!("{count} {} checked, no faults", if count == 1 { "file" } else { "files" }));
    Ok(())
}
