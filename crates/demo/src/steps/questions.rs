//! Lists and history.

use serde_json::Value;

use crate::context::{Context, check};
use crate::error::DemoError;
use crate::ledger::{number_at, text_at};
use crate::output::tell;

pub(crate) async fn list_with_filters(context: &mut Context) -> Result<(), DemoError> {
    context.title("Queries: any combination of filters, with an exact total")?;
    let filters = ["list", "--tag", "llm", "--environment", "live", "--enabled", "true"];
    let sorted = [&filters[..], &["--sort", "name", "--page-size", "8"]].concat();
    let shown = context.shell.run(&sorted, None).await?;
    shown.expect(0)?;
    let fits = |view: &Value| {
        let tags = view.get("tags").and_then(Value::as_array);
        tags.is_some_and(|tags| tags.iter().any(|tag| tag == "llm"))
            && text_at(view, "/environment") == "live"
            && view.get("enabled") == Some(&Value::Bool(true))
            && text_at(view, "/lifecycle") == "active"
    };
    let every = context.ledger.every_connection().await?;
    let expected = every.iter().filter(|view| fits(view)).count();
    check(shown.stderr.contains(&format!(" of {expected} shown")), "the total is exact")?;
    let all = [&filters[..], &["--all", "--page-size", "5", "--json"]].concat();
    let walked = context.shell.run_unseen(&all, None).await?;
    walked.expect(0)?;
    let rows = walked.stdout.lines().count();
    check(rows == expected, format!("{rows} rows on all pages, expected {expected}"))?;
    let text = context.shell.run(&["list", "--text", "warehouse", "--kind", "databasesql"], None);
    text.await?.expect(0)
}

pub(crate) async fn history_by_actor(context: &mut Context) -> Result<(), DemoError> {
    context.title("Who changed what? Every change is in the history, with its actor")?;
    let events = context.ledger.every_event().await?;
    let actor = events.last().map(|event| text_at(event, "/actor").to_owned()).unwrap_or_default();
    let shown =
        context.shell.run(&["history", "--actor", &actor, "--page-size", "8"], None).await?;
    shown.expect(0)?;
    let expected = events.iter().filter(|event| text_at(event, "/actor") == actor).count();
    check(shown.stderr.contains(&format!(" of {expected} shown")), "nothing is missing")?;
    let positions = events.iter().map(|event| number_at(event, "/position"));
    check(positions.eq(1..=events.len() as u64), "the log has no gaps")?;
    let one =
        context.shell.run(&["history", "openai-prod", "--type", "secret_rotated"], None).await?;
    one.expect(0)?;
    check(one.stdout.contains("secret_rotated"), "the rotation is in the history")?;
    tell(format!("  {} events in all, positions without a gap", events.len()))
}
