//! What is served at /log, to whom, and where checkpoints are published.

use std::fs;

use futures::StreamExt as _;
use ledger_proof::{LogKey, SignedCheckpoint};
use reqwest::StatusCode;

use super::{OFTEN, grow, log_status, read, text};
use crate::http::door;
use crate::service::{Service, nats_client};
use crate::wait::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_read_with_a_key_or_by_anybody_if_the_server_is_told_so() {
    let mut service = Service::start(&OFTEN).await;
    grow(&service, 260).await;
    let paths = ["checkpoint", "key", "tile/0/000", "tile/entries/000", "tile/0/001.p/4"];
    let url = service.http_url();
    for path in paths {
        let bare = door::client().get(format!("{url}/log/{path}")).send().await.expect("answered");
        assert_eq!(bare.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(read(&service, path).await.status(), StatusCode::OK, "{path}");
    }
    assert_eq!(read(&service, "history").await.status(), StatusCode::NO_CONTENT);
    for path in ["tile/0/001", "tile/0/x", "tile/2/000", "tile/0/000.p/256", "tile/"] {
        assert_eq!(read(&service, path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let tile = read(&service, "tile/0/000").await;
    let header = |name: &str| tile.headers()[name].to_str().expect("text").to_owned();
    assert_eq!(header("content-type"), "application/octet-stream");
    assert!(header("cache-control").contains("immutable"));
    let checkpoint = read(&service, "checkpoint").await;
    assert_eq!(checkpoint.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(checkpoint.headers()["cache-control"], "no-cache");
    let key: LogKey = text(&service, "key").await.parse().expect("a key");
    assert_eq!(log_status(&service).await["key"], key.to_string());
    SignedCheckpoint::verified(&checkpoint.bytes().await.expect("read"), &key).expect("signed");

    assert!(service.stop().await.success());
    service.add_args(&["--public-log"]);
    service.start_again().await;
    let url = service.http_url();
    for path in paths {
        let bare = door::client().get(format!("{url}/log/{path}")).send().await.expect("answered");
        assert_eq!(bare.status(), StatusCode::OK, "{path}");
    }
    let other = format!("{url}/api/v1/proof?position=1");
    let bare = door::client().get(other).send().await.expect("answered");
    assert_eq!(bare.status(), StatusCode::UNAUTHORIZED, "nothing else is open");
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_are_published_on_nats_and_in_a_file_while_the_log_grows() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("log.checkpoint");
    let path = file.to_str().expect("text");
    let args = ["--nats", "managed", "--checkpoint-every", "1s", "--checkpoint-file", path];
    let service = Service::start(&args).await;
    let nats = nats_client(&service).await;
    let mut seen = nats.subscribe("ledger.checkpoints").await.expect("subscribed");
    nats.flush().await.expect("NATS is there");
    grow(&service, 12).await;
    let key: LogKey = text(&service, "key").await.parse().expect("a key");
    let size = |text: &[u8]| SignedCheckpoint::verified(text, &key).expect("signed").head().0;
    let mut published = seen.next().await.expect("open").payload;
    while size(&published) < 12 {
        published = seen.next().await.expect("open").payload;
    }
    let written = eventually("it is in the file", async || {
        fs::read(&file).ok().filter(|text| text[..] == published[..])
    });
    written.await;
    assert_eq!(text(&service, "checkpoint").await.as_bytes(), &published[..]);
    assert_eq!(log_status(&service).await["checkpoint_position"], 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_copy_signs_nothing_where_the_later_checkpoint_can_be_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("log.checkpoint");
    let path = file.to_str().expect("text");
    let args = [&OFTEN[..], &["--checkpoint-file", path]].concat();
    let mut service = Service::start(&args).await;
    grow(&service, 12).await;
    assert!(service.stop().await.success());
    let mut earlier = service.copy(&args);
    service.start_again().await;
    grow(&service, 15).await;
    eventually("it is in the file", async || {
        fs::read_to_string(&file).ok().filter(|text| text.lines().nth(1) == Some("15"))
    })
    .await;
    assert!(service.stop().await.success());
    let last = fs::read(&file).expect("there");
    earlier.start_again().await;
    let refusal = eventually("it is noticed", async || {
        log_status(&earlier).await["refusal"].as_str().map(str::to_owned)
    });
    let refusal = refusal.await;
    assert!(refusal.contains("earlier copy") && refusal.contains(path), "{refusal}");
    let answer = read(&earlier, "checkpoint").await;
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let problem = answer.bytes().await.expect("read");
    let problem: serde_json::Value = serde_json::from_slice(&problem).expect("JSON");
    assert_eq!(problem["code"], "checkpoint_refused");
    grow(&earlier, 20).await;
    assert_eq!(fs::read(&file).expect("there"), last, "what others see stays");
}
