//! Admission of requests, and the headers of every answer.

use tokio::net::TcpSocket;

use super::*;

const GOOD: &str = "authorization: Bearer good-1";
const OTHER_GOOD: &str = "authorization: Bearer good-2";
const BAD: &str = "authorization: Bearer bad";

#[tokio::test]
async fn over_the_rate_the_answer_says_when_to_retry() {
    let (listener, controls) =
        open(|options| options.rates = Rates { per_key: 2, per_address: 1 }).await;
    let mut client = connect(&listener).await;
    for _ in 0..2 {
        assert_eq!(client.get("/api/hello", &[]).await.status, 200);
    }
    let refused = client.get("/api/hello", &[]).await;
    refused.expect_problem(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.header("cache-control"), "no-store");
    *controls.time.lock() += Duration::from_secs(1);
    for _ in 0..4 {
        assert_eq!(client.get("/api/keyed", &[GOOD]).await.status, 200);
    }
    client.get("/api/keyed", &[GOOD]).await.expect_problem(429, "rate_limited");
    *controls.time.lock() += Duration::from_secs(1);
    assert_eq!(client.get("/api/keyed", &[GOOD]).await.status, 200);
}

#[tokio::test]
async fn a_refusal_reaches_a_client_that_is_still_sending_its_body() {
    let body = "x".repeat(usize::try_from(limits::UNREAD_BYTES_MAX).unwrap());
    let (listener, _) = open(|options| options.rates.per_address = 1).await;
    // The buffers of both sockets hold less than the body, so that the client can only send all of
    // it if somebody reads it.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_send_buffer_size(64 * 1024).expect("a small buffer");
    let mut client =
        TestClient::over(socket.connect(listener.address()).await.expect("it listens"));
    let short = "x".to_owned();
    let sent = [(405, None, &body), (405, None, &body), (429, None, &short)];
    for (status, closes, body) in sent.into_iter().chain([(429, Some("close"), &body)]) {
        let head = "POST /api/hello HTTP/1.1\r\nhost: x\r\ncontent-length: ";
        client.send(&format!("{head}{}\r\n\r\n{body}", body.len())).await;
        let answer = client.answer().await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.headers.get("connection").map(String::as_str), closes);
    }
    client.closed().await;
}

#[tokio::test]
async fn guessing_keys_is_locked_out_and_a_key_in_use_is_not() {
    let (listener, controls) = open(|_| {}).await;
    let mut client = connect(&listener).await;
    assert_eq!(client.get("/api/keyed", &[GOOD]).await.status, 200);
    for _ in 0..10 {
        assert_eq!(client.get("/api/keyed", &[BAD]).await.status, 401);
    }
    for unknown in [BAD, OTHER_GOOD] {
        let refused = client.get("/api/keyed", &[unknown]).await;
        refused.expect_problem(429, "credential_lockout");
        assert_eq!(refused.header("retry-after"), "1");
    }
    assert_eq!(client.get("/api/keyed", &[GOOD]).await.status, 200);
    *controls.time.lock() += Duration::from_secs(1);
    assert_eq!(client.get("/api/keyed", &[OTHER_GOOD]).await.status, 200);
    assert_eq!(client.get("/api/keyed", &[BAD]).await.status, 401);
    let refused = client.get("/api/keyed", &[BAD]).await;
    assert_eq!(refused.header("retry-after"), "2", "{refused:?}");
}

#[tokio::test]
async fn clients_behind_a_proxy_are_distinguished_only_if_it_is_trusted() {
    for (trusted, status) in [(true, 200), (false, 429)] {
        let (listener, _) = open(|options| {
            options.rates.per_address = 1;
            if trusted {
                options.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
            }
        })
        .await;
        let mut client = connect(&listener).await;
        for _ in 0..2 {
            let first = client.get("/hello", &["x-forwarded-for: 192.0.2.1"]).await;
            assert_eq!(first.status, 200);
        }
        let second = client.get("/hello", &["x-forwarded-for: 192.0.2.2"]).await;
        assert_eq!(second.status, status, "trusted: {trusted}");
    }
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let (listener, _) = open(|_| {}).await;
    let mut client = connect(&listener).await;
    for path in ["/api/hello", "/hello", "/nowhere"] {
        let answer = client.get(path, &[]).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert!(!answer.headers.contains_key("strict-transport-security"), "no TLS");
        let kept = answer.headers.get("cache-control").is_none_or(|value| value != "no-store");
        assert_eq!(kept, path != "/api/hello", "{path}");
    }
}

#[tokio::test]
async fn pages_of_other_origins_may_read_only_if_their_origin_is_listed() {
    const PREFLIGHT: &str = "access-control-request-method: POST";
    let named = "https://console.example.com";
    let (closed, _) = open(|_| {}).await;
    let (opened, _) = open(|options| options.cors_origins = vec![named.parse().unwrap()]).await;
    for (listener, origin, allowed) in [
        (&closed, named, false),
        (&opened, named, true),
        (&opened, "https://console.example.com.evil.example", false),
        (&opened, "http://console.example.com", false),
        (&opened, "null", false),
    ] {
        let origin_line = format!("origin: {origin}");
        let mut client = connect(listener).await;
        let answer = client.get("/api/hello", &[&origin_line]).await;
        let shown = answer.headers.get("access-control-allow-origin").map(String::as_str);
        assert_eq!(shown, allowed.then_some(named), "{origin}");
        assert!(!answer.headers.contains_key("access-control-allow-credentials"));
        let list = answer.headers.get("access-control-expose-headers");
        let exposes = |name: &str| list.is_some_and(|list| list.split(',').any(|n| n == name));
        for name in ["link", "x-total-count", "ledger-repeated", "x-request-id", "etag"] {
            assert!(exposes(name) || !allowed, "{name} in {list:?}");
        }
        assert!(!exposes("ledger-position"), "it is never sent");
        let headers = format!("OPTIONS /api/hello HTTP/1.1\r\nhost: x\r\n{origin_line}");
        client.send(&format!("{headers}\r\n{PREFLIGHT}\r\n\r\n")).await;
        let preflight = client.answer().await;
        let shown = preflight.headers.get("access-control-allow-origin").map(String::as_str);
        assert_eq!(shown, allowed.then_some(named), "{origin}");
        assert_eq!(preflight.header("x-frame-options"), "DENY");
    }
}

#[tokio::test]
async fn a_long_path_and_a_long_header_are_refused() {
    let (listener, _) = open(|_| {}).await;
    let mut client = connect(&listener).await;
    let path = format!("/hello?{}", "x".repeat(limits::URI_BYTES_MAX));
    client.get(&path, &[]).await.expect_problem(414, "uri_too_long");
    let header = format!("x-long: {}", "x".repeat(limits::HEADER_BYTES_MAX));
    assert_eq!(client.get("/hello", &[&header]).await.status, 431);
    client.closed().await;
}
