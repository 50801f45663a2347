//! NATS goes away in the middle of the work, and comes back.

use futures::StreamExt as _;
use ledger_bus::{Bus, BusOptions, FencedBy};
use serde_json::json;

use crate::bus::start_with;
use crate::canary::{expect_silence_in, secret};
use crate::compare::{expect_equal, wait_until_published};
use crate::ledger::Ledger;
use crate::nats_server::NatsServer;
use crate::wait::eventually;

async fn bus(ledger: &Ledger, server: &NatsServer) -> Bus {
    let change = |options: &mut BusOptions| {
        // As with a managed server: its absence stops no command.
        options.fenced_by = FencedBy::DataDir;
    };
    start_with(ledger, server.url(), change).await
}

/// Executes commands of several sorts, many at once; `name` tells runs apart.
async fn work(ledger: &Ledger, name: &str, commands: usize) {
    let lives = (0..commands / 4).map(async |number: usize| {
        let slug = format!("{name}-{number}");
        let secrets = json!({"api_key": secret(number)});
        let create = json!({"slug": slug, "provider": "x", "secrets": secrets});
        ledger.run("create", create).await;
        ledger.run("mark-degraded", json!({"connection": slug, "reason": "slow"})).await;
        let rotate = json!({"connection": slug, "secrets": {"api_key": secret(number + 1)}});
        ledger.run("rotate-secret", rotate).await;
        ledger.run("mark-operational", json!({"connection": slug})).await;
    });
    futures::stream::iter(lives).buffer_unordered(64).collect::<Vec<()>>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_in_the_middle_of_the_work_loses_and_repeats_nothing() {
    let mut server = NatsServer::start().await;
    let ledger = Ledger::new().await;
    let bus = bus(&ledger, &server).await;
    work(&ledger, "before", 100).await;
    expect_equal(&server.client().await, &ledger.engine).await;

    // Cut off in the middle of the work, so that some events are on their way.
    let cut = async {
        let head = ledger.engine.head().get();
        eventually("work goes on", async || (ledger.engine.head().get() > head + 50).then_some(()))
            .await;
        server.stop().await;
    };
    tokio::join!(work(&ledger, "during", 1_000), cut);
    assert!(ledger.engine.published() < ledger.engine.head(), "events wait for NATS");

    server.start_again().await;
    let client = server.client().await;
    assert_eq!(expect_equal(&client, &ledger.engine).await, 2 + 1_100);
    work(&ledger, "after", 100).await;
    expect_equal(&client, &ledger.engine).await;
    bus.shutdown().await;
    expect_silence_in(server.folder());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nats_server_that_comes_back_empty_gets_every_event_again() {
    let mut server = NatsServer::start().await;
    let ledger = Ledger::new().await;
    let bus = bus(&ledger, &server).await;
    work(&ledger, "before", 400).await;
    wait_until_published(&server.client().await, ledger.engine.head().get()).await;
    server.stop().await;
    server.forget_everything();
    work(&ledger, "during", 100).await;
    server.start_again().await;
    work(&ledger, "after", 100).await;
    assert_eq!(expect_equal(&server.client().await, &ledger.engine).await, 2 + 600);
    bus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_starts_and_works_while_nats_is_away() {
    let mut server = NatsServer::start().await;
    server.stop().await;
    let ledger = Ledger::new().await;
    let bus = bus(&ledger, &server).await;
    work(&ledger, "alone", 40).await;
    server.start_again().await;
    assert_eq!(expect_equal(&server.client().await, &ledger.engine).await, 2 + 40);
    bus.shutdown().await;
}

/// Between two runs of the bus the outbox mark may be behind or ahead of the stream.
#[tokio::test(flavor = "multi_thread")]
async fn the_stream_itself_tells_where_to_go_on() {
    let server = NatsServer::start().await;
    let ledger = Ledger::new().await;
    for (run, mark) in [("a", 0), ("b", 7), ("c", u64::MAX)] {
        let bus = bus(&ledger, &server).await;
        work(&ledger, run, 40).await;
        expect_equal(&server.client().await, &ledger.engine).await;
        bus.shutdown().await;
        let mark = ledger_domain::Position::new(mark).min(ledger.engine.head());
        ledger.engine.set_published(mark);
        ledger.engine.store_published().expect("written");
        work(&ledger, &format!("{run}-alone"), 40).await;
    }
    let last = bus(&ledger, &server).await;
    assert_eq!(expect_equal(&server.client().await, &ledger.engine).await, 2 + 6 * 40);
    last.shutdown().await;
}
