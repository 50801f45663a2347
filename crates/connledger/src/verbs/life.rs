//! The commands for the enabled flag, the health and the lifecycle of a connection.

use clap::{Args, Subcommand};

use super::pending::{PendingCommand, WriteArgs};

/// The commands for the enabled flag, the health and the lifecycle.
#[derive(Debug, Subcommand)]
pub(crate) enum LifeCommand {
    Enable(EnableArgs),
    Disable(DisableArgs),
    MarkDegraded(DegradedArgs),
    MarkFailed(FailedArgs),
    MarkOperational(OperationalArgs),
    Archive(ArchiveArgs),
    Restore(RestoreArgs),
    Erase(EraseArgs),
}

impl LifeCommand {
    pub(super) fn command(self) -> PendingCommand {
        match self {
            Self::Enable(args) => args.command(),
            Self::Disable(args) => args.command(),
            Self::MarkDegraded(args) => args.command(),
            Self::MarkFailed(args) => args.command(),
            Self::MarkOperational(args) => args.command(),
            Self::Archive(args) => args.command(),
            Self::Restore(args) => args.command(),
            Self::Erase(args) => args.command(),
        }
    }
}

/// Lets gateways use a connection.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger enable openai-prod")]
pub(crate) struct EnableArgs {
    /// Id or slug
    name: String,
    #[command(flatten)]
    write: WriteArgs,
}

impl EnableArgs {
    pub(super) fn command(self) -> PendingCommand {
        PendingCommand::about("enable", &self.name, self.write)
    }
}

/// Defines the arguments of a command that takes a connection and an optional reason.
macro_rules! with_reason {
    ($(#[$doc:meta])* $name:ident, $verb:literal, $example:literal) => {
        $(#[$doc])*
        #[derive(Debug, Args)]
        #[command(after_help = concat!("Examples:\n  connledger ", $verb, " ", $example))]
        pub(crate) struct $name {
            /// Id or slug
            name: String,
            /// Reason; kept in the history
            #[arg(long, value_name = "TEXT")]
            reason: Option<String>,
            #[command(flatten)]
            write: WriteArgs,
        }

        impl $name {
            pub(super) fn command(self) -> PendingCommand {
                let command = PendingCommand::about($verb, &self.name, self.write);
                command.with_some("reason", self.reason)
            }
        }
    };
}

with_reason!(
    /// Keeps gateways from using a connection.
    DisableArgs, "disable", "openai-prod --reason \"budget used up\""
);
with_reason!(
    /// Records that a connection works badly.
    DegradedArgs, "mark-degraded", "openai-prod --reason \"429 since 10:00\""
);
with_reason!(
    /// Records that a connection does not work and needs a person.
    FailedArgs, "mark-failed", "openai-prod --reason \"key revoked by the provider\""
);
with_reason!(
    /// Records that a connection works.
    OperationalArgs, "mark-operational", "openai-prod"
);

/// Archives a connection.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger archive old-openai --reason \"replaced by openai-prod\"
  connledger archive crm --force          even if something depends on it")]
pub(crate) struct ArchiveArgs {
    /// Id or slug
    name: String,
    /// Reason; kept in the history
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Archive even if something depends on it
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    write: WriteArgs,
}

impl ArchiveArgs {
    pub(super) fn command(self) -> PendingCommand {
        let command = PendingCommand::about("archive", &self.name, self.write)
            .with_some("reason", self.reason);
        if self.force { command.with("force", true) } else { command }
    }
}

/// Restores an archived connection.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger restore old-openai
  connledger restore 0199f0c2-6d1e-7cc0-8a51-2f1f6a1b7c3d --slug openai-old")]
pub(crate) struct RestoreArgs {
    /// Id, or the slug it had if no other archived connection had it
    name: String,
    /// New slug, if the old one has been taken
    #[arg(long)]
    slug: Option<String>,
    #[command(flatten)]
    write: WriteArgs,
}

impl RestoreArgs {
    pub(super) fn command(self) -> PendingCommand {
        PendingCommand::about("restore", &self.name, self.write).with_some("slug", self.slug)
    }
}

/// Erases a connection.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger erase old-openai --reason \"contract ended\"
  connledger erasure 0199f0c2-6d1e-7cc0-8a51-2f1f6a1b7c3d      how far it is, and what is left")]
pub(crate) struct EraseArgs {
    /// Id or slug; of an archived connection, its id
    name: String,
    /// Reason; kept in the history
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Erase even if something depends on it
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    write: WriteArgs,
}

impl EraseArgs {
    pub(super) fn command(self) -> PendingCommand {
        let command =
            PendingCommand::about("erase", &self.name, self.write).with("reason", self.reason);
        if self.force { command.with("force", true) } else { command }
    }
}
