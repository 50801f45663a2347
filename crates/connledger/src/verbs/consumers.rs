//! `confirm-secret` and `remove-consumer`.

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::pending::{PendingCommand, WriteArgs};

/// The commands about who uses the secrets of a connection.
#[derive(Debug, Subcommand)]
pub(crate) enum ConsumersCommand {
    ConfirmSecret(ConfirmArgs),
    RemoveConsumer(RemoveArgs),
}

impl ConsumersCommand {
    pub(super) fn command(self) -> PendingCommand {
        match self {
            Self::ConfirmSecret(args) => args.command(),
            Self::RemoveConsumer(args) => args.command(),
        }
    }
}

/// Says which generation of a secret a consumer uses.
#[derive(Debug, Args)]
#[command(after_help = "\
Without --generation, the consumer uses the connection no more.

Examples:
  connledger confirm-secret openai-prod nightly-report --generation api_key=5
  connledger confirm-secret openai-prod nightly-report")]
pub(crate) struct ConfirmArgs {
    /// Id or slug
    name: String,
    /// Name of the consumer, which stays the same across restarts
    consumer: String,
    /// Secret field and the generation of it that the consumer uses; repeat for each field
    #[arg(long = "generation", value_name = "FIELD=NUMBER", value_parser = generation)]
    generations: Vec<(String, u64)>,
    #[command(flatten)]
    write: WriteArgs,
}

fn generation(text: &str) -> Result<(String, u64), &'static str> {
    let form = "must be FIELD=NUMBER, such as api_key=5";
    let (field, number) = text.rsplit_once('=').ok_or(form)?;
    Ok((field.to_owned(), number.parse().map_err(|_| form)?))
}

impl ConfirmArgs {
    fn command(self) -> PendingCommand {
        let generations = self.generations.into_iter();
        let generations: Map<String, Value> =
            generations.map(|(field, number)| (field, number.into())).collect();
        PendingCommand::about("confirm-secret", &self.name, self.write)
            .with("consumer", self.consumer)
            .with("generations", generations)
    }
}

/// Forgets a consumer.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger remove-consumer openai-prod gateway-eu-1")]
pub(crate) struct RemoveArgs {
    /// Id or slug
    name: String,
    /// Name of the consumer
    consumer: String,
    #[command(flatten)]
    write: WriteArgs,
}

impl RemoveArgs {
    fn command(self) -> PendingCommand {
        PendingCommand::about("remove-consumer", &self.name, self.write)
            .with("consumer", self.consumer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_is_a_field_and_a_number() {
        assert_eq!(generation("api_key=5"), Ok(("api_key".to_owned(), 5)));
        assert_eq!(generation("a=b=5"), Ok(("a=b".to_owned(), 5)));
        for wrong in ["api_key", "api_key=", "api_key=former", "api_key=-1"] {
            assert!(generation(wrong).is_err(), "{wrong}");
        }
    }
}
