//! `load`: creates many connections from a file of create bodies.
//!
//! The command id of a line is derived from the workspace and the line's content, so loading the
//! same file again creates nothing twice.

mod command_ids;
mod lines;
mod tally;

use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;

use clap::Args;
use futures::stream::{self, Stream, StreamExt as _};
use indicatif::ProgressBar;
use ledger_client::{Accepted, ClientError, CommandHeaders};
use ledger_contract::errors::Code;
use ledger_contract::queries::GetQuery;
use ledger_contract::view::ConnectionView;
use tokio::sync::mpsc;

use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::progress_bar;
use crate::retry::{self, IN_FLIGHT, is_about_one};
use crate::session::Session;
use command_ids::CommandIds;
use lines::Line;
use tally::{Loaded, Remark, Tally};

const AGAIN: &str = "the lines loaded so far are kept; load the same file again to continue";

/// Creates many connections.
#[derive(Debug, Args)]
#[command(after_help = "\
Each line is the JSON body of one create command. Blank lines are skipped. Loading a file again is
safe: a line already loaded into the workspace gets its first answer and creates nothing. The exit
code is 1 if a line was refused, or if its connection has been archived since it was loaded.

Examples:
  connledger load connections.jsonl
  zcat fleet.jsonl.gz | connledger load - --workspace payments --json
  jq -c '.[]' fleet.json | connledger load -           a file that holds one JSON array")]
pub(crate) struct LoadArgs {
    /// File with one create body per line; `-` for standard input
    file: PathBuf,
}

pub(crate) async fn run(common: &Common, args: &LoadArgs, out: Output) -> Result<(), Failure> {
    let failed = |error: &io::Error| Failure::file("read", &args.file, error);
    let total = lines::count(&args.file).map_err(|error| failed(&error))?;
    let session = Session::open(common, out).await?;
    let read = read_ahead(&args.file).map_err(|error| failed(&error))?;
    let bar = progress_bar(total, out);
    let mut tally = Tally::default();
    let loaded = load_all(&session, &args.file, read, &bar, &mut tally).await;
    bar.finish_and_clear();
    tally.write(out)?;
    loaded?;
    tally.verdict()
}

/// Reads lines on a thread of their own, because a read of standard input can block for ever.
fn read_ahead(path: &Path) -> io::Result<impl Stream<Item = io::Result<(u64, Line)>>> {
    let lines = lines::open(path)?;
    let (sender, mut receiver) = mpsc::channel(IN_FLIGHT);
    std::thread::spawn(move || {
        for line in lines {
            // The load has ended early.
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    Ok(stream::poll_fn(move |context| receiver.poll_recv(context)))
}

/// Loads every line. An error ends the load, which can be resumed.
async fn load_all(
    session: &Session,
    file: &Path,
    lines: impl Stream<Item = io::Result<(u64, Line)>>,
    bar: &ProgressBar,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let interrupted = Cell::new(false);
    let stop = async {
        // Without the signal's handler, the signal ends the process.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        interrupted.set(true);
    };
    let mut ids = CommandIds::default();
    let named = lines.take_until(stop).map(|line| {
        let (number, line) = line.map_err(|error| Failure::file("read", file, &error))?;
        let id = line.as_ref().ok().and_then(|body| ids.next(&session.workspace, body));
        Ok((number, line, id))
    });
    // What was sent before an interruption is still answered and counted.
    let sent = named.map(async |named: Result<_, Failure>| {
        let (number, line, id) = named?;
        load(session, file, number, line, id).await
    });
    let mut loaded = pin!(sent.buffer_unordered(IN_FLIGHT));
    while let Some(loaded) = loaded.next().await {
        tally.count(loaded?);
        bar.inc(1);
    }
    if interrupted.get() { Err(Failure::interrupted().hint(AGAIN)) } else { Ok(()) }
}

/// Loads one line.
async fn load(
    session: &Session,
    file: &Path,
    line: u64,
    body: Line,
    id: Option<String>,
) -> Result<Loaded, Failure> {
    let refused = |code: &str, message: String| {
        Ok(Loaded::Refused(Remark { line, code: code.to_owned(), message }))
    };
    let body = match body {
        Ok(body) => body,
        Err(unsendable) => return refused(unsendable.code().as_str(), unsendable.message()),
    };
    if body.starts_with('[') {
        let file = file.display();
        return Err(Failure::usage(format!("line {line} of {file} is a JSON array"))
            .hint("each line must be one JSON object; `jq -c '.[]' FILE` writes an array so"));
    }
    let accepted = match persist(session, body, id).await {
        Ok(accepted) => accepted,
        Err(ClientError::Problem(problem)) if problem.code == Code::CommandIdReused.as_str() => {
            let message = "it has been loaded with other secrets; `connledger rotate-secret` \
                           changes them";
            return refused(&problem.code, message.to_owned());
        }
        Err(ClientError::Problem(problem)) if is_about_one(&problem) => {
            return refused(&problem.code, problem.message);
        }
        Err(error) => return Err(Failure::from(error).hint(AGAIN)),
    };
    match accepted {
        Accepted { repeated: true, receipt, .. } => {
            repeated(session, line, receipt.connection.unwrap_or_default()).await
        }
        Accepted { .. } => Ok(Loaded::Created),
    }
}

/// Sends a create command until it is accepted or refused.
async fn persist(
    session: &Session,
    body: String,
    id: Option<String>,
) -> Result<Accepted, ClientError> {
    let headers = id.map(CommandHeaders::with_id).unwrap_or_default();
    retry::send(&session.client, &session.workspace, "create", body.into_bytes(), headers).await
}

/// Finds out whether the connection of a line that was loaded before is still in use.
async fn repeated(session: &Session, line: u64, connection: String) -> Result<Loaded, Failure> {
    let query = GetQuery { connection, as_of: None };
    let answer = match session.client.query(&session.workspace, "get", &query).await {
        Ok(answer) => answer,
        // It has moved, or the caller may create connections but not read them.
        Err(ClientError::Problem(problem)) if is_about_one(&problem) => {
            return Ok(Loaded::Repeated);
        }
        Err(error) => return Err(Failure::from(error).hint(AGAIN)),
    };
    let view: ConnectionView<'_> = serde_json::from_slice(&answer)
        .map_err(|error| Failure::internal(format!("cannot read a connection: {error}")))?;
    if view.archived_at.is_none() {
        return Ok(Loaded::Repeated);
    }
    let id = query.connection;
    let message = format!(
        "its connection {} has been archived; `connledger restore {id}` brings it back",
        view.slug
    );
    let code = Code::ConnectionArchived.as_str().to_owned();
    Ok(Loaded::Archived(Remark { line, code, message }))
}
