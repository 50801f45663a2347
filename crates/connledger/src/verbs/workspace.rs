//! `workspace create` and `workspace list`.

use clap::{Args, Subcommand};
use ledger_contract::queries::{ALL_WORKSPACES, WorkspacePage};

use super::pending::{PendingCommand, WriteArgs, send};
use crate::body::Body;
use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::queries::read_answer;
use crate::session::Session;
use crate::table::Table;

/// The subcommands of `workspace`.
#[derive(Debug, Subcommand)]
pub(crate) enum WorkspaceCommand {
    Create(CreateArgs),
    /// List all workspaces
    #[command(after_help = "Examples:\n  connledger workspace list")]
    List,
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
        WorkspaceCommand::List => list(&session).await,
    }
}

async fn list(session: &Session) -> Result<(), Failure> {
    let query = Body::new();
    let answer = session.client.query(ALL_WORKSPACES, "workspaces", &query).await?;
    let page: WorkspacePage = read_answer(&answer)?;
    if session.out.is_json() {
        return page.workspaces.iter().try_for_each(|workspace| session.out.object(workspace));
    }
    let mut table = Table::new(&["NAME", "DISPLAY NAME", "CREATED", "BY"]);
    for workspace in page.workspaces {
        table.row([
            workspace.name,
            workspace.display_name.unwrap_or_default(),
            workspace.created_at,
            workspace.created_by,
        ]);
    }
    table.lines().iter().try_for_each(|line| session.out.line(line))
}
