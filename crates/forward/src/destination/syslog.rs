//! A receiver of syslog messages (RFC 5424) over TLS (RFC 5425).
//!
//! Syslog has no acknowledgment: what was written may still be lost with the connection. So what
//! was written last is written again after a connection broke, and each message has its position.
//! What is lost with a receiver and this process together cannot be known.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ledger_outgoing::{Authorities, Proof, Reach, dial, resolve, tls_config};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::destination::target::SyslogAddress;
use crate::destination::{DestinationOptions, ForwardError};
use crate::event::Event;

/// Facility "log audit" (13) and severity "informational" (6).
const PRIORITY: u32 = 13 * 8 + 6;
/// The largest number of a sequence (RFC 5424, section 7.3.1).
const SEQUENCE_MAX: u64 = 2_147_483_647;
/// What is written again after a connection broke, in bytes: about what sockets hold. The last page
/// is, whatever its size.
const AGAIN_BYTES: usize = 1024 * 1024;
/// How long the receiver may take for a page.
const WRITE_MAX: Duration = Duration::from_secs(30);

pub(super) struct Syslog {
    address: SyslogAddress,
    connector: TlsConnector,
    host: String,
    connection: Option<TlsStream<TcpStream>>,
    /// What was written last, page by page, to be written again over another connection.
    again: VecDeque<Vec<u8>>,
}

impl std::fmt::Debug for Syslog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Syslog({}:{})", self.address.host, self.address.port)
    }
}

impl Syslog {
    pub(super) fn new(
        address: SyslogAddress,
        options: DestinationOptions,
    ) -> Result<Self, ForwardError> {
        let authorities = options.authorities.unwrap_or_else(Authorities::of_system);
        let connector = TlsConnector::from(Arc::new(tls_config(&authorities, Proof::Name)?));
        let host = printable(&options.host);
        Ok(Self { address, connector, host, connection: None, again: VecDeque::new() })
    }

    /// Adds an event as a message with its length before it.
    pub(super) fn frame(&self, frames: &mut Vec<u8>, event: &Event<'_>, text: &[u8]) {
        let (time, host) = (event.time(), &self.host);
        let sequence = (event.position - 1) % SEQUENCE_MAX + 1;
        let id = printable(&event.type_name).chars().take(32).collect::<String>();
        let mut message = format!(
            "<{PRIORITY}>1 {time} {host} connledger - {id} [meta sequenceId=\"{sequence}\"] \u{feff}"
        )
        .into_bytes();
        message.extend_from_slice(text);
        frames.extend_from_slice(format!("{} ", message.len()).as_bytes());
        frames.extend_from_slice(&message);
    }

    /// Writes messages, all of them to one connection.
    pub(super) async fn write(&mut self, frames: Vec<u8>) -> Result<(), ForwardError> {
        let written = timeout(WRITE_MAX, self.try_write(&frames)).await;
        match written.unwrap_or(Err(ForwardError::TooSlow)) {
            Ok(()) => {
                self.keep(frames);
                Ok(())
            }
            Err(error) => {
                self.connection = None;
                Err(error)
            }
        }
    }

    fn keep(&mut self, frames: Vec<u8>) {
        self.again.push_back(frames);
        let mut bytes: usize = self.again.iter().map(Vec::len).sum();
        while bytes > AGAIN_BYTES && self.again.len() > 1 {
            bytes -= self.again.pop_front().map_or(0, |page| page.len());
        }
    }

    /// Ends the connection, and waits until the receiver has read everything.
    pub(super) async fn finish(&mut self) -> Result<(), ForwardError> {
        let Some(mut connection) = self.connection.take() else { return Ok(()) };
        let finished = async {
            connection.shutdown().await?;
            // What a receiver says is of no interest, but unread it would break the connection.
            tokio::io::copy(&mut connection, &mut tokio::io::sink()).await
        };
        match timeout(WRITE_MAX, finished).await {
            Err(_) => Err(ForwardError::TooSlow),
            // Not every receiver says that it ends.
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(()),
            Ok(read) => read.map(drop).map_err(ForwardError::Broken),
        }
    }

    async fn try_write(&mut self, frames: &[u8]) -> Result<(), ForwardError> {
        if let Some(connection) = &mut self.connection
            && is_closed(connection).await
        {
            self.connection = None;
        }
        let connection = if let Some(connection) = &mut self.connection {
            connection
        } else {
            let mut connection = connect(&self.address, &self.connector).await?;
            for page in &self.again {
                connection.write_all(page).await.map_err(ForwardError::Broken)?;
            }
            self.connection.insert(connection)
        };
        connection.write_all(frames).await.map_err(ForwardError::Broken)?;
        connection.flush().await.map_err(ForwardError::Broken)
    }
}

async fn connect(
    address: &SyslogAddress,
    connector: &TlsConnector,
) -> Result<TlsStream<TcpStream>, ForwardError> {
    let SyslogAddress { host, port } = address;
    let addresses = resolve(host, *port, &Reach::Anywhere).await?;
    let stream = dial(&addresses).await?;
    let invalid = |error| ForwardError::Broken(std::io::Error::other(error));
    let name = ServerName::try_from(host.clone()).map_err(invalid)?;
    connector.connect(name, stream).await.map_err(ForwardError::Broken)
}

/// Returns whether the receiver has closed a connection on which it never says anything.
async fn is_closed(connection: &mut TlsStream<TcpStream>) -> bool {
    let mut byte = [0];
    let read = connection.read(&mut byte);
    // Nothing to read at once: it is open.
    match timeout(Duration::ZERO, read).await {
        Err(_) => false,
        Ok(read) => !matches!(read, Ok(1..)),
    }
}

/// Returns a word of a syslog header: letters, digits and signs of ASCII, or a dash.
fn printable(text: &str) -> String {
    let word: String = text.chars().filter(char::is_ascii_graphic).take(255).collect();
    if word.is_empty() { "-".to_owned() } else { word }
}
