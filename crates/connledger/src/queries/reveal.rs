//! `reveal`.

use std::collections::BTreeMap;

use clap::Args;
use ledger_client::{HandOver, RevealedGeneration, Secret};
use serde_json::json;

use super::list::short_time;
use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;

/// Shows secret values. Each use is an event in the connection's history.
#[derive(Debug, Args)]
#[command(after_help = "\
The values are sealed in transit, and only this process can open them. With one --field and without
--json, only the bare value is written to standard output.

Examples:
  connledger reveal openai-prod --field api_key --reason \"moving to the new gateway\"
  connledger reveal openai-prod --reason audit --json
  connledger reveal openai-prod --field api_key --generation former --reason \"to compare\"
  connledger reveal openai-prod --field api_key --reason \"for the new gateway\" --wrap 10m")]
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
    /// Write a token in place of the values, for whoever is to receive them once, with unwrap: a
    /// span of time like 10m, or a time, until which it can be used, at most 24 hours ahead
    #[arg(long, value_name = "DURATION|TIME", num_args = 0..=1, default_missing_value = "10m")]
    wrap: Option<String>,
    /// The only principal that may use the token; anyone who has it by default
    #[arg(long = "for", value_name = "NAME", requires = "wrap")]
    receiver: Option<String>,
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
    if let Some(until) = &args.wrap {
        return wrap(session, &args, &fields, until).await;
    }
    let revealed = session
        .client
        .reveal_generation(&session.workspace, &args.name, &fields, args.generation, &args.reason)
        .await?;
    show_secrets(session.out, &revealed, fields.len() == 1)
}

/// Hands the values over, and writes the token.
async fn wrap(
    session: &Session,
    args: &RevealArgs,
    fields: &[&str],
    until: &str,
) -> Result<(), Failure> {
    let how = HandOver {
        fields,
        generation: args.generation,
        reason: &args.reason,
        until,
        receiver: args.receiver.as_deref(),
    };
    let made = session.client.hand_over(&session.workspace, &args.name, &how).await?;
    if session.out.is_json() {
        return session.out.object(&json!({
            "handover": made.id, "token": made.token, "expires_at": made.expires_at,
        }));
    }
    session.out.verbatim(&made.token)?;
    let (id, until) = (&made.id, short_time(&made.expires_at));
    session.out.say(format!("handover {id} can be used once, until {until}"));
    Ok(())
}

/// Writes secrets, a single one bare if it is clear which it is.
pub(crate) fn show_secrets(
    out: Output,
    secrets: &BTreeMap<String, Secret>,
    bare: bool,
) -> Result<(), Failure> {
    for (field, secret) in secrets {
        let (value, generation) = (secret.value(), secret.generation());
        if out.is_json() {
            out.object(&json!({
                "field": field, "generation": generation, "reference": secret.reference(),
                "value": value,
            }))?;
        } else if bare {
            out.verbatim(value)?;
        } else {
            out.verbatim(format!("{field}={value}"))?;
        }
    }
    if secrets.is_empty() {
        out.say("the connection has no secrets");
    }
    Ok(())
}
