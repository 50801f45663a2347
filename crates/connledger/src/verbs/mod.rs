//! The commands that change something, one file per family.

mod access;
mod dependents;
mod edit;
mod life;
mod pending;
mod policy;
mod registry;
mod revert;
mod secret;
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
    Create(Box<edit::CreateArgs>),
    Update(Box<edit::UpdateArgs>),
    RotateSecret(secret::RotateArgs),
    Enable(life::EnableArgs),
    Disable(life::DisableArgs),
    MarkDegraded(life::DegradedArgs),
    MarkFailed(life::FailedArgs),
    MarkOperational(life::OperationalArgs),
    Archive(life::ArchiveArgs),
    Restore(life::RestoreArgs),
    GrantWorkspace(access::GrantArgs),
    RevokeWorkspace(access::RevokeArgs),
    SetLimits(access::SetLimitsArgs),
    SetModelPolicy(policy::ModelPolicyArgs),
    SetPricing(policy::PricingArgs),
    LinkDependent(dependents::LinkArgs),
    UnlinkDependent(dependents::UnlinkArgs),
    Revert(revert::RevertArgs),
    /// Create and list workspaces
    #[command(subcommand)]
    Workspace(workspace::WorkspaceCommand),
}

pub(crate) async fn run(common: &Common, verb: Verb, out: Output) -> Result<(), Failure> {
    // The command is built first, so that a mistake on the command line shows without a server.
    let command = match verb {
        Verb::Create(args) => args.command()?,
        Verb::Update(args) => args.command()?,
        Verb::RotateSecret(args) => args.command()?,
        Verb::Enable(args) => args.command(),
        Verb::Disable(args) => args.command(),
        Verb::MarkDegraded(args) => args.command(),
        Verb::MarkFailed(args) => args.command(),
        Verb::MarkOperational(args) => args.command(),
        Verb::Archive(args) => args.command(),
        Verb::Restore(args) => args.command(),
        Verb::GrantWorkspace(args) => args.command(),
        Verb::RevokeWorkspace(args) => args.command(),
        Verb::SetLimits(args) => args.command(),
        Verb::SetModelPolicy(args) => args.command()?,
        Verb::SetPricing(args) => args.command()?,
        Verb::LinkDependent(args) => args.command(),
        Verb::UnlinkDependent(args) => args.command(),
        Verb::Revert(args) => args.command(),
        Verb::Workspace(command) => return workspace::run(common, command, out).await,
    };
    let session = Session::open(common, out).await?;
    let workspace = session.workspace.clone();
    send(&session, &workspace, command).await
}
