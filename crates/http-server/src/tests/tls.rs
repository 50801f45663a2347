//! TLS: server certificates, their reload, and client certificates.

use std::fs;
use std::io;
use std::time::SystemTime;

use rcgen::ExtendedKeyUsagePurpose;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};

use super::certificates::Certificates;
use super::*;
use crate::error::chain;
use crate::tls::Tls;

async fn connect_tls(
    listener: &Listener,
    client: &Arc<ClientConfig>,
) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(listener.address()).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::clone(client)).connect(name, stream).await
}

fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    let (_, session) = stream.get_ref();
    let chain = session.peer_certificates().expect("a certificate");
    chain.first().expect("at least one").clone().into_owned()
}

#[tokio::test]
async fn a_new_certificate_is_used_for_new_connections_and_old_ones_stay() {
    let made = Certificates::new();
    let (listener, _) = open(|options| {
        options.tls = Some(made.files());
        options.limits.tls_check_interval = LONG;
    })
    .await;
    assert!(listener.url().starts_with("https://127.0.0.1:"));
    let first = connect_tls(&listener, &made.client(None)).await.expect("TLS");
    let old = shown(&first);
    let mut first = TestClient::over(first);
    let answer = first.get("/hello", &[]).await;
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");
    let new = made.renew();
    assert_ne!(old, new);
    listener.reload_certificates().await;
    let second = connect_tls(&listener, &made.client(None)).await.expect("TLS");
    assert_eq!(shown(&second), new);
    assert_eq!(first.get("/hello", &[]).await.status, 200, "the first one still talks");
    fs::write(made.path("key.pem"), "nonsense").unwrap();
    listener.reload_certificates().await;
    let third = connect_tls(&listener, &made.client(None)).await.expect("TLS");
    assert_eq!(shown(&third), new, "what cannot be used is not");
}

#[tokio::test]
async fn changed_files_are_detected_without_a_signal() {
    let made = Certificates::new();
    let (listener, _) = open(|options| {
        options.tls = Some(made.files());
        options.limits.tls_check_interval = Duration::from_millis(20);
    })
    .await;
    let new = made.renew();
    eventually(async || {
        let stream = connect_tls(&listener, &made.client(None)).await.expect("TLS all the time");
        (shown(&stream) == new).then_some(())
    })
    .await;
}

#[test]
fn unusable_files_are_read_again_even_if_they_look_unchanged() {
    let made = Certificates::new();
    let tls = Tls::load(made.files()).expect("good files");
    let first = Arc::clone(tls.acceptor().config());
    let key = made.path("key.pem");
    let put = |text: &str, time| {
        fs::write(&key, text).unwrap();
        fs::File::options().write(true).open(&key).unwrap().set_modified(time).unwrap();
    };
    let (old, time) = (fs::read_to_string(&key).unwrap(), SystemTime::UNIX_EPOCH);
    made.renew();
    let new = fs::read_to_string(&key).unwrap();
    assert_eq!(old.len(), new.len());
    // The new certificate is written before its key.
    put(&old, time);
    tls.reload_if_changed();
    assert!(Arc::ptr_eq(&first, tls.acceptor().config()), "they do not go together");
    put(&new, time);
    tls.reload_if_changed();
    let second = Arc::clone(tls.acceptor().config());
    assert!(!Arc::ptr_eq(&first, &second));
    tls.reload_if_changed();
    assert!(Arc::ptr_eq(&second, tls.acceptor().config()), "nothing has changed");
}

#[tokio::test]
async fn with_a_client_ca_only_its_clients_are_accepted() {
    let made = Certificates::new();
    let (listener, _) = open(|options| {
        let client_authority = Some(made.path("ca.pem"));
        options.tls = Some(TlsFiles { client_authority, ..made.files() });
    })
    .await;
    let known = made.issue("gateway", ExtendedKeyUsagePurpose::ClientAuth);
    let foreign = Certificates::new().issue("gateway", ExtendedKeyUsagePurpose::ClientAuth);
    for (identity, let_in) in [(None, false), (Some(foreign), false), (Some(known), true)] {
        let attempt = async {
            // With TLS 1.3 the client learns of the rejection only after its handshake.
            let mut stream = connect_tls(&listener, &made.client(identity)).await?;
            stream.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await?;
            let mut start = [0; 12];
            stream.read_exact(&mut start).await?;
            Ok::<_, io::Error>(start)
        };
        let answered = timeout(PATIENCE, attempt).await.expect("in time");
        assert_eq!(answered.is_ok_and(|start| &start == b"HTTP/1.1 200"), let_in);
    }
}

#[tokio::test]
async fn plain_http_on_the_tls_port_is_closed_cleanly() {
    let made = Certificates::new();
    let (listener, _) = open(|options| options.tls = Some(made.files())).await;
    let mut stream = TcpStream::connect(listener.address()).await.unwrap();
    let request = format!("GET /hello HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(20_000));
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut rest = Vec::new();
    let ended = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("in time");
    assert!(ended.is_ok(), "reset: {ended:?}");
    assert!(!rest.starts_with(b"HTTP"), "an answer in plain text");
}

#[tokio::test]
async fn a_handshake_that_does_not_finish_in_time_closes_the_connection() {
    let made = Certificates::new();
    let (listener, _) = open(|options| {
        options.tls = Some(made.files());
        options.limits.header_timeout = SHORT;
    })
    .await;
    connect(&listener).await.closed().await;
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named_at_the_start() {
    let made = Certificates::new();
    let prepare = |files: TlsFiles| {
        let mut options =
            ListenOptions::new("127.0.0.1:0".parse().unwrap(), Accepts::new(|_| false));
        options.tls = Some(files);
        options.prepare().map(drop)
    };
    assert!(prepare(made.files()).is_ok());
    let other = Certificates::new();
    let missing = TlsFiles { certificate: made.path("none.pem"), ..made.files() };
    let crossed = TlsFiles { key: other.path("key.pem"), ..made.files() };
    let empty = TlsFiles { certificate: made.path("key.pem"), ..made.files() };
    for (files, named) in [(missing, "none.pem"), (crossed, "cert.pem"), (empty, "key.pem")] {
        let refused = prepare(files).unwrap_err();
        assert!(chain(&refused).contains(named), "{refused}");
        assert!(matches!(refused, ListenError::Tls(_)));
    }
}
