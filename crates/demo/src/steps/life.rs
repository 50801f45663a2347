//! Secrets, health and lifecycle of one connection.

use crate::context::{Context, check};
use crate::error::DemoError;
use crate::ledger::{number_at, text_at};
use crate::output::tell;

pub(crate) async fn rotate_a_secret(context: &mut Context) -> Result<(), DemoError> {
    context
        .title("A key is replaced; every gateway learns of it at once, and nobody sees the key")?;
    let before = context.ledger.get("openai-prod").await?;
    let key = context.secrets.make("sk-proj-");
    let args = ["rotate-secret", "openai-prod", "--secret", "apiKey=-"];
    let ran = context.shell.run(&args, Some(&key)).await?;
    ran.expect(0)?;
    let position = context.ledger.head().await?;
    context.gateway()?.wait_for(position).await?;
    let after = context.ledger.get("openai-prod").await?;
    let masked = |value| text_at(value, "/secrets/apiKey/masked").to_owned();
    check(number_at(&after, "/secrets/apiKey/generation") == 2, "the key is at generation 2")?;
    check(masked(&before) != masked(&after), "the two keys look different")?;
    let seen = context.gateway()?.seen();
    let seen = seen.latest.get(text_at(&after, "/id")).cloned().unwrap_or_default();
    check(seen.pointer("/connection") == Some(&after), "the gateway has the new state")?;
    tell(format!("  {} became {}, generation 2", masked(&before), masked(&after)))
}

pub(crate) async fn degrade_and_recover(context: &mut Context) -> Result<(), DemoError> {
    context.title("A provider has problems and recovers")?;
    let reason = "429 from the provider since 10:00";
    context.command(&["mark-degraded", "anthropic-prod", "--reason", reason]).await?;
    let degraded = context.ledger.get("anthropic-prod").await?;
    check(text_at(&degraded, "/health/state") == "degraded", "it is degraded")?;
    check(text_at(&degraded, "/health/reason") == reason, "the reason is kept")?;
    context.command(&["mark-operational", "anthropic-prod"]).await?;
    let recovered = context.ledger.get("anthropic-prod").await?;
    check(text_at(&recovered, "/health/state") == "operational", "it is operational")
}

pub(crate) async fn archive_and_restore(context: &mut Context) -> Result<(), DemoError> {
    context.title("A connection is archived, and restored as it was")?;
    let tool = ["tool", "tool-001", "--name", "Code Analyzer"];
    let link = [&["link-dependent", "github-client-credentials"], &tool[..]].concat();
    context.command(&link).await?;
    let in_use = context.shell.run(&["archive", "github-client-credentials"], None).await?;
    in_use.expect(1)?;
    check(in_use.stderr.contains("connection_in_use"), "a connection in use is not archived")?;
    let before = context.ledger.get("mailgun-eu").await?;
    let id = text_at(&before, "/id").to_owned();
    context.command(&["archive", "mailgun-eu", "--reason", "moved to resend"]).await?;
    let refused = context.shell.run(&["enable", &id], None).await?;
    refused.expect(1)?;
    check(
        refused.stderr.contains("connection_archived"),
        "an archived connection refuses changes",
    )?;
    context.command(&["restore", &id]).await?;
    let after = context.ledger.get("mailgun-eu").await?;
    check(text_at(&after, "/lifecycle") == "active", "it is active again")?;
    let same = |field: &str| before.pointer(field) == after.pointer(field);
    check(same("/config") && same("/secrets") && same("/tags"), "it was restored as it was")
}
