//! `reveal`.

use clap::Args;
use ledger_client::RevealedGeneration;
use serde_json::json;

use crate::failure::Failure;
use crate::session::Session;

/// Shows secret values. Each use is an event in the connection's history.
#[derive(Debug, Args)]
#[command(after_help = "\
The values are sealed in transit, and only this process can open them. With one --field and without
--json, only the bare value is written to standard output.

Examples:
  connledger reveal openai-prod --field api_key --reason \"moving to the new gateway\"
  connledger reveal openai-prod --reason audit --json
  connledger reveal openai-prod --field api_key --generation former --reason \"to compare\"")]
pub(crate) struct RevealArgs {
    /// Id or slug
    name: String,
    /// Secret field; all fields if omitted
    #[arg(long = "field", value_name = "FIELD")]
    fields: Vec<String>,
    /// Which generation: current, former, or its number. Former ones are given out while a rotation
    /// keeps them
    #[arg(long, default_value = "current", value_parser = generation)]
    generation: RevealedGeneration,
    /// Reason; kept in the history
    #[arg(long)]
    reason: String,
}

fn generation(text: &str) -> Result<RevealedGeneration, &'static str> {
    match text {
        "current" => Ok(RevealedGeneration::Current),
        "former" => Ok(RevealedGeneration::Former),
        number => match number.parse() {
            Ok(number) => Ok(RevealedGeneration::Exactly(number)),
            Err(_) => Err("must be current, former or a number"),
        },
    }
}

pub(super) async fn run(session: &Session, args: RevealArgs) -> Result<(), Failure> {
    let fields: Vec<&str> = args.fields.iter().map(String::as_str).collect();
    let revealed = session
        .client
        .reveal_generation(&session.workspace, &args.name, &fields, args.generation, &args.reason)
        .await?;
    for (field, secret) in &revealed {
        let (value, generation) = (secret.value(), secret.generation());
        if session.out.is_json() {
            session
                .out
                .object(&json!({ "field": field, "generation": generation, "value": value }))?;
        } else if fields.len() == 1 {
            session.out.verbatim(value)?;
        } else {
            session.out.verbatim(format!("{field}={value}"))?;
        }
    }
    if revealed.is_empty() {
        session.out.say("the connection has no secrets");
    }
    Ok(())
}
