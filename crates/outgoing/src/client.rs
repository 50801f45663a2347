//! The client.

use std::fmt;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, HeaderMap};
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, Response, Url};
use tokio_rustls::rustls;
use zeroize::Zeroizing;

use crate::networks::Reach;
use crate::resolve::{NotPermitted, NotResolved, Resolver};
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
    /// Which addresses it may reach.
    pub reach: Reach,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_max: Duration::from_secs(5),
            answer_max: Duration::from_secs(10),
            bytes_max: 256 * 1024,
            authorities: None,
            reach: Reach::default(),
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
    /// Its address may not be reached.
    #[error("its address is in a network that may not be reached")]
    Forbidden,
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
        let mut http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::config(roots)?)
            // Redirects are disabled, because only the configured address was checked.
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(options.connect_max)
            .timeout(options.answer_max)
            .pool_max_idle_per_host(1)
            .user_agent(concat!("connledger/", env!("CARGO_PKG_VERSION")));
        if options.reach != Reach::Anywhere {
            // No connection is kept for a later request, so each is made to an address that was
            // checked for it.
            http = http.dns_resolver(Resolver(options.reach.clone())).pool_max_idle_per_host(0);
        }
        Ok(Self { http: http.build()?, options })
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

    /// Sends a request and reads the answer up to the limit of size, within the limit of time. What
    /// is longer is cut off.
    pub async fn send_for_beginning(&self, request: RequestBuilder) -> Result<Answer, SendError> {
        let reading = async {
            let mut response = self.begin(request).await?;
            let mut body = Zeroizing::new(Vec::with_capacity(self.options.bytes_max));
            while let Some(room) = self.options.bytes_max.checked_sub(body.len())
                && room > 0
            {
                let Some(chunk) = response.chunk().await.map_err(failed)? else { break };
                body.extend(chunk.iter().take(room));
            }
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            Ok(Answer { status, headers, body })
        };
        let reading = tokio::time::timeout(self.options.answer_max, reading).await;
        reading.unwrap_or(Err(SendError::TooSlow))
    }

    /// Sends a request and reads the head of the answer.
    async fn begin(&self, request: RequestBuilder) -> Result<Response, SendError> {
        let (http, request) = request.build_split();
        let request = request.map_err(failed)?;
        // An address in place of a name is not resolved.
        let host = request.url().host_str().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse();
        if address.is_ok_and(|address: IpAddr| !self.options.reach.permits(address)) {
            return Err(SendError::Forbidden);
        }
        http.execute(request).await.map_err(failed)
    }

    async fn read(&self, request: RequestBuilder) -> Result<Answer, SendError> {
        let bytes_max = self.options.bytes_max;
        let mut response = self.begin(request).await?;
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

impl SendError {
    /// Says what happened in a few words, without anything of the request or the answer.
    pub fn in_short(&self) -> String {
        let error = match self {
            Self::Unreachable(error) => error,
            other => return other.to_string(),
        };
        if causes(error).any(<dyn std::error::Error>::is::<NotResolved>) {
            return "its name cannot be resolved".to_owned();
        }
        if let Some(refused) = causes(error).find_map(tls_error) {
            return format!("TLS failed: {}", about_tls(&refused));
        }
        let kind = causes(error)
            .find_map(|cause| cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind));
        match kind {
            Some(ErrorKind::ConnectionRefused) => "it refuses connections".to_owned(),
            _ if error.is_connect() => "no connection can be made".to_owned(),
            _ => "the connection broke before the answer was complete".to_owned(),
        }
    }
}

/// Returns an error and its causes.
fn causes<'e>(
    error: &'e (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'e (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

/// Returns the error of TLS that an error is, or has within it. What an I/O error was made of is
/// not among its causes.
fn tls_error(cause: &(dyn std::error::Error + 'static)) -> Option<rustls::Error> {
    match cause.downcast_ref::<rustls::Error>() {
        Some(error) => Some(error.clone()),
        None => tls_error(cause.downcast_ref::<std::io::Error>()?.get_ref()?),
    }
}

/// Says what is wrong with TLS. Names in certificates are the other side's words, and left out.
fn about_tls(error: &rustls::Error) -> &'static str {
    use rustls::CertificateError as C;
    match error {
        rustls::Error::InvalidCertificate(
            C::NotValidForName | C::NotValidForNameContext { .. },
        ) => "the certificate is for another name",
        rustls::Error::InvalidCertificate(C::Expired | C::ExpiredContext { .. }) => {
            "the certificate has expired"
        }
        rustls::Error::InvalidCertificate(C::UnknownIssuer) => {
            "the certificate is from an authority that is not trusted here"
        }
        rustls::Error::InvalidCertificate(_) => "the certificate is not valid",
        _ => "no common ground was found",
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
    if error.is_timeout() && !error.is_connect() {
        return SendError::TooSlow;
    }
    if causes(&error).any(<dyn std::error::Error>::is::<NotPermitted>) {
        return SendError::Forbidden;
    }
    SendError::Unreachable(error.without_url())
}
