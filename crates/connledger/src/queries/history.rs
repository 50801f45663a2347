//! `history`.

use clap::Args;
use ledger_contract::queries::{ALL_WORKSPACES, HistoryPage, HistoryQuery, PageQuery};
use serde::Deserialize;

use super::list::short_time;
use super::paging::{PageArgs, say_shown};
use super::read_answer;
use crate::failure::Failure;
use crate::session::Session;
use crate::table::Table;
use crate::verbs::archived;

/// Shows who changed what, and when.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger history openai-prod
  connledger history --actor user:admin --type secret_rotated --from 2026-11-01T00:00:00Z
  connledger history --ledger                          rotations of the master key
  connledger history --correlation-id deploy-42 --all-workspaces --json")]
pub(crate) struct HistoryArgs {
    /// Id or slug; every connection if omitted
    connection: Option<String>,
    /// Only events of the ledger itself, such as rotations of its master key
    #[arg(long, conflicts_with = "connection")]
    ledger: bool,
    /// Principal that made the change
    #[arg(long)]
    actor: Option<String>,
    /// Type of event, for example secret_rotated; repeat to match any of several
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Vec<String>,
    /// Recorded at or after this time (UTC), by the clock of the ledger
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Recorded before this time (UTC), by the clock of the ledger
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// After this position of the log
    #[arg(long, value_name = "POSITION[@INCARNATION]")]
    after: Option<String>,
    /// Correlation id
    #[arg(long, value_name = "ID")]
    correlation_id: Option<String>,
    /// Command id, if the caller chose it
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
            ledger: self.ledger,
            actor: self.actor,
            event_type: self.event_type,
            from: self.from,
            until: self.until,
            after: self.after,
            correlation_id: self.correlation_id,
            command_id: self.command_id,
            oldest_first: self.oldest_first,
            page_size: self.paging.page_size,
            cursor: self.paging.cursor,
        }
    }
}

/// The parts of a record that the table shows.
#[derive(Debug, Deserialize)]
struct Row {
    position: u64,
    recorded_at: String,
    /// What the clock said, if it had gone back.
    clock: Option<String>,
    #[serde(rename = "type")]
    event_type: String,
    stream: String,
    version: u64,
    actor: String,
    via: String,
    data: Data,
}

/// The part of an event's data that the table shows.
#[derive(Debug, Deserialize)]
struct Data {
    reason: Option<String>,
}

pub(super) async fn run(session: &Session, args: HistoryArgs) -> Result<(), Failure> {
    let workspace = if args.all_workspaces || args.ledger {
        ALL_WORKSPACES
    } else {
        session.workspace.as_str()
    };
    let mut extent = args.paging.extent(session.out);
    let mut query = args.query();
    let (mut shown, mut rows) = (0_u64, Vec::new());
    let (total, next) = loop {
        let answer = match session.client.query(workspace, "history", &query).await {
            Ok(answer) => answer,
            Err(error) => {
                let name = query.connection.as_deref().unwrap_or_default();
                return Err(archived::with_hint(session, error.into(), name).await);
            }
        };
        let page: HistoryPage = read_answer(&answer)?;
        for event in &page.events {
            shown += 1;
            if session.out.is_json() {
                session.out.raw(event.get().as_bytes())?;
            } else {
                rows.push(read_answer(event.get().as_bytes())?);
            }
        }
        match extent.next(page.events.len(), page.truncated, page.next_cursor.as_deref()) {
            Some(PageQuery { page_size, cursor }) => {
                query = HistoryQuery { page_size, cursor, ..query };
            }
            None => break (page.total, page.next_cursor),
        }
    };
    if !session.out.is_json() {
        session.out.table(&table(rows, query.connection.is_some()))?;
    }
    say_shown(session.out, shown, total, next.as_deref());
    Ok(())
}

/// Returns the table of some events. A column that would say nothing is left out: whose event it
/// is, if all are of one connection, and the reason, if none has one.
fn table(rows: Vec<Row>, of_one: bool) -> Table {
    let with_reason = rows.iter().any(|row| row.data.reason.is_some());
    let headings = ["POSITION", "RECORDED", "EVENT", "OF", "VERSION", "ACTOR", "VIA", "REASON"];
    let mut table = Table::new(&headings);
    for row in rows {
        let (of, version) = of_and_version(&row);
        table.row([
            row.position.to_string(),
            short_time(row.clock.as_ref().unwrap_or(&row.recorded_at)),
            row.event_type,
            of,
            version,
            row.actor,
            row.via,
            row.data.reason.unwrap_or_default(),
        ]);
    }
    if of_one {
        table.drop_column("OF");
    }
    if !with_reason {
        table.drop_column("REASON");
    }
    table
}

/// Returns whose event a row is, and its version there. The reveals of a connection, and what its
/// consumers say, are counted apart, and their number is no version that one could revert to.
fn of_and_version(row: &Row) -> (String, String) {
    let beside = ["reveals/", "consumers/"];
    if let Some(connection) = beside.iter().find_map(|kind| row.stream.strip_prefix(kind)) {
        return (connection.to_owned(), String::new());
    }
    let of = row.stream.strip_prefix("connection/").unwrap_or(&row.stream);
    (of.to_owned(), row.version.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(reason: Option<&str>) -> Row {
        Row {
            position: 6,
            recorded_at: "2026-11-28T19:25:16.187929Z".to_owned(),
            clock: None,
            event_type: "connection_disabled".to_owned(),
            stream: "connection/01a2239e-713b-7184-b867-ac067616dde2".to_owned(),
            version: 3,
            actor: "user:admin".to_owned(),
            via: "http".to_owned(),
            data: Data { reason: reason.map(str::to_owned) },
        }
    }

    #[test]
    fn an_event_after_a_clock_that_was_ahead_is_shown_at_its_own_time() {
        let back = Row { clock: Some("2026-01-02T03:04:05.000000Z".to_owned()), ..row(None) };
        let lines = table(vec![back], true).lines(None);
        assert!(lines[1].contains("2026-01-02") && !lines[1].contains("2026-11-28"), "{lines:?}");
    }

    #[test]
    fn the_reason_has_a_column_if_there_is_one() {
        let without = table(vec![row(None)], true).lines(None);
        assert!(without[0].ends_with("VIA") && without[1].ends_with("http"), "{without:?}");
        let with = table(vec![row(Some("budget\nused up")), row(None)], true).lines(None);
        assert!(with[0].ends_with("VIA   REASON"), "{with:?}");
        assert!(with[1].ends_with("budget used up") && with[2].ends_with('-'), "{with:?}");
    }

    #[test]
    fn a_reveal_has_no_version_of_the_connection() {
        let reveal = Row { stream: "reveals/01a2239e".to_owned(), ..row(None) };
        assert_eq!(of_and_version(&reveal), ("01a2239e".to_owned(), String::new()));
        let confirmation = Row { stream: "consumers/01a2239e".to_owned(), ..row(None) };
        assert_eq!(of_and_version(&confirmation), ("01a2239e".to_owned(), String::new()));
        assert_eq!(of_and_version(&row(None)).1, "3");
    }

    #[test]
    fn the_history_of_one_connection_fits_the_terminal_and_is_whole_elsewhere() {
        let reason = "long ".repeat(200);
        let table = table(vec![row(Some(&reason))], true);
        let lines = table.lines(Some(100));
        assert!(lines.iter().all(|line| line.chars().count() <= 100), "{lines:?}");
        assert!(table.lines(None)[1].ends_with(reason.trim_end()));
    }
}
