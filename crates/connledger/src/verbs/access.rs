//! `grant-workspace`, `revoke-workspace` and `set-limits`.

use clap::{Args, Subcommand};

use super::pending::{PendingCommand, WriteArgs};
use crate::body::LimitArgs;

/// The commands that share a connection with other workspaces.
#[derive(Debug, Subcommand)]
pub(crate) enum AccessCommand {
    GrantWorkspace(GrantArgs),
    RevokeWorkspace(RevokeArgs),
    SetLimits(SetLimitsArgs),
}

impl AccessCommand {
    pub(super) fn command(self) -> PendingCommand {
        match self {
            Self::GrantWorkspace(args) => args.command(),
            Self::RevokeWorkspace(args) => args.command(),
            Self::SetLimits(args) => args.command(),
        }
    }
}

/// Lets another workspace use a connection; requires `administer` and `reveal` in the
/// connection's own workspace.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger grant-workspace openai-prod --to search --rate 600 --rate-unit rpm
  connledger grant-workspace openai-prod --to '*' --credit-limit 500 --reset monthly")]
pub(crate) struct GrantArgs {
    /// Id or slug
    name: String,
    /// Workspace, or * for all
    #[arg(long, value_name = "WORKSPACE")]
    to: String,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    write: WriteArgs,
}

impl GrantArgs {
    pub(super) fn command(self) -> PendingCommand {
        PendingCommand::about("grant-workspace", &self.name, self.write)
            .with("grant_to", self.to)
            .with("limits", self.limits.body())
    }
}

/// Changes the limits of a grant.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger set-limits openai-prod --to search --credit-limit 2000000 --usage-type tokens
  connledger set-limits openai-prod --to search        removes all limits")]
pub(crate) struct SetLimitsArgs {
    /// Id or slug
    name: String,
    /// Workspace, or * for all
    #[arg(long, value_name = "WORKSPACE")]
    to: String,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    write: WriteArgs,
}

impl SetLimitsArgs {
    pub(super) fn command(self) -> PendingCommand {
        PendingCommand::about("set-limits", &self.name, self.write)
            .with("grant_to", self.to)
            .with("limits", self.limits.body())
    }
}

/// Keeps a workspace from using a connection.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger revoke-workspace openai-prod --from search
  connledger revoke-workspace openai-prod --from '*'")]
pub(crate) struct RevokeArgs {
    /// Id or slug
    name: String,
    /// Workspace, or * for all
    #[arg(long, visible_alias = "to", value_name = "WORKSPACE")]
    from: String,
    #[command(flatten)]
    write: WriteArgs,
}

impl RevokeArgs {
    pub(super) fn command(self) -> PendingCommand {
        PendingCommand::about("revoke-workspace", &self.name, self.write)
            .with("grant_to", self.from)
    }
}
