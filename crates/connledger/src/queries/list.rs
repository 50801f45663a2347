//! `list`.

use clap::Args;
use ledger_contract::queries::{ALL_WORKSPACES, ListPage, ListQuery, PageQuery};
use ledger_contract::view::ConnectionView;

use super::paging::{Listing, PageArgs};
use super::read_answer;
use crate::failure::Failure;
use crate::fields::Filters;
use crate::session::Session;

/// Lists the connections that match every given filter.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger list --provider openai --environment live --health degraded
  connledger list --tag llm --label team=search --sort name
  connledger list --text warehouse --all-workspaces --all --json
  connledger list --as-of 2026-11-01T00:00:00Z --health failed")]
pub(crate) struct ListArgs {
    #[command(flatten)]
    filters: Filters,
    /// Order by created, updated or name
    #[arg(long)]
    sort: Option<String>,
    /// Reverse the order
    #[arg(long)]
    desc: bool,
    /// Page number, from 1
    #[arg(long, conflicts_with_all = ["cursor", "all"])]
    page: Option<u32>,
    /// List what there was at a moment: a time, how long ago (24h), or a position of the log
    /// (1042); takes the right to audit as well
    #[arg(long, value_name = "MOMENT", conflicts_with_all = ["page", "sort"])]
    as_of: Option<String>,
    #[command(flatten)]
    paging: PageArgs,
    /// Connections of all workspaces
    #[arg(long, short = 'A')]
    all_workspaces: bool,
}

impl ListArgs {
    fn query(self) -> Result<ListQuery, Failure> {
        Ok(ListQuery {
            sort: self.sort,
            descending: self.desc,
            as_of: self.as_of,
            page: self.page,
            page_size: self.paging.page_size,
            cursor: self.paging.cursor,
            ..self.filters.query()?
        })
    }
}

pub(super) async fn run(session: &Session, args: ListArgs) -> Result<(), Failure> {
    let extent = args.paging.extent(session.out);
    let mut extent = if args.page.is_some() { extent.of_one_page() } else { extent };
    let every_workspace = args.all_workspaces || session.workspace == ALL_WORKSPACES;
    let workspace = if every_workspace { ALL_WORKSPACES } else { session.workspace.as_str() };
    let mut query = args.query()?;
    let headings = [
        heading(every_workspace),
        "PROVIDER",
        "KIND",
        "ENV",
        "AUTH",
        "STATE",
        "HEALTH",
        "VERSION",
        "UPDATED",
    ];
    let mut rows = Listing::new(session.out, &headings);
    let mut total = None;
    loop {
        let answer = session.client.query(workspace, "list", &query).await?;
        let page: ListPage<'_> = read_answer(&answer)?;
        // Of the past, only the first page tells it.
        total = page.total.or(total);
        for view in &page.connections {
            rows.add(view, || cells(view, every_workspace))?;
        }
        let next = page.next_cursor.as_deref();
        match extent.next(page.connections.len(), page.truncated, next) {
            Some(PageQuery { page_size, cursor }) => {
                query = ListQuery { page: None, page_size, cursor, ..query };
            }
            None => return rows.finish(total, next),
        }
    }
}

/// Returns the cells of a connection.
fn cells(view: &ConnectionView<'_>, every_workspace: bool) -> [String; 9] {
    [
        handle(every_workspace, &view.workspace, &view.slug),
        view.provider.to_string(),
        view.kind.to_string(),
        view.environment.to_string(),
        view.auth_method.to_string(),
        state(view).to_owned(),
        view.health.state.to_string(),
        view.version.to_string(),
        short_time(&view.updated_at),
    ]
}

/// Returns the heading of the column with what connections are named by.
pub(crate) const fn heading(every_workspace: bool) -> &'static str {
    if every_workspace { "WORKSPACE/SLUG" } else { "SLUG" }
}

/// Returns what a connection is named by in a table.
pub(crate) fn handle(every_workspace: bool, workspace: &str, slug: &str) -> String {
    if every_workspace { format!("{workspace}/{slug}") } else { slug.to_owned() }
}

fn state(view: &ConnectionView<'_>) -> &'static str {
    match (view.lifecycle.as_ref(), view.enabled) {
        ("archived", _) => "archived",
        ("erased", _) => "erased",
        (_, true) => "enabled",
        (_, false) => "disabled",
    }
}

/// Cuts a time down to seconds.
pub(crate) fn short_time(time: &str) -> String {
    match time.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => time.to_owned(),
    }
}
