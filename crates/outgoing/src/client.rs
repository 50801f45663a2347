//! The client.

use std::fmt;
use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, HeaderMap};
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, Url};
use zeroize::Zeroizing;

use crate::tls::{self, AuthorityError, TlsError};

/// Limits of a client, and whom it trusts.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Time limit for connecting.
    pub connect_max: Duration,
    /// Time limit for a whole answer.
    pub answer_max: Duration,
    /// Maximum size of an answer in bytes.
    pub bytes_max: usize,
    /// Certificates of authorities in the PEM form that are trusted in place of the system's.
    pub authorities: Option<Vec<u8>>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_max: Duration::from_secs(5),
            answer_max: Duration::from_secs(10),
            bytes_max: 256 * 1024,
            authorities: None,
        }
    }
}

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The authorities cannot be read.
    #[error(transparent)]
    Authorities(#[from] AuthorityError),
    /// TLS cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The HTTP library refuses.
    #[error("an HTTP client cannot be made")]
    Http(#[from] reqwest::Error),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No connection, or it broke.
    #[error("it does not answer")]
    Unreachable(#[source] reqwest::Error),
    /// No answer in time.
    #[error("it did not answer in time")]
    TooSlow,
    /// The answer is too large.
    #[error("it answers with more than {bytes_max} bytes")]
    TooLarge {
        /// The limit.
        bytes_max: usize,
    },
}

/// An answer, whatever its status. Its body is wiped when dropped.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, body, .. } = self;
        write!(f, "Answer({status}, {} bytes)", body.len())
    }
}

/// Sends requests over HTTP.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    options: ClientOptions,
}

impl Client {
    /// Makes a client.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        let roots = match &options.authorities {
            Some(pem) => tls::authorities(pem)?,
            None => tls::system_authorities(),
        };
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::config(roots)?)
            // Redirects are disabled, because only the configured address was checked.
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(options.connect_max)
            .timeout(options.answer_max)
            .pool_max_idle_per_host(1)
            .user_agent(concat!("connledger/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http, options })
    }

    /// Begins a request.
    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.http.request(method, url)
    }

    /// Sends a request and reads the whole answer, within limits of size and time.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, SendError> {
        let reading = tokio::time::timeout(self.options.answer_max, self.read(request)).await;
        reading.unwrap_or(Err(SendError::TooSlow))
    }

    async fn read(&self, request: RequestBuilder) -> Result<Answer, SendError> {
        let bytes_max = self.options.bytes_max;
        let mut response = request.send().await.map_err(failed)?;
        let length = response.headers().get(CONTENT_LENGTH);
        let length: Option<usize> = length.and_then(|text| text.to_str().ok()?.parse().ok());
        if length.is_some_and(|length| length > bytes_max) {
            return Err(SendError::TooLarge { bytes_max });
        }
        // With the stated length from the start, the buffer does not grow and leave copies behind.
        let mut body = Zeroizing::new(Vec::with_capacity(length.unwrap_or_default()));
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > bytes_max {
                return Err(SendError::TooLarge { bytes_max });
            }
            body.extend_from_slice(&chunk);
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, body })
    }
}

/// Formats an error and all its causes on one line.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn failed(error: reqwest::Error) -> SendError {
    if error.is_timeout() {
        return SendError::TooSlow;
    }
    SendError::Unreachable(error.without_url())
}
