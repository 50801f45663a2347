//! `export`: writes a whole ledger as lines of JSON.

use std::path::{Path, PathBuf};

use clap::Args;
use ledger_contract::errors::{Code, Problem};
use ledger_engine::{Engine, Identity, Portable, WholeWritten};
use serde_json::json;

use super::file::{Destination, is_standard};
use super::stop::Stop;
use crate::common::Common;
use crate::declarative::{self, ManifestArgs};
use crate::failure::Failure;
use crate::master_key::{self, MasterKeyArgs};
use crate::output::Output;
use crate::progress::{progress_bar, show};

/// Writes a whole ledger as lines of JSON, from which `import` makes a data directory.
#[derive(Debug, Args)]
#[command(after_help = "\
The export has every event, the wrapped keys of all secrets, the audit journal and the settings; not
the read models, which import rebuilds. Secrets in it stay sealed: whoever has only the file reads
what `history` shows, and no secret; to open them takes the master key. Every line has a code of its
own, so import finds a changed, moved or missing one.

The ledger must not be served meanwhile, and stays as it is.

With --manifest, a served ledger is asked for what it holds, and the answer is a manifest: `apply`
takes it, and `diff -f` finds nothing that differs. It has no values of secrets; each is to be kept,
or with --secrets-from-env, to come from a variable.

Examples:
  connledger export --data-dir /srv/ledger --master-key-file master.key --out ledger.jsonl.zst
  connledger export --data-dir /srv/ledger --master-key-file master.key --out - | ssh HOST \\
      connledger import - --data-dir /srv/ledger --master-key-file master.key
  connledger export --manifest -w payments > payments.yaml
  connledger export --manifest --all-workspaces --principals --out fleet.yaml")]
pub(crate) struct ExportArgs {
    /// New file, which only its owner can read; never overwritten. Compressed if it ends in .zst;
    /// `-` for standard output
    #[arg(long, value_name = "FILE", required_unless_present = "manifest")]
    out: Option<PathBuf>,
    #[command(flatten)]
    master_key: MasterKeyArgs,
    #[command(flatten)]
    manifest: ManifestArgs,
}

/// A finished export.
struct Done {
    identity: Identity,
    position: u64,
    written: WholeWritten,
}

pub(crate) async fn run(common: &Common, args: ExportArgs, out: Output) -> Result<(), Failure> {
    let ExportArgs { out: path, master_key, manifest } = args;
    if manifest.is_wanted() {
        return declarative::export(common, &manifest, path.as_deref(), out).await;
    }
    let path = path.unwrap_or_default();
    let Some(folder) = common.data_dir.clone() else {
        return Err(Failure::usage("--data-dir is required"));
    };
    Engine::check(&folder).map_err(Problem::from)?;
    let keyring = master_key::find(&master_key, Some(&folder))?;
    let destination = Destination::create(&path)?;
    let (bar, stop) = (progress_bar(Some(0), out), Stop::default());
    let work = {
        let (bar, stop) = (bar.clone(), stop.clone());
        move || -> Result<Done, Problem> {
            let portable = Portable::open(&folder, &keyring)?;
            let progress = |done| show(&bar, done);
            let written = destination.fill(&stop, |out| portable.write_whole(out, &progress))?;
            let (identity, position) = (portable.identity(), portable.position().get());
            Ok(Done { identity, position, written })
        }
    };
    let done = stop.run(work).await;
    bar.finish_and_clear();
    let done = done.map_err(|failure| match failure.code() {
        Some(code) if code == Code::DataDirInUse.as_str() => {
            failure.hint("an export is of a ledger that is not served; stop its server first")
        }
        _ => failure,
    })?;
    report(&path, &done, out)
}

fn report(path: &Path, done: &Done, out: Output) -> Result<(), Failure> {
    let Done { identity, position, written: WholeWritten { state, events } } = done;
    if state.left_out > 0 {
        let entries = state.left_out;
        out.say(format!("{entries} damaged entries of the audit journal are left out"));
    }
    if events.keys < events.connections {
        let lost = events.connections - events.keys;
        out.say(format!("{lost} connections have lost their keys, so nothing opens their secrets"));
    }
    let (file, ledger) = (path.display(), identity.ledger);
    let said = format!("ledger {ledger} up to position {position} is in {file}");
    if is_standard(path) {
        out.say(format!("ledger {ledger} is written up to position {position}"));
        return Ok(());
    }
    if out.is_json() {
        return out.object(&json!({
            "ledger_id": ledger.to_string(),
            "incarnation": identity.incarnation.to_string(),
            "position": position,
            "connections": events.connections,
            "keys": events.keys,
            "file": path,
        }));
    }
    out.line(said)
}
