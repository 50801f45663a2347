//! `revert`.

use clap::Args;

use super::pending::{PendingCommand, WriteArgs};

/// Brings back the settings and secret values of an earlier version, as a new change.
#[derive(Debug, Args)]
#[command(after_help = "\
The secret values of that version also come back, each as a new generation. A value that was
replaced because it had leaked is then in use again: rotate it right afterwards.

Examples:
  connledger history openai-prod                  shows the versions
  connledger revert openai-prod --to-version 3")]
pub(crate) struct RevertArgs {
    /// Id or slug
    name: String,
    /// Version to bring back
    #[arg(long, value_name = "VERSION")]
    to_version: u64,
    /// If that version sends secrets elsewhere than the present one, leave its secrets out; without
    /// it, such a revert takes the right to reveal
    #[arg(long)]
    detach_secrets: bool,
    #[command(flatten)]
    write: WriteArgs,
}

impl RevertArgs {
    pub(super) fn command(self) -> PendingCommand {
        let command = PendingCommand::about("revert", &self.name, self.write);
        let command = command.with("to_version", self.to_version);
        if self.detach_secrets { command.with("detach_secrets", true) } else { command }
    }
}
