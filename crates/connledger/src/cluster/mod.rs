//! `cluster`: what the nodes of a cluster are, and changes of them.

mod repair;

use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use ledger_backup::BackupId;
use ledger_bus::{Connection, connect};
use ledger_cluster::ask_nodes;
use ledger_contract::cluster::{NodeRole, NodeStatus};
use ledger_contract::errors::{Code, Problem};
use ledger_contract::operations::{StepDownReport, StepDownRequest};
use ledger_contract::subjects::Subjects;

use crate::backup::{FromArgs, Shared, join};
use crate::common::Common;
use crate::failure::Failure;
use crate::init;
use crate::output::Output;
use crate::serve::nats;
use crate::server_file::ServerFile;
use crate::session::Session;
use crate::table::Table;

/// How long answers are waited for. Nodes answer in milliseconds, but nobody knows how many there
/// are.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long another writer is waited for.
const WRITER_PATIENCE: Duration = Duration::from_secs(20);

/// What is asked of a cluster.
#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Show the nodes: which one writes, how far each is, and what is wrong with it
    Status(StatusArgs),
    /// Have the writer leave it to another node to write, before it is stopped or upgraded
    StepDown(StepDownArgs),
    /// Make the data directory of a further node, or a new one of a broken node, from a backup
    Join(JoinArgs),
    /// Make the log stream anew from a node's data directory, after the NATS servers lost it
    Repair(repair::RepairArgs),
}

/// Makes the data directory of a node.
#[derive(Debug, Args)]
#[command(after_help = "\
The backup must be of a node of the cluster, made since the cluster began. The folder must be missing or
empty. The node begins to follow where the backup ends as soon as it is served.

Examples:
  connledger cluster join --from s3://bucket/ledger --data-dir /srv/ledger --master-key-file master.key
  connledger serve --data-dir /srv/ledger --master-key-file master.key --cluster --instance d \\
    --nats-url nats://a:4222,nats://b:4222,nats://c:4222")]
pub(crate) struct JoinArgs {
    #[command(flatten)]
    from: FromArgs,
    /// Id of the backup; the latest one whose objects are all there if omitted
    #[arg(long, value_name = "BACKUP")]
    backup: Option<BackupId>,
    /// Do nothing if the data directory exists already, as at each start of a container
    #[arg(long)]
    if_missing: bool,
    #[command(flatten)]
    shared: Shared,
}

/// Has another node write.
#[derive(Debug, Args)]
#[command(after_help = "\
Commands that come meanwhile are refused for about a second, and clients repeat them. It is done
once another node writes; without one, the same node goes on after a while.

Example:
  connledger cluster step-down --data-dir /srv/ledger")]
pub(crate) struct StepDownArgs {}

/// Shows the nodes.
#[derive(Debug, Args)]
#[command(after_help = "\
Every node that reaches the NATS servers answers. No API key is needed.

Examples:
  connledger cluster status --nats-url nats://a:4222,nats://b:4222
  connledger cluster status --data-dir /srv/ledger --json")]
pub(crate) struct StatusArgs {}

pub(crate) async fn run(
    common: &Common,
    command: ClusterCommand,
    out: Output,
) -> Result<(), Failure> {
    match command {
        ClusterCommand::Status(StatusArgs {}) => status(common, out).await,
        ClusterCommand::StepDown(StepDownArgs {}) => step_down(common, out).await,
        ClusterCommand::Join(JoinArgs { from, backup, if_missing, shared }) => {
            if if_missing && init::has_ledger(common)? {
                out.say("the data directory exists already");
                return Ok(());
            }
            join(common, &shared, &from, backup, out).await
        }
        ClusterCommand::Repair(args) => repair::run(common, &args, out).await,
    }
}

/// The way to the nodes.
struct Nodes {
    connection: Connection,
    subjects: Subjects,
}

async fn nodes(common: &Common) -> Result<Nodes, Failure> {
    let server = common.data_dir.as_deref().map(ServerFile::find).transpose()?.flatten();
    let url = common.nats_url.clone().or_else(|| server.as_ref()?.nats_url.clone());
    let url = url.ok_or_else(|| {
        Failure::usage("--nats-url is required, or the --data-dir of a node that runs here")
    })?;
    let prefix = common.prefix.clone().or_else(|| server.map(|server| server.prefix));
    let subjects = Subjects::with_prefix(prefix.as_deref().unwrap_or("ledger"))
        .map_err(|invalid| Failure::usage(format!("--{}: {}", invalid.field, invalid.problem)))?;
    let connection = connect(&nats::connect_options(url, common)?).await?;
    ledger_bus::check(&connection.client(), Duration::from_secs(5)).await?;
    Ok(Nodes { connection, subjects })
}

impl Nodes {
    async fn ask(&self) -> Result<Vec<NodeStatus>, Problem> {
        ask_nodes(&self.connection.client(), &self.subjects, PATIENCE).await
    }
}

async fn status(common: &Common, out: Output) -> Result<(), Failure> {
    let nodes = nodes(common).await?.ask().await?;
    if nodes.is_empty() {
        let problem = Problem::because(Code::NatsUnreachable, "no node of a cluster answers");
        return Err(problem.into());
    }
    if out.is_json() {
        return nodes.iter().try_for_each(|node| out.object(node));
    }
    show(&nodes, out)
}

async fn step_down(common: &Common, out: Output) -> Result<(), Failure> {
    let nodes = nodes(common).await?;
    let session = Session::of_ledger(common, out).await?;
    let started = Instant::now();
    let StepDownReport { term } = session.client.step_down(&StepDownRequest {}).await?;
    while started.elapsed() < WRITER_PATIENCE {
        let all = nodes.ask().await?;
        let is_next = |node: &&NodeStatus| node.role == NodeRole::Writer && node.term > term;
        if let Some(next) = all.iter().find(is_next) {
            if out.is_json() {
                return out.object(next);
            }
            out.say(format!("{} writes the log now, in term {}", next.node, next.term));
            return Ok(());
        }
    }
    let why = format!("no node has begun to write after term {term}; see `cluster status`");
    Err(Problem::because(Code::NotOwner, why).into())
}

fn show(nodes: &[NodeStatus], out: Output) -> Result<(), Failure> {
    let mut table =
        Table::new(&["NODE", "ROLE", "POSITION", "BEHIND", "TERM", "VERSION", "DIGEST", "FAULT"]);
    for node in nodes {
        table.row([
            node.node.clone(),
            node.role.as_str().to_owned(),
            node.position.to_string(),
            node.behind.to_string(),
            node.term.to_string(),
            node.version.clone(),
            node.digest.as_ref().map(|digest| digest.root.clone()).unwrap_or_default(),
            node.fault.clone().unwrap_or_default(),
        ]);
    }
    out.table(&table)?;
    if !nodes.iter().any(|node| node.role == NodeRole::Writer) {
        out.say("no node writes now");
    }
    Ok(())
}
