//! `import`: makes a data directory of an export.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use indicatif::ProgressBar;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::operations::Progress;
use ledger_contract::time;
use ledger_engine::{Engine, RestoreOptions, RestoreStage, Restored};
use serde_json::json;

use super::file;
use super::stop::Stop;
use crate::common::Common;
use crate::failure::Failure;
use crate::master_key::{self, MasterKeyArgs};
use crate::output::Output;
use crate::progress::{progress_bar, show};
use crate::until::UntilArgs;

/// Makes a data directory of what `export` wrote.
#[derive(Debug, Args)]
#[command(after_help = "\
The folder must be missing or empty; a folder `nats` of a managed server may be in it. The master
key, the target and the folder are checked before anything is written, and every line while it is
read. Until everything is there, the folder is no ledger: after an interruption, repeat the command.

The result is a new history of the same ledger. With --to-position or --to-time, what came later is
lost, receipts of commands included: a client that repeats such a command executes it again. Keys,
tokens and rights that were taken away later are in force again. Clients that remember a position of the former history have to begin anew.

To create connections from a file of them, use `connledger load`.

Examples:
  connledger import ledger.jsonl.zst --data-dir /srv/ledger --master-key-file master.key
  zstd -dc ledger.zst | connledger import - --data-dir /srv/ledger --master-key-file master.key
  connledger import ledger.jsonl --data-dir /srv/ledger --to-time 2026-11-21T12:00:00Z")]
pub(crate) struct ImportArgs {
    /// File that `export` wrote; decompressed if it ends in .zst; `-` for standard input
    file: PathBuf,
    #[command(flatten)]
    until: UntilArgs,
    #[command(flatten)]
    master_key: MasterKeyArgs,
}

pub(crate) async fn run(common: &Common, args: &ImportArgs, out: Output) -> Result<(), Failure> {
    let Some(folder) = common.data_dir.clone() else {
        return Err(Failure::usage("--data-dir is required"));
    };
    let until = args.until.into();
    let keyring = master_key::find(&args.master_key, Some(&folder))?;
    let stop = Stop::default();
    let input = file::open(&args.file, &stop);
    let mut input = input.map_err(|error| Failure::file("read", &args.file, &error))?;
    let bar = progress_bar(Some(0), out);
    let work = {
        let (bar, folder) = (bar.clone(), folder.clone());
        move || -> Result<Restored, Problem> {
            let options = RestoreOptions { until, ..RestoreOptions::new(&folder, &keyring) };
            let is_rebuilding = AtomicBool::new(false);
            let imported = Engine::import(options, &mut *input, &|stage, progress| {
                show_stage(&bar, stage, progress, &is_rebuilding);
            });
            Ok(imported?)
        }
    };
    let restored = stop.run(work).await;
    bar.finish_and_clear();
    let restored = restored.map_err(|failure| match failure.code() {
        Some(code) if code == Code::DiskFull.as_str() => {
            failure.hint("what was restored so far is removed; make room and repeat the import")
        }
        _ => failure,
    })?;
    report(&folder.display().to_string(), &restored, out)
}

fn show_stage(bar: &ProgressBar, stage: RestoreStage, progress: Progress, rebuilds: &AtomicBool) {
    if stage == RestoreStage::Rebuilding && !rebuilds.swap(true, Ordering::Relaxed) {
        // Another pace from here on.
        bar.reset();
    }
    show(bar, progress);
}

fn report(folder: &str, restored: &Restored, out: Output) -> Result<(), Failure> {
    let Restored { identity, former, position, recorded_at, .. } = restored;
    let recorded_at = recorded_at.map(time::format);
    if out.is_json() {
        return out.object(&json!({
            "ledger_id": identity.ledger.to_string(),
            "incarnation": identity.incarnation.to_string(),
            "former_incarnation": former.to_string(),
            "position": position.get(),
            "recorded_at": recorded_at,
            "data_dir": folder,
        }));
    }
    let (ledger, incarnation) = (identity.ledger, identity.incarnation);
    let of = recorded_at.map(|time| format!(" of {time}")).unwrap_or_default();
    out.line(format!("ledger {ledger} is in {folder}, up to position {position}{of}"))?;
    out.say(format!("this is a new history of the ledger, {incarnation}; it continues {former}"));
    Ok(())
}
