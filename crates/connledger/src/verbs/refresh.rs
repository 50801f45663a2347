//! `refresh`.

use clap::Args;

use super::pending::{PendingCommand, WriteArgs};

/// The verb.
pub(super) const VERB: &str = "refresh-token";

/// Gets a new token for a connection.
#[derive(Debug, Args)]
#[command(after_help = "\
Whoever reveals or leases access_token gets a token that is still valid, so this is needed only to
have another one now, or to try again what was given up.

Examples:
  connledger refresh crm
  connledger reveal crm --field access_token --reason \"to call the API\"
  connledger get crm                                 until when the token is valid")]
pub(crate) struct RefreshArgs {
    /// Id or slug
    name: String,
    #[command(flatten)]
    write: WriteArgs,
}

impl RefreshArgs {
    pub(super) fn command(self) -> PendingCommand {
        PendingCommand::about(VERB, &self.name, self.write)
    }
}
