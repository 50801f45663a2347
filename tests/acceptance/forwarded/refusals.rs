//! What a forwarder refuses before it begins.

use std::fs;

use super::{forward, forward_once, in_folder, live, reached};
use crate::service::Service;
use crate::wait::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn wrong_words_and_foreign_cursors_are_refused_with_what_to_do() {
    let service = Service::start(&[]).await;
    live(&service, 0, 2).await;
    let cursor = in_folder(&service, "cursor.json");
    let to = format!("file:{}", in_folder(&service, "a.ndjson").display());
    let refused = async |args: &[&str]| {
        let mut command = service.command(&["forward", "--once"]);
        let output = command.args(args).arg("--cursor").arg(&cursor).output().await;
        let output = output.expect("it runs");
        assert!(!output.status.success(), "{args:?}");
        String::from_utf8(output.stderr).expect("text")
    };
    let said = refused(&["--to", "ftp://x"]).await;
    assert!(said.contains("must be file:PATH"), "{said}");
    let said = refused(&["--to", "http://siem.example/in"]).await;
    assert!(said.contains("https"), "{said}");
    let said = refused(&["--to", &to, "--format", "xml"]).await;
    assert!(said.contains("cloudevents"), "{said}");
    let said = refused(&["--to", &to, "--after", "999999"]).await;
    assert!(said.contains("the log ends at position"), "{said}");
    forward_once(&service, &cursor, &["--to", &to]).await;
    let other = format!("file:{}", in_folder(&service, "b.ndjson").display());
    let said = refused(&["--to", &other]).await;
    assert!(said.contains("is the cursor of") && said.contains("of its own"), "{said}");
    let mut running = forward(&service, &cursor, &["--to", &to]);
    let end = live(&service, 1, 1).await;
    eventually("it has it", || async { (reached(&cursor) >= end).then_some(()) }).await;
    let said = refused(&["--to", &to]).await;
    assert!(said.contains("another forwarder uses"), "{said}");
    running.kill().await.expect("killed");
    fs::write(&cursor, "{\"form\":9}").expect("written");
    let said = refused(&["--to", &to]).await;
    assert!(said.contains("later version"), "{said}");
}
