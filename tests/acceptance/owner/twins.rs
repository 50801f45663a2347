//! Two copies of one ledger run on one NATS server.

use nix::sys::signal::Signal;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{SHORT, running_twins, stream_length};
use crate::http::door;
use crate::nats_server::NatsServer;
use crate::wait::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn the_second_copy_refuses_by_name_and_the_first_answers_everything() {
    let nats = NatsServer::start().await;
    let (first, second) = running_twins(&nats, "10").await;
    let (one, two) = (first.status().await, second.status().await);
    assert_eq!(one["nats"]["owner"], true);
    for name in ["ledger_id", "incarnation"] {
        assert_eq!(one[name], two[name]);
    }
    let refusal = second.refuses().await;
    assert!(refusal.contains("another copy of this ledger, held by first"), "{refusal}");
    assert_eq!(two["nats"]["holder"]["instance"], "first");
    assert_eq!(two["nats"]["holder"]["epoch"], one["epoch"]);

    let client = first.service.client().await;
    let before = first.status().await["position"].as_u64().expect("a number");
    for number in 1..=20 {
        let body = json!({"slug": format!("over-nats-{number}"), "provider": "x"}).to_string();
        let about = ledger_client::CommandHeaders::default();
        let accepted = client.command("default", "create", body.into_bytes(), about).await;
        let receipt = accepted.expect("only the first receives requests").receipt;
        assert_eq!(receipt.position, before + number);
        let got = client.query("default", "get", &json!({"connection": "shared"})).await;
        got.expect("answered");
        let list = client.query("default", "list", &json!({})).await.expect("answered");
        let list: Value = serde_json::from_slice(&list).expect("JSON");
        assert_eq!(list["total"], 1 + number, "the first answers questions, too");
    }
    assert_eq!(second.status().await["position"], before, "the second wrote nothing");
    let (status, list) = second.get(door::CONNECTIONS).await;
    assert_eq!((status, &list["total"]), (StatusCode::OK, &json!(1)), "it can still be asked");
    let log = second.service.log();
    assert_eq!(log.matches("this instance refuses commands").count(), 1, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_copy_takes_over_after_the_first_was_killed() {
    let nats = NatsServer::start().await;
    let (mut first, second) = running_twins(&nats, SHORT).await;
    second.refuses().await;
    first.service.kill().await;
    let took = second.wait_until_ready().await;
    println!("takeover after a kill, with a lease of {SHORT} s: {took:?}");
    let seconds = took.as_secs_f64();
    // The kill may come just before a renewal, and the lease is then that much older.
    assert!(seconds > 1.0, "it came before the lease ran out");
    let position = second.accepts("by-second").await;
    assert_eq!(second.wait_until_published().await, position);
    assert_eq!(second.own_status().await["holder"]["instance"], "second");

    // The first comes back and finds that the name is taken, and the stream beyond its log.
    first.service.start_again().await;
    let refusal = first.refuses().await;
    assert!(refusal.contains("held by second"), "{refusal}");
    assert_eq!(stream_length(&nats).await, position);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_lacks_events_of_the_stream_never_becomes_the_owner() {
    let nats = NatsServer::start().await;
    let (mut first, second) = running_twins(&nats, SHORT).await;
    let position = first.accepts("by-first").await;
    first.wait_until_published().await;
    first.service.kill().await;
    let reason = format!("the stream LEDGER_EVENTS ends at {position}");
    let refusal = eventually("it has compared the stream with its log", async || {
        let own = second.own_status().await;
        own["refusal"].as_str().filter(|refusal| refusal.contains(&reason)).map(str::to_owned)
    })
    .await;
    assert!(refusal.contains("does not own the name `ledger`"), "{refusal}");
    second.refuses().await;
    eventually("it gave the lease back", async || {
        second.own_status().await["holder"].is_null().then_some(())
    })
    .await;
    first.service.start_again().await;
    first.wait_until_ready().await;
    assert_eq!(first.accepts("by-first-again").await, position + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_was_stopped_past_its_lease_refuses_and_never_mixes_in() {
    let nats = NatsServer::start().await;
    let (first, second) = running_twins(&nats, SHORT).await;
    let before = first.status().await["position"].clone();
    first.service.pause();
    // These wait in the sockets of the stopped process.
    let late_over_http = {
        let url = format!("{}{}", first.service.http_url(), door::CONNECTIONS);
        let body = json!({"slug": "late-http", "provider": "x"});
        let request = first.http.post(url).bearer_auth(first.service.key());
        tokio::spawn(super::answered(door::with_body(request, &body)))
    };
    let late_over_nats = {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Authorization", format!("Bearer {}", first.service.key()));
        let client = nats.client().await;
        tokio::spawn(async move {
            let body = json!({"slug": "late-nats", "provider": "x"}).to_string();
            client.request_with_headers("ledger.cmd.default.create", headers, body.into()).await
        })
    };
    let stopped_at = Instant::now();
    eventually("the second is ready", async || second.is_ready().await.then_some(())).await;
    println!("takeover of a stopped process, lease of {SHORT} s: {:?}", stopped_at.elapsed());
    let position = second.accepts("by-second").await;
    first.service.signal(Signal::SIGCONT);

    let (status, body) = late_over_http.await.expect("no panic");
    assert_eq!((status, &body["code"]), (super::UNAVAILABLE, &json!("not_owner")), "{body}");
    if let Ok(answer) = late_over_nats.await.expect("no panic") {
        let headers = answer.headers.expect("a refusal has headers");
        assert_eq!(
            headers.get("Ledger-Error-Code").map(async_nats::HeaderValue::as_str),
            Some("not_owner")
        );
    }
    let refusal = eventually("the first has looked at the lease", async || {
        let own = first.own_status().await;
        own["refusal"].as_str().filter(|text| text.contains("second")).map(str::to_owned)
    })
    .await;
    assert!(refusal.contains("another copy of this ledger, held by second"), "{refusal}");
    first.refuses().await;
    assert_eq!(first.status().await["position"], before, "the first wrote nothing");
    assert_eq!(second.accepts("by-second-again").await, position + 1);
    assert_eq!(second.wait_until_published().await, position + 1);
    assert_eq!(stream_length(&nats).await, position + 1);
}
