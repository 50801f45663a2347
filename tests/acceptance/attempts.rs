//! Attempts at each door, as the audit journal tells them over the command line, HTTP and NATS.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::canary::{CANARY, expect_silence_in};
use crate::http::door::client;
use crate::service::Service;
use crate::wait::eventually;

/// Returns the entries that a run of the program prints, one a line.
async fn printed(service: &Service, args: &[&str]) -> Vec<Value> {
    let all = [&["audit", "--json", "--oldest-first"], args].concat();
    let output = service.run(&all).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn field<'a>(entries: &'a [Value], name: &str) -> Vec<&'a str> {
    entries.iter().map(|entry| entry[name].as_str().unwrap_or("-")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_with_wrong_keys_are_told_from_every_door_and_the_keys_are_not() {
    let mut service = Service::start(&["--nats", "managed"]).await;
    let (http, base) = (client(), service.http_url());
    // A key that was accepted from the address is never locked out there.
    let sent = http.get(format!("{base}/api/v1/whoami")).bearer_auth(service.key()).send().await;
    assert_eq!(sent.expect("answered").status(), StatusCode::OK);
    let id = service.key().split('_').nth(2).expect("an id").to_owned();
    let named = format!("sk_live_{id}_{CANARY}");
    for (path, header) in [
        ("/api/v1/workspaces/default/connections/main", "authorization"),
        ("/v1/integrations", "x-portkey-api-key"),
    ] {
        let value =
            if header == "authorization" { format!("Bearer {named}") } else { named.clone() };
        let answer = http.get(format!("{base}{path}")).header(header, value).send().await;
        assert_eq!(answer.expect("answered").status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    let wrong = format!("sk_live_aaaaaaaaaaaa_{CANARY}");
    let listed = service.command(&["list"]).env("CONNLEDGER_KEY", &wrong).output().await;
    assert!(!listed.expect("connledger runs").status.success());
    // Then the address is locked out.
    for _ in 0..12 {
        let sent = http.get(format!("{base}/api/v1/whoami")).bearer_auth(&wrong).send().await;
        sent.expect("answered");
    }
    let wrong_keys = printed(&service, &["--kind", "credential_invalid"]).await;
    let told = |name: &str| field(&wrong_keys, name);
    assert_eq!(told("via"), ["http", "portkey", "nats", "http"], "{wrong_keys:?}");
    assert_eq!(told("key"), [id.as_str(), id.as_str(), "-", "-"]);
    assert_eq!(told("address"), ["127.0.0.1", "127.0.0.1", "-", "127.0.0.1"]);
    assert_eq!(told("operation")[0], "get");
    assert_eq!((told("connection")[0], told("workspace")[0]), ("main", "default"));
    assert_eq!(told("actor"), ["-"; 4], "nobody had the key that was named");
    let locked = printed(&service, &["--kind", "credential_lockout"]).await;
    assert_eq!(field(&locked, "address"), ["127.0.0.1"], "{locked:?}");
    let counts = wrong_keys.iter().chain(&locked).map(|entry| entry["count"].as_u64());
    assert_eq!(counts.flatten().sum::<u64>(), 15, "every attempt is counted once");

    // The same over HTTP and NATS.
    let path = "/api/v1/workspaces/_all/audit?kind=credential_lockout";
    let sent = http.get(format!("{base}{path}")).bearer_auth(service.key()).send().await;
    let over_http: Value = {
        let text = sent.expect("answered").text().await.expect("text");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    };
    assert_eq!(over_http["entries"], json!(locked));
    let query = json!({"kind": ["credential_lockout"]});
    let over_nats = service.client().await.query("_all", "audit", &query).await.expect("answered");
    assert_eq!(serde_json::from_slice::<Value>(&over_nats).expect("JSON"), over_http);
    assert!(service.stop().await.success());
    expect_silence_in(service.folder());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_before_a_kill_is_told_after_it() {
    let mut service = Service::start(&["--nats", "off"]).await;
    let (http, base) = (client(), service.http_url());
    let sent = http.get(format!("{base}/api/v1/whoami")).bearer_auth("sk_wrong").send().await;
    assert_eq!(sent.expect("answered").status(), StatusCode::UNAUTHORIZED);
    let told = async |service: &Service| {
        let path = "/api/v1/workspaces/_all/audit?kind=credential_invalid";
        let url = format!("{}{path}", service.http_url());
        let sent = client().get(url).bearer_auth(service.key()).send().await.ok()?;
        let page: Value = serde_json::from_str(&sent.text().await.ok()?).ok()?;
        page["entries"].as_array().filter(|entries| !entries.is_empty()).cloned()
    };
    // Whoever asks makes the server store it.
    let before = eventually("it is told", async || told(&service).await).await;
    service.kill().await;
    service.start_again().await;
    let after = eventually("it is told again", async || told(&service).await).await;
    assert_eq!(before, after);
}
