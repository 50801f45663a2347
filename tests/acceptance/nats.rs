//! A NATS client that is not ours: nats-py, run by `foreign_client.py`.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::canary::{CANARY, expect_silence_in, sings};
use crate::service::Service;
use crate::settings;

/// Runs one part of the script against a service. Returns what it saw.
async fn foreign_client(service: &Service, part: &str) -> Vec<u8> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/acceptance/foreign_client.py");
    let seen = service.folder().with_extension("seen");
    let output = Command::new(settings::python())
        .args([script, part])
        .env("LEDGER_URL", service.nats_url())
        .env("LEDGER_KEY", service.key())
        .env("LEDGER_CANARY", CANARY)
        .env("LEDGER_SEEN", &seen)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("python runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}\n{}", service.log());
    let bytes = std::fs::read(&seen).expect("the script leaves what it saw");
    std::fs::remove_file(&seen).expect("it is there");
    assert!(bytes.len() > 1_000, "hardly anything was seen");
    assert!(!sings(&bytes), "the canary was seen on the wire");
    assert!(!sings(said.as_bytes()));
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_client_commands_asks_consumes_and_watches() {
    let mut service = Service::start(&["--nats", "managed", "--log", "debug"]).await;
    let seen = foreign_client(&service, "life").await;
    let seen = String::from_utf8(seen).expect("text");
    for part in ["connection_created", "secret_rotated", "$KV.ledger-connections.", "$SRV.PING"] {
        assert!(seen.contains(part), "{part} was not seen");
    }
    let replay = service.run(&["replay", "--verify", "--json"]).await;
    assert!(replay.status.success());
    assert!(service.stop().await.success());
    expect_silence_in(service.folder());
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_from_a_foreign_client_is_refused_and_leaves_no_trace_but_a_counter() {
    let mut service = Service::start(&["--nats", "managed", "--log", "debug"]).await;
    let client = service.client().await;
    let status = async || -> Value {
        let answer = client.query("default", "status", &json!({})).await.expect("answered");
        serde_json::from_slice(&answer).expect("JSON")
    };
    let before = status().await;
    let seen = foreign_client(&service, "bad-input").await;
    let after = status().await;
    let made: u64 = 1;
    assert_eq!(after["position"], json!(before["position"].as_u64().expect("a number") + made));
    let text = String::from_utf8_lossy(&seen).into_owned();
    let counts = after["refused"].as_object().expect("counters");
    for code in [
        "verb_unknown",
        "body_malformed",
        "credential_missing",
        "credential_invalid",
        "deadline_expired",
        "header_invalid",
        "field_invalid",
        "slug_taken",
        "version_conflict",
        "record_too_large",
        "connection_unknown",
        "workspace_unknown",
    ] {
        assert!(text.contains(code), "{code} was not answered");
        assert!(counts.contains_key(code), "{code} was not counted: {counts:?}");
    }
    assert!(service.stop().await.success());
    expect_silence_in(service.folder());
}
