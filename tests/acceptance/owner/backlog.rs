//! A relay that is far behind, which reads ahead on a second thread, and what interrupts it.

use std::time::Duration;

use async_nats::jetstream;
use futures::{StreamExt as _, TryStreamExt as _};
use ledger_bus::Bus;
use serde_json::json;
use tokio::time::timeout;

use super::relay::delete_streams;
use crate::bus::start;
use crate::compare::expect_equal;
use crate::ledger::{Ledger, TestCommand};
use crate::nats_server::NatsServer;
use crate::wait::{PATIENCE, eventually};

/// Events that wait; twice as many as the relay needs to read ahead.
const EVENTS: u64 = 9_000;
/// Connections that they are about.
const CONNECTIONS: u64 = 20;
/// Events after which the relay is interrupted, several batches of them.
const SOME: u64 = 1_500;

/// A ledger with events that were never published.
async fn backlog() -> Ledger {
    let ledger = Ledger::new().await;
    for number in 0..CONNECTIONS {
        ledger.create(&format!("c-{number}")).await;
    }
    let changes = futures::stream::iter(0..EVENTS).map(|number| {
        let connection = format!("c-{}", number % CONNECTIONS);
        let body = json!({"connection": connection, "description": format!("change {number}")});
        ledger.send(TestCommand::new("update", &body))
    });
    let accepted = changes.buffer_unordered(256).map_ok(drop).try_collect::<()>().await;
    accepted.expect("every change is accepted");
    ledger
}

/// Waits until the relay has published some events from a position on, but not all.
async fn wait_until_some(ledger: &Ledger, from: u64) {
    let published = || ledger.engine.published().get();
    eventually("some events are published", async || (published() >= from + SOME).then_some(()))
        .await;
    assert!(published() < ledger.engine.head().get(), "everything is published already");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_is_published_once_and_in_order_whatever_interrupts_it() {
    let mut server = NatsServer::start().await;
    let ledger = backlog().await;
    let bus = start(&ledger, &server).await;
    wait_until_some(&ledger, 0).await;
    // The stream is empty again, so the relay goes back.
    let jetstream = jetstream::new(server.client().await);
    delete_streams(&jetstream).await;
    let deleted = ledger.engine.published().get();
    let back = async || (ledger.engine.published().get() < deleted).then_some(());
    eventually("the relay goes back", back).await;
    wait_until_some(&ledger, 0).await;
    // The connection is lost and comes back.
    server.stop().await;
    server.start_again().await;
    let client = server.client().await;
    expect_equal(&client, &ledger.engine).await;
    // It is no longer behind.
    ledger.create("later").await;
    expect_equal(&client, &ledger.engine).await;
    bus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_told_to_stop_publishes_its_backlog_first() {
    let server = NatsServer::start().await;
    let ledger = backlog().await;
    let bus = start(&ledger, &server).await;
    shut_down(bus).await;
    expect_equal(&server.client().await, &ledger.engine).await;
}

/// What has been read ahead waits for a relay that can send nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_relay_without_a_server_holds_neither_the_end_nor_the_files() {
    let mut server = NatsServer::start().await;
    let ledger = backlog().await;
    let bus = start(&ledger, &server).await;
    wait_until_some(&ledger, 0).await;
    server.stop().await;
    shut_down(bus).await;
    let ledger = ledger.reopen();

    server.start_again().await;
    let bus = start(&ledger, &server).await;
    expect_equal(&server.client().await, &ledger.engine).await;
    shut_down(bus).await;
}

async fn shut_down(bus: Bus) {
    // Requests, events and lease have their own limits, which are shorter.
    let limit = PATIENCE.min(Duration::from_secs(40));
    timeout(limit, bus.shutdown()).await.expect("the bus ends");
}
