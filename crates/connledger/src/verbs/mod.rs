//! The commands that change something, one file per family.

mod access;
pub(crate) mod archived;
mod consumers;
mod dependents;
mod edit;
mod life;
mod overlap;
mod pending;
mod policy;
mod registry;
mod revert;
mod workspace;

use clap::Subcommand;

pub(crate) use pending::{PendingCommand, WriteArgs, send};
pub(crate) use registry::with_summaries;

use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;

/// The commands that change something. Their summaries are those of the contract.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    #[command(flatten)]
    Edit(edit::EditCommand),
    #[command(flatten)]
    Life(life::LifeCommand),
    #[command(flatten)]
    Access(access::AccessCommand),
    #[command(flatten)]
    Policy(policy::PolicyCommand),
    #[command(flatten)]
    Dependents(dependents::DependentsCommand),
    Revert(revert::RevertArgs),
    #[command(flatten)]
    Consumers(consumers::ConsumersCommand),
    /// Create and list workspaces
    #[command(subcommand)]
    Workspace(workspace::WorkspaceCommand),
}

pub(crate) async fn run(common: &Common, verb: Verb, out: Output) -> Result<(), Failure> {
    // The command is built first, so that a mistake on the command line shows without a server.
    let command = match verb {
        Verb::Edit(command) => command.command(out)?,
        Verb::Life(command) => command.command(),
        Verb::Access(command) => command.command(),
        Verb::Policy(command) => command.command()?,
        Verb::Dependents(command) => command.command(),
        Verb::Revert(args) => args.command(),
        Verb::Consumers(command) => command.command(),
        Verb::Workspace(command) => return workspace::run(common, command, out).await,
    };
    let session = Session::open(common, out).await?;
    let command = match command.verb {
        "restore" => archived::with_id(&session, command).await?,
        _ => command,
    };
    let workspace = session.workspace.clone();
    send(&session, &workspace, command).await
}
