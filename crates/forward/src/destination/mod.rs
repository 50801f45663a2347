//! Where events go.

mod file;
mod http;
mod syslog;
mod target;

use std::io;
use std::path::PathBuf;

use ledger_outgoing::{Authorities, ClientError, DialError, SendError, TlsError};

use crate::event::Event;
use crate::format::{Format, Source};
use file::Rotated;
use http::Http;
use syslog::Syslog;

pub use target::{Target, TargetError};

/// Why a destination did not take a page. All of them are tried again.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// An event has no form there.
    #[error("an event cannot be written")]
    Format(#[from] serde_json::Error),
    /// The file cannot be written.
    #[error("{path} cannot be written", path = .0.display())]
    File(PathBuf, #[source] io::Error),
    /// TLS or HTTP cannot be set up.
    #[error(transparent)]
    Setup(#[from] ClientError),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The receiver does not answer.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The receiver answers, but not that it took the page.
    #[error("it answers with status {0}")]
    Status(u16),
    /// No connection to the receiver.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The connection to the receiver broke.
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    /// The receiver took too long.
    #[error("it took too long")]
    TooSlow,
}

/// How a destination is reached, besides its target.
#[derive(Clone, Debug, Default)]
pub struct DestinationOptions {
    /// Authorities that are trusted in place of the system's.
    pub authorities: Option<Authorities>,
    /// The value of the `Authorization` header, for receivers over HTTP.
    pub authorization: Option<String>,
    /// Size at which a file is rotated, in bytes.
    pub rotate_bytes: u64,
    /// How many rotated files are kept.
    pub rotate_keep: u32,
    /// The name of this machine, for syslog.
    pub host: String,
}

/// A place that takes events in their order.
#[derive(Debug)]
pub struct Destination {
    place: Place,
    format: Format,
    source: Source,
}

#[derive(Debug)]
enum Place {
    File(Rotated),
    Http(Box<Http>),
    Syslog(Box<Syslog>),
}

impl Destination {
    /// Prepares a destination; it is reached with the first page.
    pub fn new(
        target: &Target,
        format: Format,
        source: Source,
        options: DestinationOptions,
    ) -> Result<Self, ForwardError> {
        let place = match target {
            Target::File(path) => Place::File(Rotated::new(path.clone(), &options)),
            Target::Http(url) => Place::Http(Box::new(Http::new(url.clone(), options)?)),
            Target::Syslog(address) => {
                Place::Syslog(Box::new(Syslog::new(address.clone(), options)?))
            }
        };
        Ok(Self { place, format, source })
    }

    /// Hands over a page, and returns when it was taken: when it is on disk, the receiver answered,
    /// or all of it was written to the connection.
    ///
    /// Errors: any; the same page has to be handed over again.
    pub async fn deliver(&mut self, events: &[Event<'_>]) -> Result<(), ForwardError> {
        let (format, source) = (self.format, &self.source);
        match &mut self.place {
            Place::File(file) => file.append(format, &format.lines(events, source)?),
            Place::Http(http) => {
                let (media_type, body) = format.body(events, source)?;
                http.post(media_type, body).await
            }
            Place::Syslog(syslog) => {
                let mut frames = Vec::new();
                for event in events {
                    syslog.frame(&mut frames, event, &format.line(event, source)?);
                }
                syslog.write(frames).await
            }
        }
    }
}
