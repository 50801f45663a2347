//! `audit`.

use clap::{Args, Subcommand};
use ledger_contract::journal::{JournalEntry, Without};
use ledger_contract::queries::{ALL_WORKSPACES, AuditPage, AuditQuery, PageQuery};

use super::exposure::{self, ExposureArgs};
use super::list::short_time;
use super::paging::{Listing, PageArgs};
use super::read_answer;
use crate::failure::Failure;
use crate::session::Session;

const HEADINGS: [&str; 10] =
    ["ENTRY", "LAST", "COUNT", "KIND", "OPERATION", "ON", "ACTOR", "KEY", "ADDRESS", "VIA"];

/// Shows what was refused to whom, and who read the history.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Without --workspace, it shows what happened in the whole ledger. Wrong keys belong to no workspace.
Accepted commands and reveals are in the history. A KEY without an ACTOR was named by somebody who
did not have it.

Examples:
  connledger audit
  connledger audit --kind credential_invalid --kind credential_lockout --address 192.0.2.7
  connledger audit --actor user:ada --from 2026-11-01T00:00:00Z --json"
)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    of: Option<Audited>,
    /// Actor, as events name it
    #[arg(long)]
    actor: Option<String>,
    /// Id of an API key, or the name of a token
    #[arg(long, value_name = "ID")]
    key_id: Option<String>,
    /// IP address of the client
    #[arg(long)]
    address: Option<String>,
    /// An error code, or `reading`; repeat to match any of several
    #[arg(long)]
    kind: Vec<String>,
    /// Name of a verb, query or operation
    #[arg(long, value_name = "NAME")]
    operation: Option<String>,
    /// Last seen at or after this time (UTC)
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// First seen before this time (UTC)
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Oldest first
    #[arg(long)]
    oldest_first: bool,
    #[command(flatten)]
    paging: PageArgs,
}

/// What can be asked besides.
#[derive(Debug, Subcommand)]
enum Audited {
    Exposure(ExposureArgs),
}

impl AuditArgs {
    fn query(self) -> AuditQuery {
        AuditQuery {
            actor: self.actor,
            key: self.key_id,
            address: self.address,
            kind: self.kind,
            operation: self.operation,
            from: self.from,
            until: self.until,
            oldest_first: self.oldest_first,
            page_size: self.paging.page_size,
            cursor: self.paging.cursor,
        }
    }
}

/// Shows the entries of one workspace, if the command line names it, else all.
pub(super) async fn run(
    session: &Session,
    of_one: bool,
    mut args: AuditArgs,
) -> Result<(), Failure> {
    if let Some(Audited::Exposure(args)) = args.of.take() {
        return exposure::run(session, args).await;
    }
    let workspace = if of_one { session.workspace.as_str() } else { ALL_WORKSPACES };
    let mut extent = args.paging.extent(session.out);
    let mut query = args.query();
    let mut listing = Listing::new(session.out, &HEADINGS);
    let next = loop {
        let answer = session.client.query(workspace, "audit", &query).await?;
        let page: AuditPage = read_answer(&answer)?;
        for entry in &page.entries {
            let entry: JournalEntry = read_answer(entry.get().as_bytes())?;
            listing.add(&entry, || cells(&entry))?;
        }
        match extent.next(page.entries.len(), page.truncated, page.next_cursor.as_deref()) {
            Some(PageQuery { page_size, cursor }) => {
                query = AuditQuery { page_size, cursor, ..query };
            }
            None => break page.next_cursor,
        }
    };
    listing.finish(None::<u64>, next.as_deref())
}

fn cells(entry: &JournalEntry) -> [String; 10] {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_default();
    let on = match (&entry.workspace, &entry.connection) {
        (Some(workspace), Some(connection)) => format!("{workspace}/{connection}"),
        (workspace, _) => or_none(workspace),
    };
    let various = |without: Without, text: String| {
        let is_left_out = entry.without == Some(without) || entry.without == Some(Without::Sources);
        if is_left_out { "various".to_owned() } else { text }
    };
    [
        entry.entry.to_string(),
        short_time(&entry.last_at),
        entry.count.to_string(),
        entry.kind.clone(),
        various(Without::Details, or_none(&entry.operation)),
        various(Without::Details, on),
        various(Without::Sources, or_none(&entry.actor)),
        various(Without::Sources, or_none(&entry.key)),
        various(Without::Sources, entry.address.map(|at| at.to_string()).unwrap_or_default()),
        various(Without::Sources, or_none(&entry.via)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_between_those_counted_together_is_said_to_be_various() {
        let entry: JournalEntry = serde_json::from_str(
            r#"{"entry": 7, "kind": "forbidden", "count": 3, "first_at": "2026-11-29T02:00:00Z",
                "last_at": "2026-11-29T02:00:09Z", "via": "http", "actor": "user:ada",
                "operation": "update", "workspace": "default", "connection": "main"}"#,
        )
        .unwrap();
        let shown = cells(&entry);
        assert_eq!(&shown[3..7], ["forbidden", "update", "default/main", "user:ada"]);
        let folded = JournalEntry { without: Some(Without::Details), ..entry.clone() };
        assert_eq!(&cells(&folded)[3..7], ["forbidden", "various", "various", "user:ada"]);
        let folded = JournalEntry { without: Some(Without::Sources), ..entry };
        assert_eq!(&cells(&folded)[4..], ["various"; 6]);
    }
}
