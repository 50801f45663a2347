//! `history`.

use clap::Args;
use ledger_contract::queries::{HistoryPage, HistoryQuery};
use serde::Deserialize;

use super::paging::{PageArgs, say_shown};
use super::{EVERY_WORKSPACE, read_answer};
use crate::failure::Failure;
use crate::session::Session;
use crate::table::Table;

/// Shows who changed what, and when.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger history openai-prod
  connledger history --actor user:admin --type secret_rotated --from 2026-11-01T00:00:00Z
  connledger history --correlation-id deploy-42 --all-workspaces --json")]
pub(crate) struct HistoryArgs {
    /// Id or slug; every connection if omitted
    connection: Option<String>,
    /// Principal that made the change
    #[arg(long)]
    actor: Option<String>,
    /// Type of event, for example secret_rotated; repeat to match any of several
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Vec<String>,
    /// Recorded at or after this time (UTC)
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Recorded before this time (UTC)
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Correlation id
    #[arg(long, value_name = "ID")]
    correlation_id: Option<String>,
    /// Command id
    #[arg(long, value_name = "ID")]
    command_id: Option<String>,
    /// Oldest first
    #[arg(long)]
    oldest_first: bool,
    #[command(flatten)]
    paging: PageArgs,
    /// Events of every workspace
    #[arg(long, short = 'A')]
    all_workspaces: bool,
}

impl HistoryArgs {
    fn query(self) -> HistoryQuery {
        HistoryQuery {
            connection: self.connection,
            actor: self.actor,
            event_type: self.event_type,
            from: self.from,
            until: self.until,
            correlation_id: self.correlation_id,
            command_id: self.command_id,
            oldest_first: self.oldest_first,
            page_size: self.paging.page_size,
            cursor: self.paging.cursor,
        }
    }
}

/// The parts of a record that the table shows.
#[derive(Deserialize)]
struct Row {
    position: u64,
    recorded_at: String,
    #[serde(rename = "type")]
    event_type: String,
    stream: String,
    version: u64,
    actor: String,
    via: String,
    command_id: String,
}

pub(super) async fn run(session: &Session, args: HistoryArgs) -> Result<(), Failure> {
    let workspace = if args.all_workspaces { EVERY_WORKSPACE } else { session.workspace.as_str() };
    let all = args.paging.all;
    let mut query = args.query();
    let headings = ["POSITION", "RECORDED", "EVENT", "OF", "VERSION", "ACTOR", "VIA", "COMMAND"];
    let mut table = Table::new(&headings);
    let mut shown = 0_u64;
    let (total, next) = loop {
        let answer = session.client.query(workspace, "history", &query).await?;
        let page: HistoryPage = read_answer(&answer)?;
        for event in &page.events {
            shown += 1;
            if session.out.is_json() {
                session.out.raw(event.get().as_bytes())?;
            } else {
                add(&mut table, read_answer(event.get().as_bytes())?);
            }
        }
        match page.next_cursor {
            Some(cursor) if all => query.cursor = Some(cursor),
            next => break (page.total, next),
        }
    };
    if !session.out.is_json() {
        table.lines().iter().try_for_each(|line| session.out.line(line))?;
    }
    say_shown(shown, total, next.as_deref());
    Ok(())
}

fn add(table: &mut Table, row: Row) {
    table.row([
        row.position.to_string(),
        super::list::short_time(&row.recorded_at),
        row.event_type,
        row.stream.trim_start_matches("connection/").to_owned(),
        row.version.to_string(),
        row.actor,
        row.via,
        row.command_id,
    ]);
}
