//! `link-dependent` and `unlink-dependent`.

use clap::{Args, Subcommand};

use super::pending::{PendingCommand, WriteArgs};

/// The commands about what depends on a connection.
#[derive(Debug, Subcommand)]
pub(crate) enum DependentsCommand {
    LinkDependent(LinkArgs),
    UnlinkDependent(UnlinkArgs),
}

impl DependentsCommand {
    pub(super) fn command(self) -> PendingCommand {
        match self {
            Self::LinkDependent(args) => args.command(),
            Self::UnlinkDependent(args) => args.command(),
        }
    }
}

/// Records something that depends on the connection and blocks its archiving.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger link-dependent github-app tool tool-001 --name \"Code Analyzer\"")]
pub(crate) struct LinkArgs {
    /// Id or slug
    connection: String,
    /// Kind of dependent: tool, mcp_server, gateway, ...
    kind: String,
    /// Id of the dependent in its own system
    id: String,
    /// Display name of the dependent
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    write: WriteArgs,
}

impl LinkArgs {
    pub(super) fn command(self) -> PendingCommand {
        PendingCommand::about("link-dependent", &self.connection, self.write)
            .with("kind", self.kind)
            .with("id", self.id)
            .with_some("name", self.name)
    }
}

/// Removes a recorded dependent.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger unlink-dependent github-app tool tool-001")]
pub(crate) struct UnlinkArgs {
    /// Id or slug
    connection: String,
    /// Kind of dependent
    kind: String,
    /// Id of the dependent in its own system
    id: String,
    #[command(flatten)]
    write: WriteArgs,
}

impl UnlinkArgs {
    pub(super) fn command(self) -> PendingCommand {
        PendingCommand::about("unlink-dependent", &self.connection, self.write)
            .with("kind", self.kind)
            .with("id", self.id)
    }
}
