//! `revert`.

use clap::Args;

use super::{Order, WriteArgs};

/// Brings an earlier version's fields back, as a new change.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger history openai-prod                  shows the versions
  connledger revert openai-prod --to-version 3")]
pub(crate) struct RevertArgs {
    /// Id or slug
    name: String,
    /// The version whose fields come back
    #[arg(long, value_name = "VERSION")]
    to_version: u64,
    #[command(flatten)]
    write: WriteArgs,
}

impl RevertArgs {
    pub(super) fn order(self) -> Order {
        Order::about("revert", &self.name, self.write).with("to_version", self.to_version)
    }
}
