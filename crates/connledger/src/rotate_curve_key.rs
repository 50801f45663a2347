//! `rotate-curve-key`: replaces the key to which clients seal requests.

use clap::Args;
use ledger_contract::errors::Problem;
use ledger_contract::time;
use ledger_engine::{Engine, EngineOptions};
use serde_json::json;

use crate::common::Common;
use crate::failure::Failure;
use crate::lifetime::Lifetime;
use crate::master_key::{self, MasterKeyArgs};
use crate::output::Output;
use crate::serve::{close, open_engine};

/// Replaces the curve key of a ledger that is not served.
#[derive(Debug, Args)]
#[command(after_help = "\
Clients that seal to the former key are served for the time of --overlap. Give them the new key
meanwhile: the commands on this machine read it from the running server. A second rotation ends the
overlap of the first.

Examples:
  connledger rotate-curve-key --data-dir /srv/ledger --master-key-file /etc/connledger/master.key
  connledger rotate-curve-key --data-dir /srv/ledger --master-key-file master.key --overlap 1h")]
pub(crate) struct RotateCurveKeyArgs {
    /// How long requests that are sealed to the former key are accepted
    #[arg(long, default_value = "30d", value_name = "TIME")]
    overlap: Lifetime,
    #[command(flatten)]
    master_key: MasterKeyArgs,
}

pub(crate) async fn run(
    common: &Common,
    args: &RotateCurveKeyArgs,
    out: Output,
) -> Result<(), Failure> {
    let Some(folder) = common.data_dir.as_deref() else {
        return Err(Failure::usage("--data-dir is required"));
    };
    let Some(overlap) = args.overlap.duration() else {
        return Err(Failure::usage(
            "--overlap must end; a key that is never dropped is no rotation",
        ));
    };
    Engine::check(folder).map_err(Problem::from)?;
    let keyring = master_key::find(&args.master_key, Some(folder))?;
    let engine = open_engine(EngineOptions::new(folder.to_owned(), keyring)).await?;
    let rotated = {
        let engine = engine.clone();
        tokio::task::spawn_blocking(move || {
            let xkey = engine.rotate_curve_key(overlap)?;
            Ok((xkey, engine.former_xkey()))
        })
        .await
    };
    close(engine).await;
    let rotated = rotated.map_err(|error| Failure::internal(format!("it stopped: {error}")))?;
    let (xkey, former) =
        rotated.map_err(|fault: ledger_engine::ExecuteError| Failure::from(fault))?;
    let until = former.map(|(_, until)| time::format(until));
    if let Some(until) = &until {
        out.say(format!("the former curve key is accepted until {until}"));
    }
    if out.is_json() {
        return out.object(&json!({ "xkey": xkey, "former_until": until }));
    }
    out.line(xkey)
}
