//! The switch, the health and the lifecycle of a connection.

use clap::Args;

use super::pending::{PendingCommand, WriteArgs};

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

/// Makes a command that takes a connection and a reason.
macro_rules! with_reason {
    ($(#[$doc:meta])* $name:ident, $verb:literal, $example:literal) => {
        $(#[$doc])*
        #[derive(Debug, Args)]
        #[command(after_help = concat!("Examples:\n  connledger ", $verb, " ", $example))]
        pub(crate) struct $name {
            /// Id or slug
            name: String,
            /// Why
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
    /// Says that a connection works badly.
    DegradedArgs, "mark-degraded", "openai-prod --reason \"429 since 10:00\""
);
with_reason!(
    /// Says that a connection does not work and a person must act.
    FailedArgs, "mark-failed", "openai-prod --reason \"key revoked by the provider\""
);
with_reason!(
    /// Says that a connection works.
    OperationalArgs, "mark-operational", "openai-prod"
);

/// Puts a connection away.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger archive old-openai --reason \"replaced by openai-prod\"
  connledger archive crm --force          also when something depends on it")]
pub(crate) struct ArchiveArgs {
    /// Id or slug
    name: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Also when something depends on it
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

/// Brings an archived connection back.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger list --lifecycle archived                  shows the ids
  connledger restore 0199f0c2-6d1e-7cc0-8a51-2f1f6a1b7c3d
  connledger restore 0199f0c2-6d1e-7cc0-8a51-2f1f6a1b7c3d --slug openai-old")]
pub(crate) struct RestoreArgs {
    /// Id; the slug of an archived connection is free for others
    id: String,
    /// New slug, when the old one has been taken
    #[arg(long)]
    slug: Option<String>,
    #[command(flatten)]
    write: WriteArgs,
}

impl RestoreArgs {
    pub(super) fn command(self) -> PendingCommand {
        PendingCommand::about("restore", &self.id, self.write).with_some("slug", self.slug)
    }
}
