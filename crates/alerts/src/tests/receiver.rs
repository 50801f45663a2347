//! A receiver over real sockets, which answers as it is told and can be away.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) head: String,
    pub(super) body: Value,
    pub(super) raw: String,
}

impl Heard {
    /// Returns a header.
    pub(super) fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).unwrap().1
    }

    /// Returns slug and reason of the connection that failed.
    pub(super) fn failed(&self) -> (String, String) {
        let connection = &self.body["data"]["connection"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&connection["slug"]), text(&connection["health"]["reason"]))
    }
}

/// What a receiver answers.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// A status.
    Status(u16),
    /// A status and a further header.
    With(u16, String),
    /// A good status and a body without an end.
    Endless,
    /// Nothing.
    Nothing,
    /// It hangs up.
    HangUp,
}

type Answering = Arc<dyn Fn(&Heard) -> Reply + Send + Sync>;

/// A receiver.
pub(super) struct Receiver {
    pub(super) port: u16,
    heard: Arc<Mutex<Vec<Heard>>>,
    answering: Arc<Mutex<Answering>>,
    task: Option<JoinHandle<()>>,
}

impl Receiver {
    /// Starts one that takes everything.
    pub(super) fn start() -> Self {
        let answering: Answering = Arc::new(|_| Reply::Status(204));
        let (heard, answering) = (Arc::default(), Arc::new(Mutex::new(answering)));
        let mut receiver = Self { port: 0, heard, answering, task: None };
        receiver.come_back();
        receiver
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// Says what it answers from now on.
    pub(super) fn answers(&self, how: impl Fn(&Heard) -> Reply + Send + Sync + 'static) {
        *self.answering.lock().unwrap() = Arc::new(how);
    }

    /// Goes away, with what it was about to answer.
    pub(super) async fn go_away(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            assert!(task.await.is_err_and(|error| error.is_cancelled()));
        }
    }

    /// Comes back to the same port.
    pub(super) fn come_back(&mut self) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(([127, 0, 0, 1], self.port).into()).unwrap();
        let listener = socket.listen(64).unwrap();
        self.port = listener.local_addr().unwrap().port();
        let (heard, answering) = (Arc::clone(&self.heard), Arc::clone(&self.answering));
        self.task = Some(tokio::spawn(serve(listener, heard, answering)));
    }

    /// Returns what it heard.
    pub(super) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// Returns how often it was asked.
    pub(super) fn count(&self) -> usize {
        self.heard.lock().unwrap().len()
    }
}

async fn serve(
    listener: TcpListener,
    heard: Arc<Mutex<Vec<Heard>>>,
    answering: Arc<Mutex<Answering>>,
) {
    let mut open = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        open.spawn(answer(socket, Arc::clone(&heard), Arc::clone(&answering)));
    }
}

async fn answer(
    mut socket: TcpStream,
    heard: Arc<Mutex<Vec<Heard>>>,
    answering: Arc<Mutex<Answering>>,
) {
    let mut start = Vec::new();
    while !start.ends_with(b"\r\n\r\n") {
        let Ok(byte) = socket.read_u8().await else { return };
        start.push(byte);
    }
    let start = String::from_utf8(start).unwrap();
    let length = start.to_lowercase();
    let length = length.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    if socket.read_exact(&mut body).await.is_err() {
        return;
    }
    let raw = String::from_utf8(body).unwrap();
    let request = Heard { head: start, body: serde_json::from_str(&raw).unwrap(), raw };
    let how = Arc::clone(&answering.lock().unwrap());
    let reply = how(&request);
    heard.lock().unwrap().push(request);
    let written = match reply {
        Reply::Status(status) => {
            let said = "said by the receiver";
            let text =
                format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{said}", said.len());
            let text = if status == 204 { format!("HTTP/1.1 {status} X\r\n\r\n") } else { text };
            socket.write_all(text.as_bytes()).await
        }
        Reply::With(status, header) => {
            let text = format!("HTTP/1.1 {status} X\r\n{header}\r\ncontent-length: 0\r\n\r\n");
            socket.write_all(text.as_bytes()).await
        }
        Reply::Endless => {
            let mut written =
                socket.write_all(b"HTTP/1.1 200 X\r\ncontent-length: 999999999\r\n\r\n").await;
            while written.is_ok() {
                written = socket.write_all(&[b'x'; 1_024]).await;
            }
            written
        }
        Reply::Nothing => {
            tokio::time::sleep(Duration::from_mins(10)).await;
            Ok(())
        }
        Reply::HangUp => Ok(()),
    };
    // Whoever hangs up before the end has read what it wanted.
    drop(written);
}
