//! HTTP/1.1 over a socket and nothing else, so that the one who asks costs little beside the one
//! who answers.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::failure::{Failure, Outcome};

/// Longest header of an answer that is read, in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1_024;
const END_OF_HEAD: &[u8] = b"\r\n\r\n";
/// The last piece of a body whose length was not known before: one of no bytes.
const END_OF_PIECES: &[u8] = b"\r\n0\r\n\r\n";
/// How much of a refusal is shown.
const SHOWN_BYTES: usize = 300;

/// What is the same in every request of a row.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    pub(crate) address: SocketAddr,
    key: String,
}

impl Asker {
    pub(crate) const fn new(address: SocketAddr, key: String) -> Self {
        Self { address, key }
    }

    /// Opens a connection that stays open from request to request.
    pub(crate) async fn connect(&self) -> Outcome<Wire> {
        Wire::over(TcpStream::connect(self.address).await?)
    }

    /// Opens one that comes from another address of this machine.
    pub(crate) async fn connect_from(&self, source: Ipv4Addr) -> Outcome<Wire> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((source, 0).into())?;
        Wire::over(socket.connect(self.address).await?)
    }

    /// Writes a request without a body.
    pub(crate) fn get(&self, path: &str, accept: &str) -> Vec<u8> {
        let Self { address, key } = self;
        format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n\
             Accept: {accept}\r\n\r\n"
        )
        .into_bytes()
    }

    /// Writes a request with a JSON body; a repeated `id` does nothing twice.
    pub(crate) fn send(&self, method: &str, path: &str, id: &str, body: &str) -> Vec<u8> {
        let Self { address, key } = self;
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n\
             Content-Type: application/json\r\nIdempotency-Key: {id}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    /// The answer, as far as it has come.
    read: Vec<u8>,
    /// Length of its header.
    head: usize,
}

impl Wire {
    fn over(stream: TcpStream) -> Outcome<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::new(), head: 0 })
    }

    /// Sends a request and reads the whole answer, which must be a good one; returns its body.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Outcome<&[u8]> {
        let (status, body) = self.exchange(request).await?;
        if (200..300).contains(&status) {
            return Ok(body);
        }
        let shown = body.get(..SHOWN_BYTES).unwrap_or(body);
        let shown = String::from_utf8_lossy(shown);
        Err(Failure::new(format!("a request was answered {status}: {shown}")))
    }

    /// Sends a request and reads the whole answer; returns its status and its body, which is left
    /// in pieces and compressed when it came so.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Outcome<(u16, &[u8])> {
        let (status, length) = self.begin(request).await?;
        let complete = |wire: &Self| match length {
            Some(length) => wire.read.len() >= wire.head + length,
            None => wire.read.ends_with(END_OF_PIECES),
        };
        while !complete(self) {
            self.more().await?;
        }
        Ok((status, self.read.get(self.head..).unwrap_or_default()))
    }

    /// Sends a request whose answer has no end, and reads the header of the answer.
    pub(crate) async fn open(&mut self, request: &[u8]) -> Outcome<()> {
        match self.begin(request).await? {
            (200, None) => Ok(()),
            (status, _) => Err(Failure::new(format!("a feed was answered {status}"))),
        }
    }

    /// Returns the next piece of an answer without end.
    pub(crate) async fn piece(&mut self) -> Outcome<&[u8]> {
        self.read.clear();
        self.more().await?;
        Ok(&self.read)
    }

    async fn more(&mut self) -> Outcome<()> {
        if self.stream.read_buf(&mut self.read).await? == 0 {
            return Err(Failure::new("the connection was closed in the middle of an answer"));
        }
        Ok(())
    }

    async fn begin(&mut self, request: &[u8]) -> Outcome<(u16, Option<usize>)> {
        self.stream.write_all(request).await?;
        self.read.clear();
        self.head = loop {
            self.more().await?;
            let end = self.read.windows(END_OF_HEAD.len()).position(|four| four == END_OF_HEAD);
            if let Some(end) = end {
                break end + END_OF_HEAD.len();
            }
            if self.read.len() > HEAD_BYTES_MAX {
                return Err(Failure::new("the header of an answer does not end"));
            }
        };
        understood(self.read.get(..self.head).unwrap_or_default())
            .ok_or_else(|| Failure::new("what came is no HTTP"))
    }
}

/// Returns the status and the length of the body, when there is one.
fn understood(head: &[u8]) -> Option<(u16, Option<usize>)> {
    let mut lines = std::str::from_utf8(head).ok()?.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    Some((status, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_an_answer_tells_its_status_and_length() {
        let head = b"HTTP/1.1 201 Created\r\ncontent-type: x\r\nContent-Length: 12\r\n\r\n";
        assert_eq!(understood(head), Some((201, Some(12))));
        let endless = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        assert_eq!(understood(endless), Some((200, None)));
        assert_eq!(understood(b"-ERR 'Unknown Protocol'\r\n\r\n"), None);
    }
}
