//! `rotate-secret`.

use clap::Args;

use super::pending::{PendingCommand, WriteArgs};
use crate::body::{SecretArg, SecretReader};
use crate::failure::Failure;

/// Replaces secret values.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger rotate-secret openai-prod --secret api_key=@new-key.txt
  connledger rotate-secret warehouse --secret password=- --expect-version 7 < password.txt")]
pub(crate) struct RotateArgs {
    /// Id or slug
    name: String,
    /// Secret field and its new value: the value itself, @FILE, or - for standard input
    #[arg(long, value_name = "FIELD=VALUE", required = true)]
    secret: Vec<SecretArg>,
    #[command(flatten)]
    write: WriteArgs,
}

impl RotateArgs {
    pub(super) fn command(self) -> Result<PendingCommand, Failure> {
        let mut command = PendingCommand::about("rotate-secret", &self.name, self.write);
        SecretReader::default().read_into(&self.secret, &mut command.body)?;
        Ok(command)
    }
}
