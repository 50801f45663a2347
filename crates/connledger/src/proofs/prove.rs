//! `prove`: writes a proof that an event is in the log.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use ledger_contract::queries::{ALL_WORKSPACES, ProofView};
use serde_json::json;

use crate::body::Body;
use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::queries::read_answer;
use crate::session::Session;

/// Writes a proof that an event is in the log.
#[derive(Debug, Args)]
#[command(after_help = "\
The proof is one file, with a checkpoint of the log. It can be checked without any server by whoever
has the public key of the log, and has nothing of the event's content but a digest of its record.

Examples:
  connledger prove 1042 --out event.proof
  connledger prove 01994e3a-7c1e-7000-8000-5a1f0c2d3e4f > event.proof
  connledger verify bundle event.proof --log-key log.key")]
pub(crate) struct ProveArgs {
    /// Position of the event in the log, or its id
    #[arg(value_name = "POSITION|EVENT")]
    event: String,
    /// New file for the proof, never overwritten; standard output if omitted
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) async fn run(common: &Common, args: ProveArgs, out: Output) -> Result<(), Failure> {
    let session = Session::open(common, out).await?;
    let mut query = Body::new();
    match args.event.parse::<u64>() {
        Ok(position) => query.insert("position".to_owned(), json!(position)),
        Err(_) => query.insert("event".to_owned(), json!(args.event)),
    };
    let answer = session.client.query(ALL_WORKSPACES, "proof", &query).await?;
    let Some(path) = &args.out else { return out.raw(&answer) };
    write_new(path, &answer)?;
    let ProofView { position, .. } = read_answer(&answer)?;
    if out.is_json() {
        return out.object(&json!({"position": position, "file": path}));
    }
    out.line(format!("the proof for event {position} is in {}", path.display()))
}

/// Writes a file that must not be there yet, with an end of line.
pub(super) fn write_new(path: &std::path::Path, text: &[u8]) -> Result<(), Failure> {
    let failed = |error| Failure::file("write", path, &error);
    let mut file = std::fs::File::create_new(path).map_err(failed)?;
    file.write_all(text).map_err(failed)?;
    if !text.ends_with(b"\n") {
        file.write_all(b"\n").map_err(failed)?;
    }
    file.sync_all().map_err(failed)
}
