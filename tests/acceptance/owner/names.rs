//! Another ledger uses the same name, and streams that are not as they were asked for.

use ledger_bus::{Bus, BusOptions, ConnectOptions, connect};
use serde_json::json;

use super::{Instance, LONG};
use crate::ledger::Ledger;
use crate::nats_server::NatsServer;
use crate::wait::{PATIENCE, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_ledger_on_the_same_prefix_is_refused_by_name() {
    let nats = NatsServer::start().await;
    let lease = ["--nats-lease", LONG];
    let mut owner = Instance::start(&nats, "owner", &lease).await;
    let foreign = Instance::start(&nats, "foreign", &lease).await;
    let id = owner.status().await["ledger_id"].as_str().expect("an id").to_owned();
    let refusal = foreign.refuses().await;
    let whose = format!("belongs to ledger {id}, held by owner; choose another --prefix");
    assert!(refusal.contains(&whose), "{refusal}");
    let client = owner.service.client().await;
    for _ in 0..20 {
        // The key of the owner is unknown to the other ledger.
        client.query("default", "list", &json!({})).await.expect("the owner answers");
    }
    assert!(owner.service.stop().await.success());
    eventually("the stream is refused, too", async || {
        let own = foreign.own_status().await;
        own["refusal"]
            .as_str()?
            .contains(&format!("belongs to another ledger ({id})"))
            .then_some(())
    })
    .await;
    foreign.refuses().await;

    let neighbor = Instance::start(&nats, "neighbor", &["--prefix", "team"]).await;
    assert_eq!(neighbor.own_status().await["owner"], true);
    neighbor.accepts("main").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_replicas_than_asked_for_are_reported() {
    let server = NatsServer::start().await;
    let ledger = Ledger::new().await;
    for (replicas, drift) in [
        (1, json!(null)),
        (
            3,
            json!([
                "LEDGER_EVENTS: num_replicas is 1, and --nats-replicas is 3",
                "KV_ledger-connections: num_replicas is 1, and --nats-replicas is 3",
                "KV_ledger-owner: num_replicas is 1, and --nats-replicas is 3",
            ]),
        ),
    ] {
        let options = ConnectOptions { url: server.url(), ..ConnectOptions::default() };
        let client = connect(&options).await.expect("good options");
        let mut options = BusOptions::new(client, options);
        options.replicas = replicas;
        let bus = Bus::start(ledger.engine.clone(), options).await.expect("the bus starts");
        bus.settled(PATIENCE).await;
        let status = ledger.ask_at("_all", "status", &json!({})).expect("answered");
        assert_eq!(status["nats"]["drift"], drift, "{status}");
        assert_eq!(status["nats"]["owner"], true, "{status}");
        bus.shutdown().await;
    }
}
