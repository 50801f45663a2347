//! The commands that change something, one file per family.

mod access;
mod dependents;
mod edit;
mod life;
mod policy;
mod revert;
mod secret;
mod workspace;

use clap::{Args, Subcommand};
use ledger_client::{Accepted, ClientError, CommandHeaders};
use serde_json::json;

use crate::body::{self, Body};
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

/// Flags of every command that changes something.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Command options")]
pub(crate) struct WriteArgs {
    /// Key of idempotency: the same id gets the same answer, forever
    #[arg(long, value_name = "ID")]
    pub(crate) command_id: Option<String>,
    /// Refuse unless the connection is at this version: a number, absent or any
    #[arg(long, value_name = "VERSION")]
    pub(crate) expect_version: Option<String>,
    /// Id of the whole conversation
    #[arg(long, value_name = "ID")]
    pub(crate) correlation_id: Option<String>,
}

/// A command ready to be sent.
#[derive(Debug)]
pub(crate) struct PendingCommand {
    pub(crate) verb: &'static str,
    pub(crate) body: Body,
    pub(crate) write: WriteArgs,
}

impl PendingCommand {
    /// Starts a command about one connection.
    fn about(verb: &'static str, name: &str, write: WriteArgs) -> Self {
        Self::about_nothing(verb, write).with("connection", name)
    }

    /// Starts a command whose body says nothing yet.
    pub(crate) fn about_nothing(verb: &'static str, write: WriteArgs) -> Self {
        Self { verb, body: Body::new(), write }
    }

    /// Sets a field.
    pub(crate) fn with(mut self, field: &str, value: impl Into<serde_json::Value>) -> Self {
        self.body.insert(field.to_owned(), value.into());
        self
    }

    /// Sets a field when there is something to set.
    pub(crate) fn with_some(
        self,
        field: &str,
        value: Option<impl Into<serde_json::Value>>,
    ) -> Self {
        match value {
            Some(value) => self.with(field, value),
            None => self,
        }
    }

    /// Returns the text of a field, empty when there is none.
    pub(crate) fn text(&self, field: &str) -> &str {
        self.body.get(field).and_then(serde_json::Value::as_str).unwrap_or_default()
    }
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

/// Sends a command and writes its receipt.
pub(crate) async fn send(
    session: &Session,
    workspace: &str,
    command: PendingCommand,
) -> Result<(), Failure> {
    let principal = command.text("principal").to_owned();
    let command_id = command.write.command_id.unwrap_or_else(ledger_client::new_command_id);
    let headers = CommandHeaders {
        command_id: Some(command_id.clone()),
        expected_version: command.write.expect_version,
        correlation_id: command.write.correlation_id,
        ..CommandHeaders::default()
    };
    let body = body::bytes(command.body);
    match session.client.command(workspace, command.verb, body, headers).await {
        Ok(accepted) => write_receipt(session.out, command.verb, &principal, &accepted),
        Err(error @ ClientError::Unanswered(_)) => Err(Failure::from(error).hint(format!(
            "it may have been executed; to find out, send it again with --command-id {command_id}"
        ))),
        Err(error) => Err(error.into()),
    }
}

fn write_receipt(
    out: Output,
    verb: &str,
    principal: &str,
    accepted: &Accepted,
) -> Result<(), Failure> {
    let receipt = &accepted.receipt;
    if out.is_json() {
        return out.object(&json!({
            "connection": receipt.connection,
            "version": receipt.version,
            "position": receipt.position,
            "recorded_at": receipt.recorded_at,
            "command_id": accepted.command_id,
            "repeated": accepted.repeated,
        }));
    }
    let other = if principal.is_empty() { "workspace" } else { principal };
    let subject = receipt.connection.as_deref().unwrap_or(other);
    let (version, position) = (receipt.version, receipt.position);
    let note = if accepted.repeated { "  (answered before)" } else { "" };
    out.line(format!("{verb}: {subject}  version {version}  position {position}{note}"))
}
