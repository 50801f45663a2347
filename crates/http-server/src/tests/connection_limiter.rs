//! Many connections from one address, and what is counted.

use ledger_contract::queries::HttpStatus;

use super::certificates::Certificates;
use super::*;

/// Opens a door at which one address may have so many connections, this machine as any other.
async fn open_for(most: usize, adjust: impl FnOnce(&mut ListenOptions)) -> (Door, Hands) {
    open(|options| {
        options.limits.connections_per_address = most;
        options.uncounted.clear();
        adjust(options);
    })
    .await
}

/// Waits until so many connections are open.
async fn open_are(door: &Door, count: u64) {
    eventually(async || (door.counters().status().connections_open == count).then_some(())).await;
}

#[tokio::test]
async fn an_address_with_too_many_connections_gets_no_more_and_keeps_those_it_has() {
    let (door, _) = open_for(2, |_| {}).await;
    let (mut first, mut second) = (call(&door).await, call(&door).await);
    for line in [&mut first, &mut second] {
        assert_eq!(line.get("/hello", &[]).await.status, 200);
    }
    for _ in 0..3 {
        let mut third = call(&door).await;
        let refused = third.get("/hello", &[]).await;
        refused.expect_problem(429, "too_many_connections");
        assert_eq!(refused.header("connection"), "close");
        assert_eq!(refused.header("retry-after"), "1");
        third.closed().await;
    }
    assert_eq!(first.get("/hello", &[]).await.status, 200);
    drop(second);
    open_are(&door, 1).await;
    assert_eq!(call(&door).await.get("/hello", &[]).await.status, 200);
    assert_eq!(door.counters().status().connections_refused, 3);
}

#[tokio::test]
async fn over_tls_a_connection_too_many_is_closed_without_a_word() {
    let made = Certificates::new();
    let (door, _) = open_for(1, |options| options.tls = Some(made.files())).await;
    let _first = call(&door).await;
    open_are(&door, 1).await;
    call(&door).await.closed().await;
    assert_eq!(door.counters().status().connections_refused, 1);
}

#[tokio::test]
async fn this_machine_and_trusted_proxies_may_have_any_number() {
    let (near, _) = open(|options| options.limits.connections_per_address = 1).await;
    let trust = |options: &mut ListenOptions| {
        options.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    };
    let (proxied, _) = open_for(1, trust).await;
    let (unlimited, _) = open_for(0, |_| {}).await;
    for door in [near, proxied, unlimited] {
        let mut lines = Vec::new();
        for _ in 0..20 {
            let mut line = call(&door).await;
            assert_eq!(line.get("/hello", &[]).await.status, 200);
            lines.push(line);
        }
        assert_eq!(door.counters().status().connections_open, 20);
    }
}

#[tokio::test]
async fn what_the_door_refuses_is_counted() {
    let (door, _) = open(|options| {
        options.rates = Rates { per_key: 0, per_address: 20 };
        options.limits.connections_max = 1;
    })
    .await;
    let mut line = call(&door).await;
    for _ in 0..10 {
        assert_eq!(line.get("/api/keyed", &["authorization: Bearer bad"]).await.status, 401);
    }
    for _ in 0..3 {
        let refused = line.get("/api/keyed", &["authorization: Bearer bad"]).await;
        refused.expect_problem(429, "credential_lockout");
    }
    for _ in 10..40 {
        assert_eq!(line.get("/hello", &[]).await.status, 200);
    }
    line.get("/hello", &[]).await.expect_problem(429, "rate_limited");
    call(&door).await.closed().await;
    let counted = HttpStatus {
        connections_open: 1,
        connections_refused: 1,
        requests_rate_limited: 1,
        requests_locked_out: 3,
    };
    assert_eq!(door.counters().status(), counted);
    drop(line);
    open_are(&door, 0).await;
}
