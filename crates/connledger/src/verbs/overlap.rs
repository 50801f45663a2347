//! `retire-former` and `cancel-rotation`.

use clap::Args;

use super::pending::{PendingCommand, WriteArgs};

/// Ends the use of a former value.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger retire-former openai-prod
  connledger retire-former openai-prod --field api_key --at 2d
  connledger rotation status openai-prod       who still uses it")]
pub(crate) struct RetireArgs {
    /// Id or slug
    name: String,
    /// Secret field; all that have a former value if omitted
    #[arg(long = "field", value_name = "FIELD")]
    fields: Vec<String>,
    /// When instead of now: a time, or a span like 36h, at most 90 days
    #[arg(long, value_name = "TIME|DURATION")]
    at: Option<String>,
    #[command(flatten)]
    write: WriteArgs,
}

impl RetireArgs {
    pub(super) fn command(self) -> PendingCommand {
        about("retire-former", &self.name, self.fields, self.write).with_some("at", self.at)
    }
}

/// Returns to a former value.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger cancel-rotation openai-prod
  connledger cancel-rotation openai-prod --field api_key")]
pub(crate) struct CancelArgs {
    /// Id or slug
    name: String,
    /// Secret field; all that have a former value if omitted
    #[arg(long = "field", value_name = "FIELD")]
    fields: Vec<String>,
    #[command(flatten)]
    write: WriteArgs,
}

impl CancelArgs {
    pub(super) fn command(self) -> PendingCommand {
        about("cancel-rotation", &self.name, self.fields, self.write)
    }
}

fn about(verb: &'static str, name: &str, fields: Vec<String>, write: WriteArgs) -> PendingCommand {
    let fields = (!fields.is_empty()).then_some(fields);
    PendingCommand::about(verb, name, write).with_some("fields", fields)
}
