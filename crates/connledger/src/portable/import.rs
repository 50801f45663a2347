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
use crate::declarative::{self, ForeignArgs};
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

With --from, connections are made of the files of other products, in a served ledger: of lists that
their APIs answer (blaxel, pica, umbraco, portkey, elevenlabs), of variables (env), of the
config.yaml of LiteLLM (litellm), of what `vault kv get -format=json` prints (vault), and of Secrets
of Kubernetes (kubernetes). Without --yes, only the plan is shown. Repeating an import changes
nothing. Lists of products show masks of secrets or nothing, so secrets are to be set afterwards;
they are named. --out writes a manifest instead, for `connledger apply`.

To create connections from a file of them, use `connledger apply` or `connledger load`.

Examples:
  connledger import ledger.jsonl.zst --data-dir /srv/ledger --master-key-file master.key
  zstd -dc ledger.zst | connledger import - --data-dir /srv/ledger --master-key-file master.key
  connledger import ledger.jsonl --data-dir /srv/ledger --to-time 2026-11-21T12:00:00Z
  connledger import --from env .env                              what would be created
  connledger import --from litellm config.yaml --yes
  kubectl get secret -o yaml | connledger import --from kubernetes - -w payments --yes
  connledger import --from vault openai.json --vault-path kv/team/openai --yes")]
pub(crate) struct ImportArgs {
    /// File that `export` wrote; decompressed if it ends in .zst; `-` for standard input. With
    /// --from, files of that kind
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    until: UntilArgs,
    #[command(flatten)]
    master_key: MasterKeyArgs,
    #[command(flatten)]
    foreign: ForeignArgs,
}

pub(crate) async fn run(common: &Common, args: ImportArgs, out: Output) -> Result<(), Failure> {
    if let Some(kind) = args.foreign.kind() {
        return declarative::import(common, kind, &args.files, &args.foreign, out).await;
    }
    let [file] = args.files.as_slice() else {
        return Err(Failure::usage("a ledger is made of one file")
            .hint("to make connections of files of other products, pass --from KIND"));
    };
    let Some(folder) = common.data_dir.clone() else {
        return Err(Failure::usage("--data-dir is required"));
    };
    let until = args.until.into();
    let keyring = master_key::find(&args.master_key, Some(&folder))?;
    let stop = Stop::default();
    let input = file::open(file, &stop);
    let mut input = input.map_err(|error| Failure::file("read", file, &error))?;
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
