//! The limit on connections from one address, and the counters.

use ledger_contract::queries::HttpStatus;

use super::certificates::Certificates;
use super::*;

/// Opens a listener that limits the connections from each address, including this machine.
async fn open_for(most: usize, adjust: impl FnOnce(&mut ListenOptions)) -> (Listener, Controls) {
    open(|options| {
        options.limits.connections_per_address = most;
        options.uncounted.clear();
        adjust(options);
    })
    .await
}

/// Waits until `count` connections are open.
async fn open_are(listener: &Listener, count: u64) {
    eventually(async || (listener.counters().status().connections_open == count).then_some(()))
        .await;
}

#[tokio::test]
async fn an_address_with_too_many_connections_gets_no_more_and_keeps_those_it_has() {
    let (listener, _) = open_for(2, |_| {}).await;
    let (mut first, mut second) = (connect(&listener).await, connect(&listener).await);
    for client in [&mut first, &mut second] {
        assert_eq!(client.get("/hello", &[]).await.status, 200);
    }
    for _ in 0..3 {
        let mut third = connect(&listener).await;
        let refused = third.get("/hello", &[]).await;
        refused.expect_problem(429, "too_many_connections");
        assert_eq!(refused.header("connection"), "close");
        assert_eq!(refused.header("retry-after"), "1");
        third.closed().await;
    }
    assert_eq!(first.get("/hello", &[]).await.status, 200);
    drop(second);
    open_are(&listener, 1).await;
    assert_eq!(connect(&listener).await.get("/hello", &[]).await.status, 200);
    assert_eq!(listener.counters().status().connections_refused, 3);
}

#[tokio::test]
async fn over_tls_a_connection_above_the_limit_is_closed_without_an_answer() {
    let made = Certificates::new();
    let (listener, _) = open_for(1, |options| options.tls = Some(made.files())).await;
    let _first = connect(&listener).await;
    open_are(&listener, 1).await;
    connect(&listener).await.closed().await;
    assert_eq!(listener.counters().status().connections_refused, 1);
}

#[tokio::test]
async fn this_machine_and_trusted_proxies_are_exempt() {
    let (near, _) = open(|options| options.limits.connections_per_address = 1).await;
    let trust = |options: &mut ListenOptions| {
        options.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    };
    let (proxied, _) = open_for(1, trust).await;
    let (unlimited, _) = open_for(0, |_| {}).await;
    for listener in [near, proxied, unlimited] {
        let mut clients = Vec::new();
        for _ in 0..20 {
            let mut client = connect(&listener).await;
            assert_eq!(client.get("/hello", &[]).await.status, 200);
            clients.push(client);
        }
        assert_eq!(listener.counters().status().connections_open, 20);
    }
}

#[tokio::test]
async fn refusals_are_counted() {
    let (listener, _) = open(|options| {
        options.rates = Rates { per_key: 0, per_address: 20 };
        options.limits.connections_max = 1;
    })
    .await;
    let mut client = connect(&listener).await;
    for _ in 0..10 {
        assert_eq!(client.get("/api/keyed", &["authorization: Bearer bad"]).await.status, 401);
    }
    for _ in 0..3 {
        let refused = client.get("/api/keyed", &["authorization: Bearer bad"]).await;
        refused.expect_problem(429, "credential_lockout");
    }
    for _ in 10..40 {
        assert_eq!(client.get("/hello", &[]).await.status, 200);
    }
    client.get("/hello", &[]).await.expect_problem(429, "rate_limited");
    connect(&listener).await.closed().await;
    let counted = HttpStatus {
        connections_open: 1,
        connections_refused: 1,
        requests_rate_limited: 1,
        requests_locked_out: 3,
    };
    assert_eq!(listener.counters().status(), counted);
    drop(client);
    open_are(&listener, 0).await;
}
