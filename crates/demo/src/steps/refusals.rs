//! Refused commands and their errors.

use ledger_client::CommandHeaders;
use ledger_contract::subjects::DEFAULT_WORKSPACE;
use serde_json::json;

use crate::context::{Context, check};
use crate::error::DemoError;
use crate::ledger::number_at;
use crate::output::tell;

pub(crate) async fn stale_version(context: &mut Context) -> Result<(), DemoError> {
    context.title("Two people edit one connection; the second has an old copy")?;
    let version = number_at(&context.ledger.get("stripe-live").await?, "/version").to_string();
    let edit = |name| ["update", "stripe-live", "--name", name, "--expect-version", &version];
    context.command(&edit("Stripe, all shops")).await?;
    let head = context.ledger.head().await?;
    let refused = context.shell.run(&edit("Stripe EU"), None).await?;
    refused.expect(1)?;
    check(refused.stderr.contains("version_conflict"), "the code names the problem")?;
    check(refused.stderr.contains("hint:"), "a hint names the remedy")?;
    check(context.ledger.head().await? == head, "a refused command leaves no trace in the log")
}

pub(crate) async fn same_command_twice(context: &mut Context) -> Result<(), DemoError> {
    context.title("A caller loses the answer and repeats its command")?;
    let args = ["disable", "twilio-sms", "--reason", "fraud check", "--command-id", "ticket-4711"];
    let first = context.command(&args).await?;
    let head = context.ledger.head().await?;
    let second = context.command(&args).await?;
    check(second.trim_end().ends_with("(repeated)"), "the second is recognized")?;
    check(second.starts_with(first.trim_end()), "both answers are the same")?;
    check(context.ledger.head().await? == head, "it was executed once")?;
    tell("  Another command under the same id is refused:")?;
    let other = ["enable", "twilio-sms", "--command-id", "ticket-4711"];
    let reused = context.shell.run(&other, None).await?;
    reused.expect(1)?;
    check(reused.stderr.contains("command_id_reused"), "the code names the problem")?;
    no_key_no_answer(context).await
}

/// Shows that a request without a valid key is refused.
async fn no_key_no_answer(context: &mut Context) -> Result<(), DemoError> {
    tell("  Without a valid key, every request is refused:")?;
    let wrong = ["list", "--key", "sk_test_wrong"];
    let refused = context.shell.run(&wrong, None).await?;
    refused.expect(1)?;
    check(refused.stderr.contains("credential_invalid"), "the code names the problem")?;
    let client = context.ledger.client().await?;
    let body = json!({ "provider": "openai", "colour": "red" }).to_string().into_bytes();
    let bad = client.command(DEFAULT_WORKSPACE, "create", body, CommandHeaders::default()).await;
    check(
        bad.is_err_and(|error| error.code() == Some("body_malformed")),
        "unknown fields are refused",
    )
}
