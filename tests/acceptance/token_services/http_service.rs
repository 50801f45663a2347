//! A token service over real sockets that behaves as the first segment of a path says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::canary::secret;

/// What was sent, in order: the head, and the body after an empty line.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn note(&self, request: String) {
        self.0.lock().expect("nobody panicked").push(request);
    }

    pub(super) fn all(&self) -> Vec<String> {
        self.0.lock().expect("nobody panicked").clone()
    }
}

/// A running service. It ends with the test.
#[derive(Debug)]
pub(super) struct HttpService {
    pub(super) port: u16,
    pub(super) heard: Heard,
}

impl HttpService {
    /// Starts one whose redirects lead to a port.
    pub(super) async fn start(redirects_to: u16) -> Self {
        Self::start_with(redirects_to, None).await
    }

    /// Starts one, with TLS if there is a certificate.
    pub(super) async fn start_with(redirects_to: u16, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let heard = Heard::default();
        let noted = heard.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (noted, tls) = (noted.clone(), tls.clone());
                tokio::spawn(async move {
                    let Some(tls) = tls else { return serve(socket, noted, redirects_to).await };
                    if let Ok(socket) = tls.accept(socket).await {
                        serve(socket, noted, redirects_to).await;
                    }
                });
            }
        });
        Self { port, heard }
    }
}

/// Reads a request with its body.
async fn read(socket: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(socket.read_u8().await.ok()?);
    }
    let head = String::from_utf8(request).expect("text");
    let lengths = head.lines().filter_map(|line| line.split_once(": "));
    let mut lengths = lengths.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = lengths.next().map_or(0, |(_, text)| text.parse().expect("a number"));
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await.ok()?;
    Some(head + std::str::from_utf8(&body).expect("text"))
}

async fn serve(mut socket: impl AsyncRead + AsyncWrite + Unpin, heard: Heard, redirects_to: u16) {
    let Some(request) = read(&mut socket).await else { return };
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let wish = path.split('/').nth(1).unwrap_or_default();
    // It repeats what it was sent, as careless services do.
    let sent = request.lines().last().unwrap_or_default().to_owned();
    heard.note(request);
    let whole = |status: &str, more: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\n{more}content-length: {length}\r\n\r\n{body}")
    };
    let answer = match wish {
        "works" => {
            let body = json!({"access_token": secret(7), "expires_in": 3_600});
            whole("200 OK", "", &body.to_string())
        }
        "silent" => whole("200 OK", "", &json!({"access_token": secret(7)}).to_string()),
        "garbage" => whole("200 OK", "", "<html>welcome</html>"),
        "no-http" => "who are you?\r\n\r\n".to_owned(),
        "redirect" => {
            let to = format!("location: http://127.0.0.1:{redirects_to}/works\r\n");
            whole("307 Temporary Redirect", &to, "")
        }
        "limited" => whole("429 Too Many Requests", "retry-after: 30\r\n", "{}"),
        "limited-until" => {
            let until = "retry-after: Fri, 31 Dec 2100 23:59:59 GMT\r\n";
            whole("429 Too Many Requests", until, "{}")
        }
        "lost" => {
            let said = format!("the request {sent} is wrong");
            let body = json!({"error": "invalid_grant", "error_description": said});
            whole("400 Bad Request", "", &body.to_string())
        }
        "unknown" => whole("401 Unauthorized", "", "{\"error\": \"invalid_client\"}"),
        "broken" => whole("500 Internal Server Error", "", "oops"),
        "midway" => "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"acc".to_owned(),
        "huge" => {
            let start = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", 10_u64 << 30);
            socket.write_all(start.as_bytes()).await.ok();
            while socket.write_all(&[b'x'; 4_096]).await.is_ok() {}
            return;
        }
        "endless" => {
            socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n").await.ok();
            let mut ticks = tokio::time::interval(Duration::from_millis(100));
            while socket.write_all(b"x").await.is_ok() {
                ticks.tick().await;
            }
            return;
        }
        "slow" => {
            // Until the other side gives up.
            socket.read_u8().await.ok();
            return;
        }
        other => panic!("no service behaves as {other}"),
    };
    socket.write_all(answer.as_bytes()).await.ok();
    socket.shutdown().await.ok();
}
