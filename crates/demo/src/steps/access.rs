//! A gateway gets its own key, which only reads, in one workspace.

use ledger_contract::subjects::DEFAULT_WORKSPACE;
use serde_json::Value;

use crate::context::{Context, check};
use crate::error::DemoError;
use crate::ledger::{number_at, text_at};
use crate::output::tell;
use crate::shell::Ran;

/// Name of the gateway, and of the only workspace it may use.
const GATEWAY: &str = "eu-1";
const ITS_OWN: &str = "search";

pub(crate) async fn one_workspace_and_no_more(context: &mut Context) -> Result<(), DemoError> {
    context.title("A gateway gets its own key: one workspace, read-only")?;
    let made = ["workspace", "create", ITS_OWN, "--name", "Search team"];
    context.shell.run(&made, None).await?.expect(0)?;
    let openai = ["create", "--slug", "openai-search", "--provider", "openai", "-w", ITS_OWN];
    context.command(&openai).await?;
    let create = ["principal", "create", GATEWAY, "--kind", "gateway", "--role", "gateway"];
    let create = [&create[..], &["--workspace", ITS_OWN]].concat();
    context.shell.run(&create, None).await?.expect(0)?;
    let issued = context.run_keeping_the_key(&["key", "issue", "--for", GATEWAY, "--json"]).await?;
    let (key, id) = (text_at(&issued, "/key"), text_at(&issued, "/id"));
    check(key.starts_with("sk_live_") && key.contains(id), "the key names its id")?;

    tell("  With its key it sees only its workspace:")?;
    let who = context.shell.run_as(key, &["whoami"]).await?;
    who.expect(0)?;
    check(who.stdout.contains("gateway:eu-1"), who.stdout)?;
    let listed = context.shell.run_as(key, &["list", "--all-workspaces"]).await?;
    listed.expect(0)?;
    check(listed.stdout.lines().count() == 2, "the list has one connection")?;
    check(listed.stdout.contains("openai-search"), "it is the one of its workspace")?;
    check(listed.stderr.contains("1 of 1 shown"), "the total excludes other workspaces")?;
    let elsewhere = context.shell.run_as(key, &["get", "openai-prod", "-w", DEFAULT_WORKSPACE]);
    refused(&elsewhere.await?, "forbidden")?;
    let write = ["disable", "openai-search", "-w", ITS_OWN];
    refused(&context.shell.run_as(key, &write).await?, "forbidden")?;

    tell("  `access check` explains why:")?;
    let may = ["access", "check", "--as", GATEWAY, "--may"];
    let look = [&may[..], &["read", "--on", "openai-search", "-w", ITS_OWN]].concat();
    let look = context.shell.run(&look, None).await?;
    look.expect(0)?;
    check(look.stdout.starts_with("allowed:"), look.stdout)?;
    let touch = [&may[..], &["disable", "--on", "openai-search", "-w", ITS_OWN]].concat();
    let touch = context.shell.run(&touch, None).await?;
    touch.expect(1)?;
    check(touch.stdout.starts_with("denied:"), touch.stdout)?;

    tell("  The key is revoked, and from then on refused:")?;
    let revoke = ["key", "revoke", id, "--reason", "seen in a screenshot"];
    context.shell.run(&revoke, None).await?.expect(0)?;
    refused(&context.shell.run_as(key, &["whoami"]).await?, "credential_revoked")?;
    let keys = context.shell.run(&["key", "list", "--for", GATEWAY], None).await?;
    keys.expect(0)?;
    check(keys.stdout.contains("revoked") && !keys.stdout.contains(key), keys.stdout)?;
    let head = context.ledger.head().await?;
    context.gateway()?.wait_for(head).await?;
    let events = context.ledger.every_event().await?;
    check(number_at(&issued, "/position") > 0, "issuing it is an event")?;
    let known = |name: &str| events.iter().any(|event| text_at(event, "/type") == name);
    check(known("api_key_issued") && known("api_key_revoked"), "both are in the history")?;
    check(events.iter().all(|event| !event.to_string().contains(key)), "and the key is not")
}

fn refused(ran: &Ran, code: &str) -> Result<(), DemoError> {
    ran.expect(1)?;
    check(ran.stderr.contains(code), format!("expected {code}: {}", ran.stderr))
}

impl Context {
    /// Issues a key, shows it without its secret part, and searches all later output for it.
    async fn run_keeping_the_key(&mut self, args: &[&str]) -> Result<Value, DemoError> {
        tell(format!("  $ connledger {}", args.join(" ")))?;
        let ran = self.shell.run_unseen(args, None).await?;
        ran.expect(0)?;
        let issued: Value = serde_json::from_str(&ran.stdout)
            .map_err(|error| DemoError::internal(format!("no JSON: {error}")))?;
        let secret = text_at(&issued, "/key").splitn(4, '_').nth(3).unwrap_or_default().to_owned();
        check(secret.len() > 20, "a key has a secret part")?;
        let shown = ran.stdout.replace(&secret, "...");
        shown.lines().chain(ran.stderr.lines()).try_for_each(|line| tell(format!("    {line}")))?;
        self.issued.push(secret);
        Ok(issued)
    }
}
