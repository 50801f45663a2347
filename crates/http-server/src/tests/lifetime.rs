//! Timeouts of connections, and their end.

use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::time::{Instant, interval};

use super::*;

#[tokio::test]
async fn a_header_that_does_not_arrive_in_time_closes_the_connection() {
    let (listener, _) = open(|options| options.limits.header_timeout = SHORT).await;
    let start = Instant::now();
    connect(&listener).await.closed().await;
    assert!(start.elapsed() >= SHORT, "a silent connection has its time");

    let text = "GET /hello HTTP/1.1\r\nhost: x\r\nx-slow: ".to_owned() + &"y".repeat(1_000);
    for first in ["", "GET /hello HTTP/1.1\r\nhost: x\r\n\r\n"] {
        let mut client = connect(&listener).await;
        if !first.is_empty() {
            client.send(first).await;
            assert_eq!(client.answer().await.status, 200);
        }
        let (mut reader, mut writer) = tokio::io::split(client.0.into_inner());
        let trickle = async {
            let mut ticks = interval(Duration::from_millis(20));
            for byte in text.bytes() {
                ticks.tick().await;
                if writer.write_all(&[byte]).await.is_err() {
                    break;
                }
            }
        };
        let mut rest = Vec::new();
        let start = Instant::now();
        tokio::select! {
            () = trickle => panic!("it read on for {:?}", start.elapsed()),
            // Reset or ended: closed.
            _ = reader.read_to_end(&mut rest) => {}
        }
        assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn an_idle_connection_has_its_own_timeout_and_a_busy_one_has_none() {
    let (listener, controls) = open(|options| {
        options.limits.header_timeout = SHORT;
        options.limits.idle_timeout = SHORT * 3;
    })
    .await;
    let mut client = connect(&listener).await;
    assert_eq!(client.get("/hello", &[]).await.status, 200);
    let rested = timeout(SHORT * 2, client.closed()).await;
    assert!(rested.is_err(), "closed as if it were slow");
    client.send("GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let working = timeout(SHORT * 4, client.answer()).await;
    assert!(working.is_err(), "nobody has let it answer");
    controls.gate.add_permits(1);
    assert_eq!(client.answer().await.body, "waited");
    client.closed().await;
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_refused() {
    let (listener, _) = open(|options| options.limits.body_timeout = SHORT).await;
    let mut client = connect(&listener).await;
    client.send("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nab").await;
    client.answer().await.expect_problem(408, "body_too_slow");
    client.closed().await;
    let mut client = connect(&listener).await;
    client.send("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nab").await;
    assert_eq!(client.answer().await.body, "ab");
}

#[tokio::test]
async fn over_the_limit_new_connections_are_closed_and_old_ones_stay() {
    let (listener, _) = open(|options| options.limits.connections_max = 2).await;
    let (mut first, mut second) = (connect(&listener).await, connect(&listener).await);
    for client in [&mut first, &mut second] {
        assert_eq!(client.get("/hello", &[]).await.status, 200);
    }
    connect(&listener).await.closed().await;
    assert_eq!(first.get("/hello", &[]).await.status, 200);
    drop(second);
    // The server notices the disconnect only a moment later.
    eventually(async || answered(&listener).await).await;
}

/// Returns whether the listener accepts one more connection.
async fn answered(listener: &Listener) -> Option<()> {
    let mut client = connect(listener).await;
    client.0.get_mut().write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await.ok()?;
    let mut byte = [0];
    client.0.read_exact(&mut byte).await.ok().map(drop)
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_disconnected() {
    let (listener, _) = open(|options| {
        options.limits.connections_max = 1;
        options.limits.stall_timeout = SHORT;
    })
    .await;
    let mut greedy = connect(&listener).await;
    greedy.send("GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await;
    // Until it is disconnected, it holds the only permitted connection.
    eventually(async || answered(&listener).await).await;
    let mut rest = Vec::new();
    // Reset or ended: either way it did not get all.
    greedy.0.read_to_end(&mut rest).await.ok();
    assert!(rest.len() < LARGE, "{} bytes", rest.len());
}

#[tokio::test]
async fn a_request_in_progress_is_answered_at_shutdown_and_no_new_one_accepted() {
    let (listener, controls) = open(|options| options.limits.drain_timeout = LONG).await;
    let address = listener.address();
    let (mut idle, mut busy) = (connect(&listener).await, connect(&listener).await);
    assert_eq!(idle.get("/hello", &[]).await.status, 200);
    assert_eq!(busy.get("/hello", &[]).await.status, 200);
    // The server sends "continue" once the route reads the body, so the request is in progress.
    let head = "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\nexpect: 100-continue";
    busy.send(&format!("{head}\r\n\r\n")).await;
    assert_eq!(busy.answer().await.status, 100);
    let mut waiting = connect(&listener).await;
    waiting.send("GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await;
    controls.one_waits().await;
    let ends = tokio::spawn(listener.shutdown());
    idle.closed().await;
    eventually(async || TcpStream::connect(address).await.err()).await;
    assert!(!ends.is_finished());
    busy.send("abcd").await;
    let answer = busy.answer().await;
    assert_eq!(answer.body, "abcd");
    assert_eq!(answer.header("connection"), "close");
    controls.gate.add_permits(1);
    assert_eq!(waiting.answer().await.body, "waited");
    timeout(PATIENCE, ends).await.expect("in time").expect("in good order");
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_at_the_drain_timeout() {
    let (listener, controls) = open(|options| options.limits.drain_timeout = SHORT).await;
    let mut client = connect(&listener).await;
    client.send("GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await;
    controls.one_waits().await;
    timeout(PATIENCE, listener.shutdown()).await.expect("it does not wait forever");
    client.closed().await;
}

#[tokio::test]
async fn http2_is_served_on_the_same_port_and_shuts_down_cleanly() {
    let (listener, controls) = open(|_| {}).await;
    let stream = TcpStream::connect(listener.address()).await.unwrap();
    let (mut asks, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut ask = |path: &str| {
        let uri = format!("http://x{path}");
        let request = axum::http::Request::get(uri).body(axum::body::Body::empty()).unwrap();
        asks.send_request(request)
    };
    let waiting = ask("/wait");
    let hello = ask("/hello").await.unwrap();
    assert_eq!(hello.status(), 200);
    assert_eq!(hello.headers()["x-content-type-options"], "nosniff");
    controls.one_waits().await;
    let ends = tokio::spawn(listener.shutdown());
    controls.gate.add_permits(1);
    let waited = timeout(PATIENCE, waiting).await.expect("in time").unwrap();
    let body = axum::body::to_bytes(axum::body::Body::new(waited.into_body()), 100).await;
    assert_eq!(body.unwrap(), "waited");
    timeout(PATIENCE, ends).await.expect("in time").unwrap();
    connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_address_that_others_can_reach_requires_tls_or_a_waiver() {
    let options =
        |address: &str| ListenOptions::new(address.parse().unwrap(), Accepts::new(|_| false));
    for open in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80", "[::ffff:192.0.2.1]:80"] {
        let refused = options(open).prepare().unwrap_err();
        assert!(matches!(refused, ListenError::Insecure { .. }), "{open}: {refused}");
        let mut insecure = options(open);
        insecure.insecure = true;
        assert!(insecure.prepare().is_ok(), "{open}");
    }
    for near in ["127.0.0.1:0", "127.9.9.9:0", "[::1]:0", "[::ffff:127.0.0.1]:0"] {
        assert!(options(near).prepare().is_ok(), "{near}");
    }
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let (listener, _) = open(|_| {}).await;
    let options = ListenOptions::new(listener.address(), Accepts::new(|_| false));
    let taken = options.prepare().unwrap().open(Router::new()).await.unwrap_err();
    assert!(matches!(taken, ListenError::Bind { .. }));
    assert!(taken.to_string().contains(&listener.address().to_string()), "{taken}");
}
