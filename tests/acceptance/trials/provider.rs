//! A provider that behaves as the first segment of a path says, over real sockets.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

use crate::canary::secret;
use crate::tls;

/// The end of the credentials that `keyed` accepts, besides the first canary.
pub(super) const WORKS: &str = "-that-works";

/// The heads of requests, in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn note(&self, request: String) {
        self.0.lock().expect("nobody panicked").push(request);
    }

    /// Returns the requests so far that have a text in their heads.
    pub(super) fn with(&self, text: &str) -> Vec<String> {
        let heard = self.0.lock().expect("nobody panicked");
        heard.iter().filter(|request| request.contains(text)).cloned().collect()
    }

    /// Returns how many requests there were.
    pub(super) fn count(&self) -> usize {
        self.0.lock().expect("nobody panicked").len()
    }
}

/// A running provider. It ends with the test.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) port: u16,
    pub(super) heard: Heard,
    /// Answers to `held` wait until this is notified.
    pub(super) release: Arc<Notify>,
}

impl Provider {
    /// Starts one whose redirects lead to a port.
    pub(super) async fn start(redirects_to: u16) -> Self {
        Self::start_over(None, redirects_to).await
    }

    /// Starts one that speaks TLS under some names, and returns the certificate of its authority.
    pub(super) async fn start_with_tls(names: &[&str]) -> (Self, String) {
        let (acceptor, certificate) = tls::certified(names);
        (Self::start_over(Some(acceptor), 0).await, certificate)
    }

    async fn start_over(tls: Option<TlsAcceptor>, redirects_to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (heard, release) = (Heard::default(), Arc::new(Notify::new()));
        let (noted, released) = (heard.clone(), Arc::clone(&release));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (noted, released) = (noted.clone(), Arc::clone(&released));
                let Some(tls) = &tls else {
                    tokio::spawn(serve(socket, noted, redirects_to, released));
                    continue;
                };
                // A client that does not trust it breaks off here.
                if let Ok(socket) = tls.accept(socket).await {
                    tokio::spawn(serve(socket, noted, redirects_to, released));
                }
            }
        });
        Self { port, heard, release }
    }
}

async fn serve(
    mut socket: impl AsyncRead + AsyncWrite + Unpin,
    heard: Heard,
    redirects_to: u16,
    release: Arc<Notify>,
) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let Ok(byte) = socket.read_u8().await else { return };
        request.push(byte);
    }
    let request = String::from_utf8(request).expect("text");
    heard.note(request.clone());
    let sent = request.lines().filter_map(|line| line.split_once(": "));
    let sent = sent.filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let credential = sent.map(|(_, value)| value.to_owned()).next().unwrap_or_default();
    let path = request.split(' ').nth(1).unwrap_or_default();
    let wish = path.split('/').nth(1).unwrap_or_default();
    let whole = |status: &str, more: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\n{more}content-length: {length}\r\n\r\n{body}")
    };
    let answer = match wish {
        "works" => whole("200 OK", "x-request-id: req-200\r\n", "{\"data\": []}"),
        "keyed" if credential.ends_with(WORKS) || credential.ends_with(&secret(1)) => {
            whole("200 OK", "", "{}")
        }
        "refused" | "keyed" => whole(
            "401 Unauthorized",
            &format!("x-request-id: {}\r\n", credential.replace(' ', "-")),
            &format!(
                "{{\"error\": {{\"message\": \"Incorrect API key provided: {credential}. Look at \
                 your settings.\"}}}}"
            ),
        ),
        "forbidden" => {
            whole("403 Forbidden", "request-id: req-403\r\n", "{\"error\": \"missing_scope\"}")
        }
        "limited" => whole("429 Too Many Requests", "retry-after: 30\r\n", "{}"),
        "broken" => whole("500 Internal Server Error", "", "oops"),
        "odd" => whole("418 I'm a teapot", "", ""),
        "redirect" => {
            let to = format!("location: http://127.0.0.1:{redirects_to}/works/models\r\n");
            whole("307 Temporary Redirect", &to, "")
        }
        "midway" => "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"da".to_owned(),
        "garbage" => "who are you?\r\n\r\n".to_owned(),
        "endless" => {
            socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok();
            while socket.write_all(&[b'x'; 4_096]).await.is_ok() {}
            return;
        }
        "slow" => {
            // Until the other side gives up.
            socket.read_u8().await.ok();
            return;
        }
        "trickle" => {
            socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n").await.ok();
            let mut ticks = tokio::time::interval(Duration::from_millis(100));
            while socket.write_all(b"x").await.is_ok() {
                ticks.tick().await;
            }
            return;
        }
        "held" => {
            release.notified().await;
            whole("200 OK", "", "{}")
        }
        other => panic!("no provider behaves as {other}"),
    };
    socket.write_all(answer.as_bytes()).await.ok();
}
