//! Tests through the proxy of an operator, and with an authority of theirs.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::sync::mpsc;

use super::provider::Provider;
use super::{HERE, test};
use crate::canary::{expect_silence_in, secret};
use crate::output::{said, told};
use crate::service::Service;
use crate::settings;

/// Requests of one test, at most.
const REQUESTS_MAX: usize = 64;

/// What the proxy wants of those who ask it: `me` and the second canary.
fn login() -> String {
    format!("me:{}", secret(2))
}

/// Connects whoever logs in to one port, whatever they ask for, and tells what they ask for.
async fn start_proxy(port: u16) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (heads, told) = mpsc::channel(REQUESTS_MAX);
    let wanted = format!("Basic {}", STANDARD.encode(login()));
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(socket.read_u8().await.expect("a request"));
            }
            let head = String::from_utf8(head).expect("text");
            let is_known = head.contains(&wanted);
            heads.try_send(head).ok();
            if !is_known {
                socket.write_all(b"HTTP/1.1 407 Login\r\ncontent-length: 0\r\n\r\n").await.ok();
                continue;
            }
            socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.expect("it reads");
            let mut there = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
            tokio::spawn(async move {
                tokio::io::copy_bidirectional(&mut socket, &mut there).await.ok();
            });
        }
    });
    (url, told)
}

async fn create(service: &Service, slug: &str, address: &str) {
    let address = format!("base_url={address}");
    let key = format!("api_key={}", secret(1));
    let args = ["create", "--slug", slug, "--provider", "openai", "--config", &address];
    told(&service.run(&[&args[..], &["--secret", &key]].concat()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_of_the_operator_is_trusted_beside_those_of_the_system() {
    let (provider, certificate) = Provider::start_with_tls(&["localhost"]).await;
    let files = tempfile::tempdir().expect("a folder");
    let authority = files.path().join("ca.pem");
    fs::write(&authority, certificate).expect("writable");
    let authority = authority.to_str().expect("text");
    for (flags, outcome, status, part) in [
        (&[][..], "unreachable", json!(null), "TLS failed"),
        (&["--check-ca-file", authority][..], "works", json!(200), "answered 200"),
    ] {
        let service = Service::start(&[&HERE[..], flags].concat()).await;
        create(&service, "works", &format!("https://localhost:{}/works", provider.port)).await;
        let tested = test(&service, "works").await;
        assert_eq!((&tested["outcome"], &tested["status"]), (&json!(outcome), &status), "{tested}");
        assert!(tested["reason"].as_str().is_some_and(|why| why.contains(part)), "{tested}");
    }
    assert_eq!(provider.heard.count(), 1, "only whoever trusts it asks");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_connects_to_providers_and_reads_nothing() {
    let names = ["provider.invalid", "localhost"];
    let (provider, certificate) = Provider::start_with_tls(&names).await;
    let (url, mut asked) = start_proxy(provider.port).await;
    let files = tempfile::tempdir().expect("a folder");
    let authority = files.path().join("ca.pem");
    fs::write(&authority, certificate).expect("writable");
    let login_file = files.path().join("login");
    crate::private::write(&login_file, &login());
    let (authority, file) = (authority.to_str().expect("text"), login_file.to_str().expect("text"));
    let flags = ["--check-proxy", &url, "--check-ca-file", authority];
    let login = ["--check-proxy-login-file", file];
    let mut service = Service::start(&[&flags[..], &login].concat()).await;
    create(&service, "works", "https://provider.invalid/works").await;
    let tested = test(&service, "works").await;
    assert_eq!((&tested["outcome"], &tested["status"]), (&json!("works"), &json!(200)), "{tested}");
    let head = asked.recv().await.expect("the proxy was asked");
    assert!(head.starts_with("CONNECT provider.invalid:443 "), "{head}");
    assert!(!head.contains(&secret(1)), "the proxy reads the key");
    // What is an address on this machine stays forbidden, whoever would make the connection.
    for (slug, address) in
        [("name", "https://localhost/works"), ("address", "https://169.254.169.254/works")]
    {
        create(&service, slug, address).await;
        let tested = test(&service, slug).await;
        assert_eq!(tested["outcome"], "inconclusive", "{tested}");
        assert!(tested["reason"].to_string().contains("nothing was sent"), "{tested}");
    }
    assert!(asked.try_recv().is_err(), "the proxy was asked for what may not be reached");
    assert!(service.stop().await.success());
    expect_silence_in(service.folder());

    let service = Service::start(&flags).await;
    create(&service, "works", "https://provider.invalid/works").await;
    let tested = test(&service, "works").await;
    assert_eq!(tested["outcome"], "unreachable", "{tested}");
    assert!(tested["reason"].to_string().contains("the proxy makes no connection"), "{tested}");
    assert_eq!(provider.heard.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_that_name_no_proxy_or_authority_are_refused_at_the_start() {
    let files = tempfile::tempdir().expect("a folder");
    let path = |name: &str| files.path().join(name).to_str().expect("text").to_owned();
    fs::write(path("none.pem"), "no certificate").expect("writable");
    crate::private::write(files.path().join("login").as_path(), "without a colon");
    for (flags, part) in [
        (vec!["--check-proxy", "socks5://proxy"], "must be the URL of a proxy"),
        (vec!["--check-proxy", "http://me:word@proxy"], "no user or password"),
        (vec!["--check-proxy-login-file", "login"], "--check-proxy"),
        (
            vec!["--check-proxy", "http://proxy", "--check-proxy-login-file", &path("login")],
            "USER:PASSWORD",
        ),
        (vec!["--check-ca-file", &path("none.pem")], "PEM form"),
        (vec!["--check-ca-file", &path("absent.pem")], "absent.pem"),
    ] {
        let mut serve = Command::new(settings::connledger());
        serve.args(["serve", "--dev", "--nats", "off", "--listen", "127.0.0.1:0", "--data-dir"]);
        let ended = serve.arg(path("data")).args(&flags).kill_on_drop(true).output().await;
        let ended = ended.expect("it ends");
        assert_eq!(ended.status.code(), Some(2), "{flags:?}: {}", said(&ended));
        assert!(said(&ended).contains(part), "{flags:?}: {}", said(&ended));
    }
}
