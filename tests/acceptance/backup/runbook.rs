//! The runbooks for backups in `deploy/README.md`.

use super::s3_server::{S3Server, variables};
use crate::machine::{Machine, blocks, stop};
use crate::wait::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn the_runbooks_for_backups_run_as_written() {
    let s3 = S3Server::start().await;
    let url = s3.url();
    let variables = variables(&url).into_iter();
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let mut machine = Machine::with_ledger(variables).await;
    let blocks = blocks("Backups");
    let [serve, at_once, look, offline, lost, mistake] = blocks[..] else {
        panic!("the section has other blocks: {blocks:#?}")
    };
    let child = machine.serve(serve, "/srv/ledger").await;
    let create =
        "connledger create --data-dir /srv/ledger --slug main --provider x --secret k=sk-012345";
    machine.run(create).await;
    eventually("the first backup of the schedule is made", async || {
        let told = machine.run("connledger status --data-dir /srv/ledger").await;
        (told.contains("ago, to position") && !told.contains("backup running")).then_some(())
    })
    .await;
    let told = machine.run(at_once).await;
    assert!(told.contains("backed up to position") && told.contains("last backup"), "{told}");
    let told = machine.run(look).await;
    assert!(told.contains("every line is the ledger's own"), "{told}");
    stop(child).await;
    let told = machine.run(offline).await;
    assert!(told.contains("s3://backups/ledger"), "{told}");
    let (restore, serve) = lost.split_once("connledger serve").expect("it serves");
    let told = machine.run(restore).await;
    assert!(told.contains("new history"), "{told}");
    let child = machine.serve(&format!("connledger serve{serve}"), "/srv/ledger-restored").await;
    let shown = machine.run("connledger get main --data-dir /srv/ledger-restored --json").await;
    let shown: serde_json::Value =
        serde_json::from_str(shown.lines().next().expect("a line")).expect("JSON");
    stop(child).await;
    let before = shown["updated_at"].as_str().expect("a time").to_owned();
    machine.set("BEFORE", &before);
    let told = machine.run(mistake).await;
    assert!(told.contains("restored to position"), "{told}");
}
