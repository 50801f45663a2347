//! What survives: a killed server, a rebuilt read model, a search for secrets.

use std::path::Path;

use crate::error::DemoError;
use crate::gateway::{Gateway, Voice};
use crate::ledger::SERVER_FILE;
use crate::output::tell;
use crate::scan;
use crate::stage::{Stage, check};

pub(crate) async fn kill_and_restart(stage: &mut Stage) -> Result<(), DemoError> {
    stage.title("The server is killed (kill -9) and started again")?;
    let before = (stage.ledger.every_connection().await?, stage.ledger.every_event().await?);
    let interruptions = stage.gateway()?.seen().interruptions;
    let server = stage.server.take().ok_or_else(|| DemoError::internal("no server runs"))?;
    server.kill().await?;
    stage.gateway()?.wait("the outage", |seen| seen.interruptions > interruptions).await?;
    let scan = look_for(&stage.data_dir, stage.secrets.mark())?;
    check(scan.found.is_empty(), format!("a secret is in {:?}", scan.found))?;
    stage.start_server().await?;
    let after = (stage.ledger.every_connection().await?, stage.ledger.every_event().await?);
    check(before == after, "state and history are the same as before")?;
    tell("  State and history are the same, byte for byte. The gateway goes on where it was:")?;
    stage.command(&["enable", "twilio-sms"]).await?;
    let head = stage.ledger.head().await?;
    let seen = stage.gateway()?.seen();
    let first = seen.caught_up.unwrap_or_default() + 1;
    let once = seen.changes.iter().copied().eq(first..=head);
    check(once, format!("each change came once and in order: {:?}", seen.changes))?;
    let count = seen.changes.len();
    tell(format!("  {count} changes since it began to watch, each once, in order"))
}

pub(crate) async fn replay(stage: &mut Stage) -> Result<(), DemoError> {
    stage.title("The read models are rebuilt from the log and compared, then put into service")?;
    let before = (stage.ledger.every_connection().await?, stage.ledger.every_event().await?);
    stage.shell.run(&["replay", "--verify"], None).await?.expect(0)?;
    stage.shell.run(&["replay"], None).await?.expect(0)?;
    let after = (stage.ledger.every_connection().await?, stage.ledger.every_event().await?);
    check(before == after, "answers are the same after the rebuild")?;
    tell("  Every answer is the same after the rebuild")
}

pub(crate) async fn stop_and_look_for_secrets(stage: &mut Stage) -> Result<(), DemoError> {
    stage.title("The server stops when told to; then its folder is searched for secrets")?;
    // A third gateway leaves before the end, so that stopping meets a vanished reader too.
    drop(Gateway::start(stage.ledger.watcher().await?, Voice::Silent));
    stage.gateway = None;
    let server = stage.server.take().ok_or_else(|| DemoError::internal("no server runs"))?;
    let status = server.stop().await?;
    check(status.success(), format!("it ended with {status}"))?;
    check(!stage.data_dir.join(SERVER_FILE).exists(), "server.json is gone")?;
    stage.shell.run(&["replay", "--verify"], None).await?.expect(0)?;
    let control = look_for(&stage.folder, "429 from the provider since 10:00")?;
    check(!control.found.is_empty(), "the search finds what is not secret")?;
    let scan = look_for(&stage.folder, stage.secrets.mark())?;
    check(scan.found.is_empty(), format!("a secret is in {:?}", scan.found))?;
    for secret in &stage.issued {
        let scan = look_for(&stage.folder, secret)?;
        check(scan.found.is_empty(), format!("an API key is in {:?}", scan.found))?;
    }
    check(!stage.shell.leaked(), "a command has printed a secret")?;
    let (files, kib, made) = (scan.files, scan.bytes / 1024, stage.secrets.made());
    tell(format!("  {made} secrets, {files} files, {kib} KiB, NATS files and logs included: none"))
}

fn look_for(folder: &Path, text: &str) -> Result<scan::Scan, DemoError> {
    scan::search(folder, text).map_err(|error| {
        DemoError::internal(format!("cannot search {}: {error}", folder.display()))
    })
}
