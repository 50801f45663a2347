//! The program's HTTP listener on a real socket: its start, its refusals and its shutdown.

use std::net::TcpListener;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use nix::sys::signal::Signal;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::private;
use crate::service::Service;
use crate::settings;
use crate::wait::eventually;

const ALONE: [&str; 2] = ["--nats", "off"];

/// Runs `serve` where it must not come to serving.
async fn refused(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(settings::connledger());
    command.arg("serve").args(ALONE).args(args).arg("--data-dir").arg(folder).kill_on_drop(true);
    let Output { status, stderr, .. } = command.output().await.expect("connledger runs");
    (status.code(), String::from_utf8_lossy(&stderr).into_owned())
}

async fn dial(service: &Service) -> TcpStream {
    let url = service.http_url();
    let (_, address) = url.split_once("://").expect("a URL");
    TcpStream::connect(address).await.expect("it listens")
}

/// Reads until what was read ends as it must.
async fn read_until(stream: &mut (impl AsyncRead + Unpin), end: &str) -> String {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(end.as_bytes()) {
        match stream.read(&mut byte).await.expect("it can be read") {
            0 => break,
            _ => text.extend_from_slice(&byte),
        }
    }
    String::from_utf8(text).expect("text")
}

/// Asks once, on a connection of its own, and returns the whole answer.
async fn ask(service: &Service, path: &str, key: &str) -> String {
    let mut stream = dial(service).await;
    let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
    let request = format!("{head}authorization: Bearer {key}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

#[track_caller]
fn expect_status(answer: &str, status: u16) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
}

#[tokio::test]
async fn what_others_can_reach_is_refused_without_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let (code, said) = refused(&data, &["--listen", "0.0.0.0:0"]).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("0.0.0.0:0") && said.contains("--tls-cert"), "{said}");
    for args in [&["--listen", "0.0.0.0:0"][..], &["--listen", "[::]:0", "--listen-insecure"]] {
        let (code, said) = refused(&data, &[args, &["--dev"]].concat()).await;
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("--dev is for this machine only"), "{said}");
    }
    assert!(!data.exists(), "nothing was made");
}

#[tokio::test]
async fn a_port_in_use_is_named_with_its_code() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it has one").to_string();
    let data = folder.path().join("data");
    let (code, said) = refused(&data, &["--dev", "--listen", &address]).await;
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("listen_failed") && said.contains(&address), "{said}");
}

#[tokio::test]
async fn http_runs_without_nats_and_says_where() {
    let mut service = Service::start(&ALONE).await;
    let answer = ask(&service, "/api/v1/status", &service.key()).await;
    expect_status(&answer, 200);
    for header in ["x-content-type-options: nosniff", "x-frame-options: DENY"] {
        assert!(answer.contains(header), "{answer}");
    }
    assert!(service.log().contains(&format!("http {}", service.http_url())), "{}", service.log());
    assert!(service.stop().await.success(), "{}", service.log());
}

#[tokio::test]
async fn guessing_keys_is_locked_out_and_the_key_in_use_goes_on() {
    let service = Service::start(&ALONE).await;
    expect_status(&ask(&service, "/api/v1/status", &service.key()).await, 200);
    for number in 0..10 {
        let answer = ask(&service, "/api/v1/status", &format!("sk_test_{number}")).await;
        expect_status(&answer, 401);
    }
    // Lockouts end, so on a slow machine it may take a guess more to meet one.
    eventually("a guess is not looked at", async || {
        let answer = ask(&service, "/api/v1/status", "sk_test_x").await;
        let locked = answer.contains("credential_lockout");
        assert!(!locked || answer.contains("retry-after: "), "{answer}");
        locked.then_some(())
    })
    .await;
    expect_status(&ask(&service, "/api/v1/status", &service.key()).await, 200);
}

#[tokio::test]
async fn a_command_under_way_when_it_is_told_to_stop_is_answered_and_kept() {
    let mut service = Service::start(&ALONE).await;
    let body = r#"{"slug": "last", "provider": "openai"}"#;
    let head = format!(
        "POST /api/v1/workspaces/default/connections HTTP/1.1\r\nhost: x\r\n\
         authorization: Bearer {}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nexpect: 100-continue\r\n\r\n",
        service.key(),
        body.len()
    );
    let mut stream = dial(&service).await;
    let address = stream.peer_addr().expect("it is connected");
    stream.write_all(head.as_bytes()).await.expect("sent");
    // The server asks for the body, so the request is under way.
    expect_status(&read_until(&mut stream, "\r\n\r\n").await, 100);
    let finish = async {
        eventually("it takes no more connections", async || {
            TcpStream::connect(address).await.err()
        })
        .await;
        stream.write_all(body.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    };
    let (stopped, answer) = tokio::join!(service.stop(), finish);
    expect_status(&answer, 201);
    assert!(stopped.success(), "{}", service.log());
    service.start_again().await;
    let path = "/api/v1/workspaces/default/connections/last";
    expect_status(&ask(&service, path, &service.key()).await, 200);
}

#[tokio::test]
async fn an_open_feed_ends_at_the_word_to_stop_and_holds_nothing_up() {
    let mut service = Service::start(&ALONE).await;
    let mut stream = dial(&service).await;
    let head = "GET /api/v1/events HTTP/1.1\r\nhost: x\r\naccept: text/event-stream";
    let request = format!("{head}\r\nauthorization: Bearer {}\r\n\r\n", service.key());
    stream.write_all(request.as_bytes()).await.expect("sent");
    let head = read_until(&mut stream, "\r\n\r\n").await;
    expect_status(&head, 200);
    assert!(head.contains("text/event-stream"), "{head}");
    let mut rest = Vec::new();
    let (stopped, ended) = tokio::join!(service.stop(), stream.read_to_end(&mut rest));
    assert!(stopped.success(), "{}", service.log());
    assert!(ended.is_ok(), "{ended:?}");
    let text = String::from_utf8_lossy(&rest);
    assert!(text.ends_with("0\r\n\r\n"), "cut: {text}");
    assert!(text.contains("event: closing\n") && text.contains("shutting_down"), "{text}");
    assert!(!service.log().contains("still open"), "{}", service.log());
}

/// Writes a new certificate of its own authority for `localhost`, and returns it.
fn renew(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
    private::write(&folder.join("key.pem"), &made.signing_key.serialize_pem());
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).expect("writable");
    made.cert.der().clone()
}

type Encrypted = TlsStream<TcpStream>;

async fn encrypted(service: &Service, trusted: &CertificateDer<'static>) -> Option<Encrypted> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).expect("a certificate");
    let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("known versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = dial(service).await;
    TlsConnector::from(Arc::new(client)).connect(name, stream).await.ok()
}

async fn alive(stream: &mut Encrypted) {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    expect_status(&read_until(stream, "\r\n\r\n").await, 200);
}

#[tokio::test]
async fn a_new_certificate_is_taken_up_at_sighup_and_open_connections_go_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let old = renew(folder.path());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (cert, key) = (file("cert.pem"), file("key.pem"));
    let args = ["--nats", "off", "--tls-cert", &cert, "--tls-key", &key];
    let mut service = Service::start(&args).await;
    assert!(service.http_url().starts_with("https://"));
    let mut first = encrypted(&service, &old).await.expect("TLS");
    alive(&mut first).await;
    let new = renew(folder.path());
    service.signal(Signal::SIGHUP);
    let mut second =
        eventually("the new certificate is shown", async || encrypted(&service, &new).await).await;
    alive(&mut second).await;
    drop(second);
    // What is left of the first answer stands before the second one.
    first.write_all(b"GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    let rest = read_until(&mut first, "HTTP/1.1 404").await;
    assert!(rest.ends_with("HTTP/1.1 404"), "{rest}");
    assert!(service.stop().await.success(), "{}", service.log());
}
