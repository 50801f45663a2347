//! `load`: creates many connections from a file of create bodies.
//!
//! The command id of a line is derived from the workspace and the line's content, so loading the
//! same file again, whole or in part, creates nothing twice.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use futures::StreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use ledger_client::{Accepted, Client, ClientError, CommandHeaders};
use serde_json::json;

use crate::common::Common;
use crate::failure::Failure;
use crate::output::{Output, say};
use crate::session::Session;

/// Most commands that are sent but not yet answered.
const IN_FLIGHT: usize = 64;
/// How often a command is sent while the ledger is busy or unreachable.
const ATTEMPTS: u32 = 12;
/// The pauses between attempts: the first one, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));
/// Refusals shown one by one. All are counted, and `--json` shows all.
const SHOWN_MAX: usize = 20;

/// Creates many connections.
#[derive(Debug, Args)]
#[command(after_help = "\
Each line is the JSON body of one create command. Blank lines are skipped. Loading a file again is
safe: a line already loaded into the workspace gets its first answer and creates nothing.

Examples:
  connledger load connections.jsonl
  zcat fleet.jsonl.gz | connledger load - --workspace payments --json")]
pub(crate) struct LoadArgs {
    /// File with one create body per line; `-` for standard input
    file: PathBuf,
}

/// One line that was not loaded.
struct Refusal {
    line: u64,
    code: String,
    message: String,
}

#[derive(Default)]
struct Tally {
    created: u64,
    repeated: u64,
    refused: Vec<Refusal>,
}

pub(crate) async fn run(common: &Common, args: &LoadArgs, out: Output) -> Result<(), Failure> {
    let failed = |error: &io::Error| Failure::file("read", &args.file, error);
    let total = count_lines(&args.file).map_err(|error| failed(&error))?;
    let session = Session::open(common, out).await?;
    let lines = lines(&args.file).map_err(|error| failed(&error))?;
    let bar = progress_bar(total);
    let mut tally = Tally::default();
    let mut read_error = None;
    {
        let whole = lines.map_while(|(number, line)| match line {
            Ok(text) => Some((number, text)),
            Err(error) => {
                read_error = Some(error);
                None
            }
        });
        let filled = whole.filter(|(_, text)| !text.trim().is_empty());
        let sent = filled.map(|(number, text)| send(&session, number, text));
        let mut answers = futures::stream::iter(sent).buffer_unordered(IN_FLIGHT);
        while let Some((number, answer)) = answers.next().await {
            bar.inc(1);
            tally.count(number, answer)?;
        }
    }
    bar.finish_and_clear();
    if let Some(error) = read_error {
        return Err(failed(&error));
    }
    tally.report(out)
}

async fn send(
    session: &Session,
    number: u64,
    text: String,
) -> (u64, Result<Accepted, ClientError>) {
    let headers = CommandHeaders::with_id(command_id(&session.workspace, text.trim()));
    let body = text.into_bytes();
    let answer = persist(&session.client, &session.workspace, body, headers).await;
    (number, answer)
}

/// Sends a create command until it is accepted or refused. The command id makes repeating safe.
pub(crate) async fn persist(
    client: &Client,
    workspace: &str,
    body: Vec<u8>,
    headers: CommandHeaders,
) -> Result<Accepted, ClientError> {
    let mut pause = RETRY.0;
    for _ in 1..ATTEMPTS {
        match client.command(workspace, "create", body.clone(), headers.clone()).await {
            Err(error) if error.retry() => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(RETRY.1);
            }
            answer => return answer,
        }
    }
    client.command(workspace, "create", body, headers).await
}

/// Derives the command id of a line from its content.
pub(crate) fn command_id(workspace: &str, line: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(workspace.as_bytes());
    hasher.update(&[0]);
    hasher.update(line.as_bytes());
    let hex = hasher.finalize().to_hex();
    format!("load-{}", hex.get(..32).unwrap_or_default())
}

impl Tally {
    /// Counts an answer. An error other than a refusal ends the load, which can be resumed.
    fn count(&mut self, line: u64, answer: Result<Accepted, ClientError>) -> Result<(), Failure> {
        match answer {
            Ok(Accepted { repeated: false, .. }) => self.created += 1,
            Ok(Accepted { repeated: true, .. }) => self.repeated += 1,
            Err(ClientError::Problem(problem))
                if !problem.retry
                    && problem.class != "internal"
                    && problem.class != "unauthenticated" =>
            {
                let (code, message) = (problem.code, problem.message);
                self.refused.push(Refusal { line, code, message });
            }
            Err(error) => {
                return Err(Failure::from(error).hint(
                    "the lines loaded so far are kept; load the same file again to continue",
                ));
            }
        }
        Ok(())
    }

    fn report(mut self, out: Output) -> Result<(), Failure> {
        self.refused.sort_by_key(|refusal| refusal.line);
        let refused = self.refused.len();
        if out.is_json() {
            for Refusal { line, code, message } in &self.refused {
                out.object(&json!({ "line": line, "code": code, "message": message }))?;
            }
            out.object(&json!({
                "created": self.created,
                "repeated": self.repeated,
                "refused": refused,
            }))?;
        } else {
            for Refusal { line, code, message } in self.refused.iter().take(SHOWN_MAX) {
                say(format!("line {line}: {message} [{code}]"));
            }
            if refused > SHOWN_MAX {
                say(format!("and {} more; --json shows all of them", refused - SHOWN_MAX));
            }
            out.line(format!(
                "created {}, repeated {}, refused {refused}",
                self.created, self.repeated
            ))?;
        }
        match refused {
            0 => Ok(()),
            _ => Err(Failure::refused(format!("{refused} lines were refused")).hint(
                "correct them and load the file again; the other lines are not created twice",
            )),
        }
    }
}

type NumberedLines = Box<dyn Iterator<Item = (u64, io::Result<String>)>>;

fn lines(path: &Path) -> io::Result<NumberedLines> {
    if path == Path::new("-") {
        return Ok(Box::new((1..).zip(io::stdin().lines())));
    }
    Ok(Box::new((1..).zip(BufReader::new(File::open(path)?).lines())))
}

/// Counts the lines to load; returns nothing for standard input.
fn count_lines(path: &Path) -> io::Result<Option<u64>> {
    if path == Path::new("-") {
        return Ok(None);
    }
    let mut lines = 0;
    for line in BufReader::new(File::open(path)?).split(b'\n') {
        if !line?.trim_ascii().is_empty() {
            lines += 1;
        }
    }
    Ok(Some(lines))
}

/// Creates a progress bar on standard error, which is hidden unless that is a terminal.
pub(crate) fn progress_bar(total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => {
            (ProgressBar::new(total), "{wide_bar} {human_pos}/{human_len} {per_sec} {eta}")
        }
        None => (ProgressBar::new_spinner(), "{spinner} {human_pos} {per_sec}"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_id_depends_on_workspace_and_content() {
        let id = command_id("default", r#"{"provider":"openai"}"#);
        assert_eq!(id, command_id("default", r#"{"provider":"openai"}"#));
        assert_ne!(id, command_id("other", r#"{"provider":"openai"}"#));
        assert_ne!(id, command_id("default", r#"{"provider":"anthropic"}"#));
        assert_eq!(id.len(), "load-".len() + 32);
    }
}
