//! The commands that change something, one file per family.

mod access;
mod alert;
mod alert_lists;
pub(crate) mod archived;
mod connect;
mod consumers;
mod dependents;
mod edit;
mod handover;
mod lease;
mod life;
mod models;
mod overlap;
mod pending;
mod policy;
mod refresh;
mod registry;
mod report;
mod revert;
mod secret_policy;
mod trial;
mod workspace;

use clap::Subcommand;

pub(crate) use pending::{PendingCommand, WriteArgs, send, told};
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
    Test(trial::TestArgs),
    Refresh(refresh::RefreshArgs),
    Connect(connect::ConnectArgs),
    ReportFailure(report::ReportArgs),
    Models(models::ModelsArgs),
    Unwrap(handover::UnwrapArgs),
    /// List and revoke what was handed over
    #[command(subcommand)]
    Handover(handover::HandoverCommand),
    /// Take, read under, renew, return, revoke and list leases on secrets
    #[command(subcommand)]
    Lease(lease::LeaseCommand),
    #[command(flatten)]
    Consumers(consumers::ConsumersCommand),
    /// Create and list workspaces
    #[command(subcommand)]
    Workspace(workspace::WorkspaceCommand),
    /// Say how old secrets may become, and what new values must look like
    #[command(subcommand, name = "policy")]
    SecretPolicy(secret_policy::SecretPolicyCommand),
    /// Tell somebody outside of certain events, by signed requests
    #[command(subcommand)]
    Alert(alert::AlertCommand),
}

pub(crate) async fn run(common: &Common, verb: Verb, out: Output) -> Result<(), Failure> {
    let moment = match &verb {
        Verb::Revert(args) => args.moment(),
        _ => None,
    };
    // The command is built first, so that a mistake on the command line shows without a server.
    let command = match verb {
        Verb::Edit(command) => command.command(out)?,
        Verb::Life(command) => command.command(),
        Verb::Access(command) => command.command(),
        Verb::Policy(command) => command.command()?,
        Verb::Dependents(command) => command.command(),
        Verb::Revert(args) => args.command(),
        Verb::Test(args) => return trial::run(common, args, out).await,
        Verb::ReportFailure(args) => return report::run(common, args, out).await,
        Verb::Models(args) => return models::run(common, args, out).await,
        Verb::Refresh(args) => args.command(),
        Verb::Connect(args) => return connect::run(common, args, out).await,
        Verb::Unwrap(args) => return handover::unwrap(common, args, out).await,
        Verb::Handover(command) => return handover::run(common, command, out).await,
        Verb::Consumers(command) => command.command(),
        Verb::Lease(command) => return lease::run(common, command, out).await,
        Verb::Workspace(command) => return workspace::run(common, command, out).await,
        Verb::Alert(command) => return alert::run(common, command, out).await,
        Verb::SecretPolicy(command) => return secret_policy::run(common, command, out).await,
    };
    let waits = command.body.contains_key("check") || command.verb == refresh::VERB;
    let session = if waits {
        Session::open_waiting(common, trial::WAIT_MIN, out).await?
    } else {
        Session::open(common, out).await?
    };
    let command = match (command.verb, &moment) {
        ("restore", _) => archived::with_id(&session, command).await?,
        (_, Some(moment)) => revert::with_version(&session, command, moment).await?,
        _ => command,
    };
    let workspace = session.workspace.clone();
    send(&session, &workspace, command).await
}
