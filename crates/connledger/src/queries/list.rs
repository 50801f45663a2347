//! `list`.

use clap::Args;
use ledger_contract::queries::{ALL_WORKSPACES, ListPage, ListQuery};
use ledger_contract::view::ConnectionView;

use super::paging::{PageArgs, say_shown};
use super::read_answer;
use crate::failure::Failure;
use crate::fields::Filters;
use crate::session::Session;
use crate::table::Table;

/// Lists the connections that match every given filter.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger list --provider openai --environment live --health degraded
  connledger list --tag llm --label team=search --sort name
  connledger list --text warehouse --all-workspaces --all --json")]
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
            page: self.page,
            page_size: self.paging.page_size,
            cursor: self.paging.cursor,
            ..self.filters.query()?
        })
    }
}

pub(super) async fn run(session: &Session, args: ListArgs) -> Result<(), Failure> {
    let all = args.paging.all;
    let every_workspace = args.all_workspaces || session.workspace == ALL_WORKSPACES;
    let workspace = if every_workspace { ALL_WORKSPACES } else { session.workspace.as_str() };
    let mut query = args.query()?;
    let mut rows = Rows::new(session, every_workspace);
    loop {
        let answer = session.client.query(workspace, "list", &query).await?;
        let page: ListPage<'_> = read_answer(&answer)?;
        rows.add(&page.connections)?;
        match page.next_cursor {
            Some(cursor) if all => query.cursor = Some(cursor),
            next => return rows.finish(page.total, next.as_deref()),
        }
    }
}

/// Writes rows: JSON objects at once, a table at the end, when its column widths are known.
struct Rows<'a> {
    session: &'a Session,
    every_workspace: bool,
    table: Table,
    shown: u64,
}

impl<'a> Rows<'a> {
    fn new(session: &'a Session, every_workspace: bool) -> Self {
        let handle = if every_workspace { "WORKSPACE/SLUG" } else { "SLUG" };
        let headings =
            [handle, "PROVIDER", "KIND", "ENV", "AUTH", "STATE", "HEALTH", "VERSION", "UPDATED"];
        Self { session, every_workspace, table: Table::new(&headings), shown: 0 }
    }

    fn add(&mut self, connections: &[ConnectionView<'_>]) -> Result<(), Failure> {
        for view in connections {
            self.shown += 1;
            if self.session.out.is_json() {
                self.session.out.object(view)?;
                continue;
            }
            let handle = if self.every_workspace {
                format!("{}/{}", view.workspace, view.slug)
            } else {
                view.slug.to_string()
            };
            self.table.row([
                handle,
                view.provider.to_string(),
                view.kind.to_string(),
                view.environment.to_string(),
                view.auth_method.to_string(),
                state(view).to_owned(),
                view.health.state.to_string(),
                view.version.to_string(),
                short_time(&view.updated_at),
            ]);
        }
        Ok(())
    }

    fn finish(self, total: u64, next_cursor: Option<&str>) -> Result<(), Failure> {
        let out = self.session.out;
        if !out.is_json() {
            self.table.lines().iter().try_for_each(|line| out.line(line))?;
        }
        say_shown(self.shown, total, next_cursor);
        Ok(())
    }
}

fn state(view: &ConnectionView<'_>) -> &'static str {
    match (view.lifecycle.as_ref(), view.enabled) {
        ("archived", _) => "archived",
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
