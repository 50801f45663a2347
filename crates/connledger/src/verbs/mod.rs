//! The commands that change something, one file per family.

mod access;
mod dependents;
mod edit;
mod life;
mod pending;
mod policy;
mod revert;
mod secret;
mod workspace;

use clap::Subcommand;

pub(crate) use pending::{PendingCommand, WriteArgs, send};

use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;

/// The commands that change something.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Create a connection
    Create(Box<edit::CreateArgs>),
    /// Change the given fields of a connection
    Update(Box<edit::UpdateArgs>),
    /// Replace secret values
    RotateSecret(secret::RotateArgs),
    /// Let gateways use a connection
    Enable(life::EnableArgs),
    /// Stop gateways from using a connection
    Disable(life::DisableArgs),
    /// Record that a connection works badly
    MarkDegraded(life::DegradedArgs),
    /// Record that a connection does not work and needs a person
    MarkFailed(life::FailedArgs),
    /// Record that a connection works
    MarkOperational(life::OperationalArgs),
    /// Archive a connection; `restore` reverses it
    Archive(life::ArchiveArgs),
    /// Restore an archived connection
    Restore(life::RestoreArgs),
    /// Let another workspace use a connection
    GrantWorkspace(access::GrantArgs),
    /// Stop a workspace from using a connection
    RevokeWorkspace(access::RevokeArgs),
    /// Change the limits of a grant
    SetLimits(access::SetLimitsArgs),
    /// Set which models may be used
    SetModelPolicy(policy::ModelPolicyArgs),
    /// Set factors on the provider's prices
    SetPricing(policy::PricingArgs),
    /// Record something that depends on a connection
    LinkDependent(dependents::LinkArgs),
    /// Remove a recorded dependent
    UnlinkDependent(dependents::UnlinkArgs),
    /// Bring back the settings and secrets of an earlier version, as a new change
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
