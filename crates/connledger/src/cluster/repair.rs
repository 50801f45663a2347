//! `cluster repair`.

use clap::Args;
use ledger_cluster::{Examined, Repair};
use ledger_contract::cluster::NodeStatus;
use ledger_contract::errors::Problem;
use ledger_engine::{Engine, EngineOptions, LogOf};
use serde_json::json;

use super::{Nodes, nodes};
use crate::common::Common;
use crate::failure::Failure;
use crate::master_key::{self, MasterKeyArgs};
use crate::output::Output;
use crate::serve::{close, open_engine, replicas};

/// Makes the log stream anew.
#[derive(Debug, Args)]
#[command(after_help = "\
For NATS servers that lost what they had acknowledged: their disks, or the end of the log stream. Nodes
then say so in `cluster status`, and no command is accepted. Run it at the node with the highest position,
after stopping that node. Without --apply, it only says what was lost and what it would do. It is refused
while a node writes, if a node that answers or the event stream has more, and if nothing is lost.

Afterwards serve the node as before. Nodes that have the same position go on by themselves; others are made
anew with `cluster join`. Nodes that do not run are not asked: look at their directories first.

Examples:
  connledger cluster status --nats-url nats://a:4222,nats://b:4222
  connledger cluster repair --data-dir /srv/ledger --master-key-file master.key --nats-url nats://a:4222
  connledger cluster repair --data-dir /srv/ledger --master-key-file master.key --nats-url nats://a:4222 \\
    --apply")]
pub(crate) struct RepairArgs {
    /// Do it
    #[arg(long)]
    apply: bool,
    /// Copies of the log among the NATS servers, 3 or 5
    #[arg(
        long,
        env = "CONNLEDGER_CLUSTER_REPLICAS",
        default_value_t = 3,
        value_parser = replicas,
        value_name = "NUMBER"
    )]
    cluster_replicas: usize,
    #[command(flatten)]
    master_key: MasterKeyArgs,
}

pub(super) async fn run(common: &Common, args: &RepairArgs, out: Output) -> Result<(), Failure> {
    let Some(folder) = common.data_dir.as_deref() else {
        return Err(Failure::usage("--data-dir is required: that of the newest node"));
    };
    Engine::check(folder).map_err(Problem::from)?;
    let Nodes { connection, subjects } = nodes(common).await?;
    let keyring = master_key::find(&args.master_key, Some(folder))?;
    let mut options = EngineOptions::new(folder.to_owned(), keyring);
    options.log_of = LogOf::Cluster;
    let engine = open_engine(options).await?;
    let client = connection.client();
    let repair = Repair::new(engine.clone(), client, subjects, args.cluster_replicas);
    let done = if args.apply { repair.carry_out().await } else { repair.examine().await };
    drop(repair);
    close(engine).await;
    show(&done?, args.apply, out)
}

fn show(found: &Examined, applied: bool, out: Output) -> Result<(), Failure> {
    let Examined { loss, position, nodes } = found;
    if out.is_json() {
        let loss = loss.to_string();
        return out.object(&json!({
            "loss": loss, "position": position, "nodes": nodes, "applied": applied,
        }));
    }
    out.say(loss.to_string());
    for node in nodes {
        let NodeStatus { node, position: theirs, .. } = node;
        let next = if theirs == position { "goes on by itself" } else { "is to be made anew" };
        out.say(format!("node {node} has position {theirs}: it {next}"));
    }
    if !applied {
        out.line(format!("the log stream would be made anew, to go on after position {position}"))?;
        out.hint(
            "add --apply to do it; a node that did not answer may have more, so look there first",
        );
        return Ok(());
    }
    out.line(format!("the log stream was made anew, and goes on after position {position}"))?;
    out.hint(
        "next: serve this node as before, and make nodes that have less anew with `cluster join`",
    );
    Ok(())
}
