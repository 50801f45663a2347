//! Verifiers that others wrote check the log of a server.

use std::fs;
use std::process::Output;

use tokio::process::Command;

use super::{OFTEN, beside, grow, log_status, text};
use crate::http::door;
use crate::output::said;
use crate::service::Service;
use crate::settings;
use crate::wait::eventually;

/// The tree as another library makes it of the entries.
const ORACLE: &str = include_str!("oracle.py");

async fn python(args: &[&str]) -> Output {
    Command::new(settings::proofs_python()).args(args).output().await.expect("Python runs")
}

/// Waits until the latest checkpoint has so many events.
async fn signed(service: &Service, size: u64) {
    eventually("it is signed", async || {
        (log_status(service).await["checkpoint_position"] == size).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn verifiers_that_others_wrote_agree() {
    let service = Service::start(&[&OFTEN[..], &["--public-log"]].concat()).await;
    grow(&service, 280).await;
    signed(&service, 280).await;
    let (early_file, early) = beside(&service, "early.checkpoint");
    fs::write(&early_file, text(&service, "checkpoint").await).expect("written");
    grow(&service, 530).await;
    signed(&service, 530).await;
    let key = text(&service, "key").await.trim().to_owned();
    let origin = key.split('+').next().expect("a name").to_owned();
    let log = format!("{}/log", service.http_url());
    let common = ["--log-key", &key, "--origin", &origin, "--tiles", &log];
    let tlog = async |command: &str, more: &[&str]| {
        python(&[&["-m", "aics_tlog", command], &common[..], more].concat()).await
    };
    let checked = tlog("verify-checkpoint", &[]).await;
    assert!(checked.status.success(), "{}", said(&checked));
    let checked = tlog("verify-consistency", &["--old-checkpoint", &early]).await;
    assert!(checked.status.success(), "{}", said(&checked));

    let entries = door::client().get(format!("{log}/tile/entries/001")).send().await;
    let entries = entries.expect("answered");
    let entries = entries.bytes().await.expect("read");
    let length = usize::from(u16::from_be_bytes([entries[0], entries[1]]));
    let (entry_file, entry) = beside(&service, "entry");
    let first = &entries[2..2 + length];
    assert!(first.starts_with(b"connledger-event/1 257 "));
    fs::write(&entry_file, first).expect("written");
    let included = tlog("verify-inclusion", &["--leaf", &entry, "--index", "256"]).await;
    assert!(included.status.success(), "{}", said(&included));
    let elsewhere = tlog("verify-inclusion", &["--leaf", &entry, "--index", "255"]).await;
    assert!(!elsewhere.status.success(), "it is at one place only");

    let root = python(&["-c", ORACLE, &log, "530"]).await;
    assert!(root.status.success(), "{}", said(&root));
    let root = String::from_utf8(root.stdout).expect("text");
    assert_eq!(log_status(&service).await["checkpoint_root"], root.trim());
}
