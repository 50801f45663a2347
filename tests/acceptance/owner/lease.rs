//! What an instance makes of what others write in the bucket of the lease, and what it leaves
//! there.

use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::message::StreamMessage;
use ledger_bus::{Bus, BusOptions, ConnectOptions, connect};
use serde_json::{Value, json};

use crate::ledger::Ledger;
use crate::nats_server::NatsServer;
use crate::wait::{PATIENCE, eventually};

const LEASE: &str = "$KV.ledger-owner.owner";

/// Starts a bus whose lease is on one server and whose events go to another or the same.
async fn start(ledger: &Ledger, lease: &NatsServer, events: &NatsServer) -> Bus {
    let [lease, events] = [lease, events]
        .map(|server| ConnectOptions { url: server.url(), ..ConnectOptions::default() });
    let connected = connect(&lease).await.expect("good options");
    let mut options = BusOptions::new(connected, events);
    options.lease_time = Duration::from_secs(2);
    let bus = Bus::start(ledger.engine.clone(), options).await.expect("the bus starts");
    bus.settled(PATIENCE).await;
    bus
}

fn own_status(ledger: &Ledger) -> Value {
    ledger.ask_at("_all", "status", &json!({})).expect("answered")["nats"].clone()
}

/// Returns what was written last in the bucket.
async fn written(server: &NatsServer) -> StreamMessage {
    let jetstream = jetstream::new(server.client().await);
    let stream = jetstream.get_stream("KV_ledger-owner").await.expect("it is there");
    stream.get_last_raw_message_by_subject(LEASE).await.expect("it has the lease")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_of_the_machine_that_writes_under_the_same_lock_is_another_holder() {
    let server = NatsServer::start().await;
    let ledger = Ledger::new().await;
    let bus = start(&ledger, &server, &server).await;
    assert_eq!(own_status(&ledger)["owner"], true);
    let mut lease: Value = serde_json::from_slice(&written(&server).await.payload).expect("JSON");
    lease["holder"] = json!("clone");
    let jetstream = jetstream::new(server.client().await);
    let sent = jetstream.publish(LEASE, lease.to_string().into()).await.expect("sent");
    sent.await.expect("stored");
    eventually("the instance has seen the clone", async || {
        let own = own_status(&ledger);
        let refusal = own["refusal"].as_str()?;
        (own["owner"] == false && refusal.contains("held by clone")).then_some(())
    })
    .await;
    eventually("the lease of the clone has run out", async || {
        (own_status(&ledger)["owner"] == true).then_some(())
    })
    .await;
    bus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_not_released_while_an_event_is_unpublished() {
    let (lease, mut events) = (NatsServer::start().await, NatsServer::start().await);
    let ledger = Ledger::new().await;
    let is_released = async || written(&lease).await.headers.get("KV-Operation").is_some();
    start(&ledger, &lease, &events).await.shutdown().await;
    assert!(is_released().await, "everything is published");

    let bus = start(&ledger, &lease, &events).await;
    events.stop().await;
    ledger.create("unpublished").await;
    assert_eq!(own_status(&ledger)["owner"], true);
    bus.shutdown().await;
    assert!(!is_released().await);
}
