//! A client against sockets of this machine.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, Url};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::{
    Answer, Authorities, AuthorityError, Client, ClientOptions, Proxy, ProxyError, Reach, SendError,
};

/// Answers every request with the same bytes, and returns the address.
async fn answering(bytes: &'static str) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/a", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(answer(socket, bytes));
        }
    });
    url.parse().expect("a URL")
}

/// Reads a request, answers it, and stays until the client has gone.
async fn answer(mut socket: impl AsyncRead + AsyncWrite + Unpin, bytes: &'static str) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(socket.read_u8().await.expect("a request"));
    }
    socket.write_all(bytes.as_bytes()).await.expect("it reads");
    socket.flush().await.expect("it reads");
    socket.read_to_end(&mut request).await.ok();
}

async fn ask(bytes: &'static str, options: ClientOptions) -> Result<Answer, SendError> {
    let client = Client::new(options).expect("a client");
    client.send(client.request(Method::GET, answering(bytes).await)).await
}

#[tokio::test]
async fn a_redirect_is_an_answer_like_any_other() {
    let elsewhere = "HTTP/1.1 307 Elsewhere\r\nlocation: http://127.0.0.1:1/\r\n\
                     content-length: 0\r\n\r\n";
    let answer = ask(elsewhere, ClientOptions::default()).await.expect("an answer");
    assert_eq!(
        (answer.status, answer.headers["location"].as_bytes()),
        (307, &b"http://127.0.0.1:1/"[..])
    );
}

#[tokio::test]
async fn an_answer_has_a_largest_size() {
    let options = ClientOptions { bytes_max: 4, ..ClientOptions::default() };
    let fits = ask("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfour", options.clone()).await;
    assert_eq!(fits.expect("an answer").body.as_slice(), b"four");
    for too_large in [
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfives",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfives\r\n0\r\n\r\n",
    ] {
        let refused = ask(too_large, options.clone()).await;
        assert!(matches!(refused, Err(SendError::TooLarge { bytes_max: 4 })), "{refused:?}");
    }
}

#[tokio::test]
async fn the_beginning_of_an_answer_without_an_end_is_enough() {
    let options = ClientOptions { bytes_max: 4, ..ClientOptions::default() };
    let endless = "HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\nfour and more";
    let client = Client::new(options).expect("a client");
    let request = client.request(Method::GET, answering(endless).await);
    let answer = client.send_for_beginning(request).await.expect("its beginning");
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"four"[..]));
}

#[tokio::test]
async fn a_forbidden_network_sees_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let networks = vec!["10.0.0.0/8".parse().expect("a network")];
    for reach in [Reach::Public(networks.clone()), Reach::Only(networks)] {
        let client = Client::new(ClientOptions { reach, ..ClientOptions::default() });
        let client = client.expect("a client");
        for host in ["127.0.0.1", "localhost", "[::1]", "2130706433", "[::ffff:127.0.0.1]"] {
            let url = format!("http://{host}:{port}/").parse().expect("a URL");
            let refused = client.send_for_beginning(client.request(Method::GET, url)).await;
            assert!(matches!(refused, Err(SendError::Forbidden)), "{host}: {refused:?}");
        }
    }
    let nobody = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(nobody.is_err(), "somebody connected");
    let reach = Reach::Only(vec!["127.0.0.0/8".parse().expect("a network")]);
    let client = Client::new(ClientOptions { reach, ..ClientOptions::default() });
    let client = client.expect("a client");
    let url = answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let by_name = url.as_str().replace("127.0.0.1", "localhost").parse().expect("a URL");
    for url in [url, by_name] {
        assert_eq!(client.send(client.request(Method::GET, url)).await.expect("it").status, 200);
    }
}

#[tokio::test]
async fn an_answer_has_a_time_limit() {
    let options = ClientOptions { answer_max: Duration::from_millis(50), ..Default::default() };
    for slow in ["", "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfou"] {
        let late = ask(slow, options.clone()).await;
        assert!(matches!(late, Err(SendError::TooSlow)), "{late:?}");
    }
}

/// Serves TLS with a certificate of its own. Returns the address, and the certificate.
async fn answering_over_tls() -> (Url, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a pair");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            // A client that does not trust it breaks off here.
            if let Ok(socket) = acceptor.accept(socket).await {
                tokio::spawn(answer(socket, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
            }
        }
    });
    (format!("https://localhost:{port}/").parse().expect("a URL"), made.cert.pem())
}

fn authority(pem: &str) -> Authorities {
    Authorities::from_pem(pem.as_bytes()).expect("certificates")
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_and_nobody_else_of_that_name() {
    let (url, certificate) = answering_over_tls().await;
    let ask = async |authorities: Option<String>| {
        let authorities = authorities.map(|pem| authority(&pem));
        let options = ClientOptions { authorities, ..ClientOptions::default() };
        let client = Client::new(options).expect("a client");
        client.send(client.request(Method::GET, url.clone())).await
    };
    assert_eq!(ask(Some(certificate)).await.expect("an answer").status, 200);
    let (_, of_another) = answering_over_tls().await;
    for authorities in [None, Some(of_another)] {
        let refused = ask(authorities).await;
        let error = refused.expect_err("it is not trusted");
        assert!(matches!(error, SendError::Unreachable(_)), "{error:?}");
        let said = error.in_short();
        assert!(said.contains("not trusted here") || said.contains("not valid"), "{said}");
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_told_from_one_of_a_stranger() {
    let (mut url, certificate) = answering_over_tls().await;
    url.set_host(Some("127.0.0.1")).expect("a host");
    let options =
        ClientOptions { authorities: Some(authority(&certificate)), ..ClientOptions::default() };
    let client = Client::new(options).expect("a client");
    let error = client.send(client.request(Method::GET, url)).await.expect_err("another name");
    assert_eq!(error.in_short(), "TLS failed: the certificate is for another name");
    let client = Client::new(ClientOptions::default()).expect("a client");
    let nobody: Url = "http://127.0.0.1:1/".parse().expect("a URL");
    let error = client.send(client.request(Method::GET, nobody)).await.expect_err("nobody");
    assert_eq!(error.in_short(), "it refuses connections");
}

#[test]
fn what_names_no_authority_is_refused() {
    for bad in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert_eq!(Authorities::from_pem(bad.as_bytes()).err(), Some(AuthorityError), "{bad}");
    }
}

/// Requests of one test, at most.
const REQUESTS_MAX: usize = 64;

/// Connects whoever logs in to one port, whatever they ask for, and tells what they ask for.
async fn proxy(port: u16) -> (Proxy, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (heads, told) = mpsc::channel(REQUESTS_MAX);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(socket.read_u8().await.expect("a request"));
            }
            let head = String::from_utf8(head).expect("text").to_lowercase();
            let is_known = head.contains("proxy-authorization: basic bwu6c2vzyw0=");
            heads.try_send(head).expect("somebody reads");
            let status = if is_known { "200 OK" } else { "407 Login" };
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
            socket.write_all(answer.as_bytes()).await.expect("it reads");
            if is_known {
                let mut there = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
                tokio::io::copy_bidirectional(&mut socket, &mut there).await.ok();
            }
        }
    });
    (Proxy::parse(&url).expect("a URL"), told)
}

#[tokio::test]
async fn a_proxy_is_asked_only_for_what_may_be_reached() {
    let (url, certificate) = answering_over_tls().await;
    let port = url.port().expect("one");
    let (proxy, mut told) = proxy(port).await;
    let known = proxy.clone().with_login("me".to_owned(), "sesam".to_owned().into());
    assert!(!format!("{known:?}").contains("sesam"));
    let ask = async |proxy: &Proxy, reach: Reach, url: &str| {
        let authorities = Some(authority(&certificate));
        let proxy = Some(proxy.clone());
        let options = ClientOptions { authorities, reach, proxy, ..ClientOptions::default() };
        let client = Client::new(options).expect("a client");
        client.send(client.request(Method::GET, url.parse().expect("a URL"))).await
    };
    let here = Reach::Public(vec!["127.0.0.0/8".parse().expect("a network")]);
    let url = format!("https://localhost:{port}/");
    assert_eq!(ask(&known, here.clone(), &url).await.expect("an answer").status, 200);
    assert!(told.recv().await.expect("asked").starts_with("connect localhost:"));
    // A name that this machine does not know is for the proxy to find.
    let elsewhere = format!("https://provider.invalid:{port}/");
    let error = ask(&known, Reach::Public(Vec::new()), &elsewhere).await.expect_err("its name");
    assert_eq!(error.in_short(), "TLS failed: the certificate is for another name");
    assert!(told.recv().await.expect("asked").starts_with("connect provider.invalid:"));
    let stranger = ask(&proxy, here, &url).await.expect_err("the proxy does not know it");
    assert_eq!(stranger.in_short(), "the proxy makes no connection to it");
    assert!(told.recv().await.is_some());
    for forbidden in [url, format!("https://127.0.0.1:{port}/"), "https://[::1]/".to_owned()] {
        let refused = ask(&known, Reach::Public(Vec::new()), &forbidden).await;
        assert!(matches!(refused, Err(SendError::Forbidden)), "{forbidden}: {refused:?}");
    }
    assert!(told.try_recv().is_err(), "the proxy was asked");
}

#[test]
fn a_proxy_is_named_by_a_url_without_a_login() {
    assert!(Proxy::parse("https://proxy.example:3128").is_ok());
    for bad in ["proxy", "socks5://proxy", "http://proxy/path", "http://proxy?a", ""] {
        assert_eq!(Proxy::parse(bad).err(), Some(ProxyError::NoUrl), "{bad}");
    }
    assert_eq!(Proxy::parse("http://me:sesam@proxy").err(), Some(ProxyError::Login));
}
