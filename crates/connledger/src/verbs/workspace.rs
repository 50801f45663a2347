//! `workspace create` and `workspace list`.

use clap::{Args, Subcommand};
use ledger_contract::queries::{
    ALL_WORKSPACES, QuotaView, WorkspacePage, WorkspaceUsage, WorkspaceView,
};

use super::pending::{PendingCommand, WriteArgs, send};
use crate::body::Body;
use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::queries::paging::{Listing, PageArgs};
use crate::queries::read_answer;
use crate::session::Session;

/// The subcommands of `workspace`.
#[derive(Debug, Subcommand)]
pub(crate) enum WorkspaceCommand {
    Create(CreateArgs),
    /// List the workspaces, sorted by name
    #[command(after_help = "\
Examples:
  connledger workspace list
  connledger workspace list --all --json")]
    List(PageArgs),
}

/// Creates a workspace.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger workspace create payments --name \"Payments team\"")]
pub(crate) struct CreateArgs {
    /// Name: a-z, 0-9 and inner hyphens, at most 63 characters
    workspace_name: String,
    /// Display name
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    write: WriteArgs,
}

pub(super) async fn run(
    common: &Common,
    command: WorkspaceCommand,
    out: Output,
) -> Result<(), Failure> {
    let session = Session::open(common, out).await?;
    match command {
        WorkspaceCommand::Create(args) => {
            let command =
                PendingCommand { verb: "create-workspace", body: Body::new(), write: args.write };
            let command = command.with_some("display_name", args.name);
            send(&session, &args.workspace_name, command).await
        }
        WorkspaceCommand::List(paging) => list(&session, paging).await,
    }
}

const COLUMNS: [&str; 8] = [
    "NAME",
    "DISPLAY NAME",
    "CREATED",
    "BY",
    "CONNECTIONS",
    "KEYS",
    "CHANGES TODAY",
    "REVEALS TODAY",
];

/// Returns what is used of a quota, if that is told.
fn used(workspace: &WorkspaceView, quota: impl Fn(&WorkspaceUsage) -> QuotaView) -> String {
    match workspace.usage.as_ref().map(quota) {
        None => String::new(),
        Some(QuotaView { used, limit: None }) => used.to_string(),
        Some(QuotaView { used, limit: Some(limit) }) => format!("{used} of {limit}"),
    }
}

async fn list(session: &Session, paging: PageArgs) -> Result<(), Failure> {
    let mut extent = paging.extent(session.out);
    let mut query = paging.query();
    let mut rows = Listing::new(session.out, &COLUMNS);
    loop {
        let answer = session.client.query(ALL_WORKSPACES, "workspaces", &query).await?;
        let page: WorkspacePage = read_answer(&answer)?;
        for one in &page.workspaces {
            rows.add(one, || {
                [
                    one.name.clone(),
                    one.display_name.clone().unwrap_or_default(),
                    one.created_at.clone(),
                    one.created_by.clone(),
                    used(one, |usage| usage.connections),
                    used(one, |usage| usage.keys),
                    used(one, |usage| usage.changes_today),
                    used(one, |usage| usage.reveals_today),
                ]
            })?;
        }
        let next = page.part.next_cursor.as_deref();
        match extent.next(page.workspaces.len(), page.part.truncated, next) {
            Some(following) => query = following,
            None => return rows.finish(page.part.total, next),
        }
    }
}
