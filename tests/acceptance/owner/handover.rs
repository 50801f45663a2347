//! The lease is handed over without waiting where nothing is to be waited for.

use std::time::Duration;

use tokio::time::Instant;

use super::{Instance, LONG, running_twins};
use crate::nats_server::NatsServer;

/// Far below the time of the lease.
const SOON: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_stop_hands_over_at_once() {
    let nats = NatsServer::start().await;
    let (mut first, second) = running_twins(&nats, LONG).await;
    second.refuses().await;
    assert!(first.service.stop().await.success());
    let took = second.wait_until_ready().await;
    println!("handover after a clean stop, with a lease of {LONG} s: {took:?}");
    assert!(took < SOON, "{took:?}");
    second.accepts("by-second").await;
    assert!(first.service.log().contains("lease released"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_instance_goes_on_in_its_own_directory_at_once() {
    let nats = NatsServer::start().await;
    let mut only = Instance::start(&nats, "only", &["--nats-lease", LONG]).await;
    let (before, position) = (only.status().await, only.accepts("before").await);
    only.service.kill().await;
    let started = Instant::now();
    only.service.start_again().await;
    only.wait_until_ready().await;
    println!("restart after a kill, with a lease of {LONG} s: {:?}", started.elapsed());
    assert!(started.elapsed() < SOON, "the lock of the directory proves that the holder ended");
    assert_eq!(only.accepts("after").await, position + 1);
    let after = only.status().await;
    assert_eq!(after["incarnation"], before["incarnation"]);
    assert_eq!(after["epoch"], before["epoch"].as_u64().expect("a number") + 1);
}
