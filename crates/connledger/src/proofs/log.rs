//! `log`: the public key of the log, and its checkpoint.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ledger_contract::queries::{ALL_WORKSPACES, LogStatus, ProofView, StatusView};
use ledger_proof::Bundle;
use serde_json::json;

use super::prove::write_new;
use crate::body::Body;
use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::queries::read_answer;
use crate::session::Session;

/// What is signed of the log.
#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Show the public key under which this history of the log is signed
    #[command(after_help = "\
Give it to whoever checks proofs, by a way that they trust. A restored ledger has another one.

Example:
  connledger log key > log.key")]
    Key,
    /// Write a checkpoint of the log as it is now, to compare with later
    Checkpoint(CheckpointArgs),
}

/// Writes a checkpoint.
#[derive(Debug, Args)]
#[command(after_help = "\
Keep it where whoever runs the ledger cannot change it. `verify` tells then whether a server, a data
directory, an export or a backup has the same events up to there.

Examples:
  connledger log checkpoint --out monday.checkpoint
  connledger verify data-dir --data-dir /srv/ledger --master-key-file master.key --since monday.checkpoint")]
pub(crate) struct CheckpointArgs {
    /// New file, never overwritten; standard output if omitted
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) async fn run(common: &Common, command: LogCommand, out: Output) -> Result<(), Failure> {
    let session = Session::open(common, out).await?;
    let status = session.client.query(ALL_WORKSPACES, "status", &Body::new()).await?;
    let StatusView { log, position, .. } = read_answer(&status)?;
    match command {
        LogCommand::Key => show_key(&log, out),
        LogCommand::Checkpoint(args) => checkpoint(&session, position, &args, out).await,
    }
}

fn show_key(log: &LogStatus, out: Output) -> Result<(), Failure> {
    if out.is_json() { out.object(log) } else { out.verbatim(&log.key) }
}

async fn checkpoint(
    session: &Session,
    position: u64,
    args: &CheckpointArgs,
    out: Output,
) -> Result<(), Failure> {
    let mut query = Body::new();
    query.insert("position".to_owned(), json!(position));
    let answer = session.client.query(ALL_WORKSPACES, "proof", &query).await?;
    let ProofView { .. } = read_answer(&answer)?;
    let bundle = Bundle::parse(&answer).map_err(|error| Failure::internal(error.to_string()))?;
    let checkpoint = bundle.checkpoint().map_err(|error| Failure::internal(error.to_string()))?;
    let text = checkpoint.to_bytes();
    let size = checkpoint.checkpoint().size;
    if let Some(path) = &args.out {
        write_new(path, &text)?;
        out.say(format!("the checkpoint of {size} events is in {}", path.display()));
        return Ok(());
    }
    let text = String::from_utf8_lossy(&text);
    if out.is_json() {
        return out.object(&json!({"position": size, "checkpoint": text}));
    }
    out.verbatim(text.trim_end_matches('\n'))
}
