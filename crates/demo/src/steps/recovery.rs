//! Recovery: a killed server, rebuilt read models, and a search for leaked secrets.

use std::path::Path;

use crate::context::{Context, check};
use crate::error::DemoError;
use crate::gateway::{Gateway, Verbosity};
use crate::ledger::SERVER_FILE;
use crate::output::tell;
use crate::scan;

pub(crate) async fn kill_and_restart(context: &mut Context) -> Result<(), DemoError> {
    context.title("The server is killed (kill -9) and started again")?;
    let before = (context.ledger.every_connection().await?, context.ledger.every_event().await?);
    let interruptions = context.gateway()?.seen().interruptions;
    let server = context.server.take().ok_or_else(|| DemoError::internal("no server runs"))?;
    server.kill().await?;
    context.gateway()?.wait("the outage", |seen| seen.interruptions > interruptions).await?;
    let scan = look_for(&context.data_dir, context.secrets.mark())?;
    check(scan.found.is_empty(), format!("a secret is in {:?}", scan.found))?;
    context.start_server().await?;
    let after = (context.ledger.every_connection().await?, context.ledger.every_event().await?);
    check(before == after, "state and history are the same as before")?;
    tell("  State and history are the same, byte for byte. The gateway continues where it was:")?;
    context.command(&["enable", "twilio-sms"]).await?;
    let head = context.ledger.head().await?;
    let seen = context.gateway()?.seen();
    let first = seen.caught_up.unwrap_or_default() + 1;
    let once = seen.changes.iter().copied().eq(first..=head);
    check(once, format!("each change arrived once and in order: {:?}", seen.changes))?;
    let count = seen.changes.len();
    tell(format!("  {count} changes since it started watching, each once and in order"))
}

pub(crate) async fn replay(context: &mut Context) -> Result<(), DemoError> {
    context
        .title("The read models are rebuilt from the log and compared, then put into service")?;
    let before = (context.ledger.every_connection().await?, context.ledger.every_event().await?);
    context.shell.run(&["replay", "--verify"], None).await?.expect(0)?;
    context.shell.run(&["replay"], None).await?.expect(0)?;
    let after = (context.ledger.every_connection().await?, context.ledger.every_event().await?);
    check(before == after, "answers are the same after the rebuild")?;
    tell("  Every answer is the same after the rebuild")
}

pub(crate) async fn stop_and_look_for_secrets(context: &mut Context) -> Result<(), DemoError> {
    context.title("The server is stopped; then its folder is searched for secrets")?;
    // A third gateway disconnects first, so that the server stops with a vanished reader.
    drop(Gateway::start(context.ledger.watcher().await?, Verbosity::Silent));
    context.gateway = None;
    let server = context.server.take().ok_or_else(|| DemoError::internal("no server runs"))?;
    let status = server.stop().await?;
    check(status.success(), format!("it ended with {status}"))?;
    check(!context.data_dir.join(SERVER_FILE).exists(), "server.json is gone")?;
    context.shell.run(&["replay", "--verify"], None).await?.expect(0)?;
    let control = look_for(&context.folder, "429 from the provider since 10:00")?;
    check(!control.found.is_empty(), "the search finds text that is not secret")?;
    let scan = look_for(&context.folder, context.secrets.mark())?;
    check(scan.found.is_empty(), format!("a secret is in {:?}", scan.found))?;
    for secret in &context.issued {
        let scan = look_for(&context.folder, secret)?;
        check(scan.found.is_empty(), format!("an API key is in {:?}", scan.found))?;
    }
    check(!context.shell.leaked(), "a command has printed a secret")?;
    let (files, kib, made) = (scan.files, scan.bytes / 1024, context.secrets.made());
    tell(format!("  {made} secrets, {files} files, {kib} KiB, NATS files and logs included: none"))
}

fn look_for(folder: &Path, text: &str) -> Result<scan::Scan, DemoError> {
    scan::search(folder, text).map_err(|error| {
        DemoError::internal(format!("cannot search {}: {error}", folder.display()))
    })
}
