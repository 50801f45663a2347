//! Where events go.

mod file;
mod http;
mod syslog;
mod target;

use std::io;
use std::num::NonZeroU32;
use std::path::PathBuf;

use ledger_outgoing::{Authorities, ClientError, DialError, SendError, TlsError};
use reqwest::header::{HeaderValue, InvalidHeaderValue};

use crate::event::Event;
use crate::format::{Format, Source};
use file::Rotated;
use http::Http;
use syslog::Syslog;

pub use target::{Target, TargetError};

/// Why a destination did not take a page. It can be handed over again.
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
    /// The receiver took only a part of the page.
    #[error("it refused {refused} of the events: {why}")]
    Partly {
        /// How many it refused.
        refused: u64,
        /// What it says.
        why: String,
    },
    /// The file holds something else.
    #[error("{path} does not end with a whole line, so it is not a file of events", path = .0.display())]
    Unlike(PathBuf),
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

/// The value of an `Authorization` header, which nothing shows.
#[derive(Debug)]
pub struct Authorization(HeaderValue);

impl Authorization {
    /// Takes the text of the header.
    ///
    /// Errors: a header cannot have it.
    pub fn new(text: &str) -> Result<Self, InvalidHeaderValue> {
        let mut value = HeaderValue::from_str(text)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

/// When a file is rotated, and what is kept. What is not kept is gone.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    /// Size at which it is, in bytes.
    pub bytes: u64,
    /// How many former files are kept.
    pub keep: NonZeroU32,
}

/// How a destination is reached, besides its target.
#[derive(Debug, Default)]
pub struct DestinationOptions {
    /// Authorities that are trusted in place of the system's.
    pub authorities: Option<Authorities>,
    /// The value of the `Authorization` header, for receivers over HTTP.
    pub authorization: Option<Authorization>,
    /// When a file is rotated, if ever.
    pub rotation: Option<Rotation>,
    /// The name of this machine, for syslog.
    pub host: String,
}

/// A place that takes events in their order.
#[derive(Debug)]
pub struct Destination {
    place: Place,
    format: Format,
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
        options: DestinationOptions,
    ) -> Result<Self, ForwardError> {
        let place = match target {
            Target::File(path) => Place::File(Rotated::new(path.clone(), options.rotation)),
            Target::Http(url) => Place::Http(Box::new(Http::new(url.clone(), options)?)),
            Target::Syslog(address) => {
                Place::Syslog(Box::new(Syslog::new(address.clone(), options)?))
            }
        };
        Ok(Self { place, format })
    }

    /// Checks that a destination that has taken nothing yet is one for events.
    ///
    /// Errors: a file that ends with half a line is another program's.
    pub fn begin(&self) -> Result<(), ForwardError> {
        match &self.place {
            Place::File(file) => file.begin(),
            Place::Http(_) | Place::Syslog(_) => Ok(()),
        }
    }

    /// Hands over a page of a ledger, and returns when it was taken: when it is on disk, the
    /// receiver answered, or all of it was written to the connection.
    ///
    /// Errors: any; the same page has to be handed over again.
    pub async fn deliver(
        &mut self,
        events: &[Event<'_>],
        source: &Source,
    ) -> Result<(), ForwardError> {
        let format = self.format;
        match &mut self.place {
            Place::File(file) => file.append(format, &format.lines(events, source)?),
            Place::Http(http) => {
                let (media_type, body) = format.body(events, source)?;
                http.post(format, media_type, body).await
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

    /// Ends a connection in such a way that what was written to it arrives.
    ///
    /// Errors: it may not have.
    pub async fn finish(&mut self) -> Result<(), ForwardError> {
        match &mut self.place {
            Place::File(_) | Place::Http(_) => Ok(()),
            Place::Syslog(syslog) => syslog.finish().await,
        }
    }
}
