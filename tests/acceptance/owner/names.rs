//! Another ledger uses the same name.

use serde_json::json;

use super::{Instance, LONG};
use crate::nats_server::NatsServer;
use crate::wait::eventually;

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
