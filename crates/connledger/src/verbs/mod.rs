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
    /// Make a connection
    Create(Box<edit::CreateArgs>),
    /// Change fields of a connection; what is not given stays
    Update(Box<edit::UpdateArgs>),
    /// Replace secret values
    RotateSecret(secret::RotateArgs),
    /// Let gateways use a connection
    Enable(life::EnableArgs),
    /// Keep gateways from using a connection
    Disable(life::DisableArgs),
    /// Say that a connection works badly
    MarkDegraded(life::DegradedArgs),
    /// Say that a connection does not work and a person must act
    MarkFailed(life::FailedArgs),
    /// Say that a connection works
    MarkOperational(life::OperationalArgs),
    /// Put a connection away; it can be restored
    Archive(life::ArchiveArgs),
    /// Bring an archived connection back
    Restore(life::RestoreArgs),
    /// Let another workspace use a connection
    GrantWorkspace(access::GrantArgs),
    /// Keep a workspace from using a connection
    RevokeWorkspace(access::RevokeArgs),
    /// Change the limits of a grant
    SetLimits(access::SetLimitsArgs),
    /// Say which models may be reached
    SetModelPolicy(policy::ModelPolicyArgs),
    /// Set factors on the provider's prices
    SetPricing(policy::PricingArgs),
    /// Record something that would break without the connection
    LinkDependent(dependents::LinkArgs),
    /// Forget a recorded dependent
    UnlinkDependent(dependents::UnlinkArgs),
    /// Bring an earlier version's fields back, as a new change
    Revert(revert::RevertArgs),
    /// Make and list workspaces
    #[command(subcommand)]
    Workspace(workspace::WorkspaceCommand),
}

pub(crate) async fn run(common: &Common, verb: Verb, out: Output) -> Result<(), Failure> {
    // The command is put together first: a mistake on the command line needs no server to show.
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
