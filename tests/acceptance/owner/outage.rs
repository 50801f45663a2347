//! NATS cannot be reached: which instances go on, and which do not.

use std::fs;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use tokio::time::Instant;

use super::{Instance, SHORT};
use crate::http::door;
use crate::nats_server::NatsServer;
use crate::service::Service;
use crate::wait::eventually;

/// Longer than a short lease.
const LONGER: Duration = Duration::from_secs(4);

/// Creates connections for longer than the lease, all of which must be accepted.
async fn create_for_long(instance: &Instance) {
    let started = Instant::now();
    let mut number = 0;
    while started.elapsed() < LONGER {
        instance.accepts(&format!("during-{number}")).await;
        number += 1;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_nats_an_instance_refuses_commands_once_its_lease_has_run_out() {
    let mut nats = NatsServer::start().await;
    let instance = Instance::start(&nats, "only", &["--nats-lease", SHORT]).await;
    let before = instance.accepts("before").await;
    nats.stop().await;
    let stopped_at = Instant::now();
    let lapsed = async || (!instance.is_ready().await).then_some(());
    eventually("the lease has run out", lapsed).await;
    println!("refusal after an outage, with a lease of {SHORT} s: {:?}", stopped_at.elapsed());
    let refusal = instance.refuses().await;
    assert!(
        refusal.contains("the lease of the name `ledger` cannot be taken or renewed"),
        "{refusal}"
    );
    let (status, list) = instance.get(door::CONNECTIONS).await;
    assert_eq!((status.as_u16(), &list["total"]), (200, &json!(1)), "it can still be asked");

    nats.start_again().await;
    instance.wait_until_ready().await;
    assert_eq!(instance.accepts("after").await, before + 1);
    assert_eq!(instance.wait_until_published().await, before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_accepts_without_a_lease_goes_on_unless_another_holder_was_seen() {
    let mut nats = NatsServer::start().await;
    let args = ["--nats-lease", SHORT, "--accept-without-lease"];
    let mut first = Instance::start(&nats, "first", &args).await;
    first.accepts("before").await;
    assert!(first.service.stop().await.success());
    let mut second = first.copy(&nats, "second", &args);
    first.service.start_again().await;
    second.service.start_again().await;
    second.refuses().await;
    nats.stop().await;
    create_for_long(&first).await;
    let refusal = second.refuses().await;
    assert!(refusal.contains("held by first"), "{refusal}");
    assert!(second.service.stop().await.success());
    nats.start_again().await;
    first.wait_until_published().await;

    // A start during an outage, too.
    assert!(first.service.stop().await.success());
    nats.stop().await;
    first.service.launch();
    eventually("it serves HTTP", async || {
        let log = first.service.log();
        let pid = json!(first.service.pid());
        let file = fs::read(first.service.data_dir().join("server.json")).ok()?;
        let file: serde_json::Value = serde_json::from_slice(&file).ok()?;
        (file["pid"] == pid && !log.is_empty()).then_some(())
    })
    .await;
    first.wait_until_ready().await;
    let position = first.accepts("started-alone").await;
    nats.start_again().await;
    assert_eq!(first.wait_until_published().await, position);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_managed_server_that_hangs_or_dies_stops_no_command_over_http() {
    let args = ["--nats", "managed", "--nats-lease", SHORT];
    let instance = Instance { service: Service::start(&args).await, http: door::client() };
    assert_eq!(instance.own_status().await["owner"], true);
    let server = || {
        let file = instance.service.data_dir().join("nats/nats-server.pid");
        let pid = fs::read_to_string(file).expect("the server's pid");
        Pid::from_raw(pid.trim().parse().expect("a number"))
    };
    let pid = server();
    kill(pid, Signal::SIGSTOP).expect("it runs");
    create_for_long(&instance).await;
    assert_eq!(instance.own_status().await["owner"], false, "the lease has run out");
    assert!(instance.is_ready().await);
    kill(pid, Signal::SIGKILL).expect("it runs");
    instance.accepts("after-the-kill").await;
    let position = instance.wait_until_published().await;
    eventually("it owns the name again", async || {
        (instance.own_status().await["owner"] == true).then_some(())
    })
    .await;
    assert_eq!(instance.accepts("after").await, position + 1);
}
