//! Alerts with the whole program, and a receiver that checks them with a library that is not ours.

mod mail;
pub(crate) mod receiver;
mod relay;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::fs;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::canary::{expect_silence_in, secret};
use crate::output::told;
use crate::service::Service;
use crate::wait::eventually;
use receiver::Receiver;

/// Lets alerts go to this machine, and has them sent again soon.
const SOON: [&str; 8] = [
    "--nats",
    "managed",
    "--allow-alert-network",
    "127.0.0.0/8",
    "--alert-retries",
    "100ms,200ms,200ms,200ms,200ms,200ms,200ms,200ms,200ms,200ms,200ms,200ms,200ms,200ms",
    "--alert-pause-max",
    "300ms",
];

async fn create_alert(service: &Service, receiver: &Receiver) -> String {
    let body = json!({ "alert": "ops", "url": receiver.url(), "on": ["marked_failed"] });
    let (status, made) = service.ask(Method::POST, "/workspaces/default/alerts", &body).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    made["signing"]["secret"].as_str().expect("a secret").to_owned()
}

async fn delivery(service: &Service) -> Value {
    let (_, shown) = service.get("/workspaces/default/alerts").await;
    shown["alerts"][0]["delivery"].clone()
}

/// Waits until as much has arrived as was sent, in the order of each connection.
async fn all_arrive<T: Debug + PartialEq>(
    sent: &BTreeMap<String, Vec<T>>,
    arrived: impl Fn() -> BTreeMap<String, Vec<T>>,
) {
    let count = |all: &BTreeMap<String, Vec<T>>| all.values().map(Vec::len).sum::<usize>();
    let arrived = eventually("every event arrives", async || {
        let arrived = arrived();
        (count(&arrived) == count(sent)).then_some(arrived)
    });
    assert_eq!(&arrived.await, sent, "in the order of each connection");
}

/// Waits until all is delivered, without a dead letter.
async fn nothing_waits(service: &Service) {
    eventually("nothing waits", async || {
        let now = delivery(service).await;
        (now["behind"] == 0 && now["waiting"] == 0 && now["dead_letters"] == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_arrives_in_the_order_of_its_connection_whatever_is_killed() {
    const CONNECTIONS: usize = 5;
    const EVENTS: usize = 150;
    let mut service = Service::start(&SOON).await;
    let mut receiver = Receiver::new(service.folder());
    let signed_with = create_alert(&service, &receiver).await;
    receiver.start(&signed_with);
    for number in 0..CONNECTIONS {
        let draft = json!({
            "slug": format!("c{number}"), "provider": "openai",
            "secrets": { "api_key": secret(number) },
        });
        service.create("/workspaces/default/connections", &draft).await;
    }
    let mut sent: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for number in 0..EVENTS {
        let slug = format!("c{}", (number * 7 + number / 3) % CONNECTIONS);
        let reason = format!("number {number}");
        let body = json!({ "reason": reason });
        service.change("default", &slug, "mark-failed", &body).await;
        sent.entry(slug).or_default().push(reason);
        match number % 30 {
            9 => receiver.kill().await,
            17 => receiver.start(&signed_with),
            23 => {
                service.kill().await;
                service.start_again().await;
            }
            _ => {}
        }
    }
    all_arrive(&sent, || receiver.arrived()).await;
    nothing_waits(&service).await;
    assert_eq!(receiver.wrong(), Vec::<String>::new(), "every signature is good");
    assert!(service.stop().await.success());
    assert!(expect_silence_in(service.folder()) > 0, "neither logs nor messages have a secret");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_kept_from_the_command_line_and_goes_on_in_a_restored_ledger() {
    let mut service = Service::start(&SOON).await;
    let mut receiver = Receiver::new(service.folder());
    let url = receiver.url();
    let create = ["alert", "create", "ops", "--url", &url, "--on", "health-changed"];
    let made = told(&service.run(&create).await);
    let signed_with = made.lines().next().expect("the secret").to_owned();
    assert!(signed_with.starts_with("whsec_"), "{made}");
    let draft = json!({ "slug": "c0", "provider": "openai" });
    service.create("/workspaces/default/connections", &draft).await;
    for reason in ["number 0", "number 1"] {
        let body = json!({ "reason": reason });
        service.change("default", "c0", "mark-operational", &json!({})).await;
        service.change("default", "c0", "mark-failed", &body).await;
    }
    let shown = told(&service.run(&["alert", "show", "ops"]).await);
    assert!(shown.contains(&url) && shown.contains("hmac"), "{shown}");
    // The receiver never came. A copy of the ledger sends what this one could not.
    eventually("it was tried", async || {
        delivery(&service).await["down_since"].is_string().then_some(())
    })
    .await;
    assert!(service.stop().await.success());
    let (export, keys) =
        (service.folder().join("ledger.jsonl"), service.data_dir().join("dev-master.key"));
    let with_keys = ["--master-key-file", keys.to_str().expect("text")];
    let to = export.to_str().expect("text");
    told(&service.run(&[&["export", "--out", to][..], &with_keys].concat()).await);
    service.lose_ledger();
    fs::remove_dir_all(service.data_dir().join("nats")).expect("what NATS has is removed");
    told(&service.run(&[&["import", to][..], &with_keys].concat()).await);
    receiver.start(&signed_with);
    service.start_again().await;
    let all = eventually("what waited arrives", async || {
        let arrived = receiver.arrived();
        arrived.get("c0").filter(|reasons| reasons.len() == 2).cloned()
    });
    assert_eq!(all.await, ["number 0", "number 1"]);
    assert_eq!(receiver.wrong(), Vec::<String>::new(), "the secret is the same");
    let ids: BTreeSet<_> = receiver.ids().into_iter().collect();
    assert_eq!(ids.len(), 4, "and nothing else");
    told(&service.run(&["alert", "remove", "ops"]).await);
    let listed = told(&service.run(&["alert", "list", "--json"]).await);
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(listed["alerts"], json!([]));
}
