//! To files.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use super::{expect_whole, forward, forward_once, head, in_folder, live, reached};
use crate::service::Service;
use crate::wait::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_forwarder_misses_nothing_and_repeats_at_most_a_page() {
    const KILLS: usize = 8;
    let service = Service::start(&[]).await;
    let (file, cursor) = (in_folder(&service, "events.ndjson"), in_folder(&service, "cursor.json"));
    let to = format!("file:{}", file.display());
    for round in 0..KILLS {
        let before = reached(&cursor);
        let mut forwarder = forward(&service, &cursor, &["--to", &to]);
        live(&service, round, 15).await;
        // At different moments of what it does.
        eventually("it moves", || async { (reached(&cursor) > before).then_some(()) }).await;
        tokio::task::yield_now().await;
        forwarder.kill().await.expect("killed");
    }
    forward_once(&service, &cursor, &["--to", &to]).await;
    let text = fs::read_to_string(&file).expect("lines");
    let positions: Vec<u64> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a whole line"))
        .map(|event| event["position"].as_u64().expect("a position"))
        .collect();
    expect_whole(&positions, head(&service).await, KILLS);
    assert!(!text.contains("ciphertext"), "no secret, sealed or not");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_has_a_row_for_each_event_of_the_wanted_types() {
    let service = Service::start(&["--nats", "managed"]).await;
    live(&service, 0, 5).await;
    let (file, cursor) = (in_folder(&service, "all.csv"), in_folder(&service, "cursor.json"));
    let to = format!("file:{}", file.display());
    let args = ["--to", &to, "--format", "csv", "--type", "marked_degraded"];
    forward_once(&service, &cursor, &args).await;
    let count = || csv::Reader::from_path(&file).expect("a table").records().count();
    assert_eq!(count(), 5);
    live(&service, 1, 3).await;
    forward_once(&service, &cursor, &args).await;
    assert_eq!(count(), 8, "it goes on where it was");
    forward_once(&service, &cursor, &args).await;
    assert_eq!(count(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_written_is_tried_again() {
    let service = Service::start(&[]).await;
    let last = live(&service, 0, 2).await;
    let folder = in_folder(&service, "later");
    let cursor = in_folder(&service, "cursor.json");
    let to = format!("file:{}", folder.join("events.ndjson").display());
    let mut forwarder = forward(&service, &cursor, &["--to", &to]);
    tokio::time::timeout(Duration::from_millis(300), forwarder.wait()).await.expect_err("it runs");
    assert_eq!(reached(&cursor), 0, "nothing was taken");
    fs::create_dir(&folder).expect("made");
    eventually("it is written", || async { (reached(&cursor) >= last).then_some(()) }).await;
    forwarder.kill().await.expect("killed");
}
