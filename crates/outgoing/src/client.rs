//! The client.

use std::fmt;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, HeaderMap};
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, Response, Url};
use zeroize::Zeroizing;

use crate::dial::{DialError, resolve};
use crate::networks::Reach;
use crate::proxy::Proxy;
use crate::resolve::Resolver;
use crate::tls::{Authorities, Proof, TlsError, tls_config, tls_failure};

/// Limits of a client, and whom it trusts.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Time limit for connecting.
    pub connect_max: Duration,
    /// Time limit for a whole answer.
    pub answer_max: Duration,
    /// Maximum size of an answer in bytes.
    pub bytes_max: usize,
    /// Authorities that are trusted in place of the system's.
    pub authorities: Option<Authorities>,
    /// Which addresses it may reach.
    pub reach: Reach,
    /// What it reaches them through.
    pub proxy: Option<Proxy>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_max: Duration::from_secs(5),
            answer_max: Duration::from_secs(10),
            bytes_max: 256 * 1024,
            authorities: None,
            reach: Reach::default(),
            proxy: None,
        }
    }
}

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
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
    /// The proxy makes no connection.
    #[error("the proxy makes no connection to it")]
    NoTunnel(#[source] reqwest::Error),
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
        let authorities = options.authorities.clone().unwrap_or_else(Authorities::of_system);
        let mut http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls_config(&authorities, Proof::Name)?)
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
            http = http.pool_max_idle_per_host(0);
        }
        http = match &options.proxy {
            Some(proxy) => http.proxy(proxy.to_library()?),
            None if options.reach == Reach::Anywhere => http,
            None => http.dns_resolver(Resolver(options.reach.clone())),
        };
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
        let host = request.url().host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if self.is_forbidden(host).await {
            return Err(SendError::Forbidden);
        }
        http.execute(request).await.map_err(|error| {
            let is_of_proxy =
                self.options.proxy.is_some() && error.is_connect() && tls_failure(&error).is_none();
            if is_of_proxy { SendError::NoTunnel(error.without_url()) } else { failed(error) }
        })
    }

    /// Returns whether a host may not be reached, as far as that is known before the name is
    /// resolved to connect to it. A proxy resolves it elsewhere, so what can be found out here is
    /// found out here.
    async fn is_forbidden(&self, host: &str) -> bool {
        let reach = &self.options.reach;
        if self.options.proxy.is_some() && *reach != Reach::Anywhere {
            // The proxy may choose any of them.
            let found = resolve(host, 0, &Reach::Anywhere).await;
            return found.is_ok_and(|found| found.iter().any(|at| !reach.permits(at.ip())));
        }
        // An address in place of a name is not resolved.
        host.parse().is_ok_and(|address: IpAddr| !reach.permits(address))
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
        if not_dialed(error) == Some(DialError::NotResolved) {
            return "its name cannot be resolved".to_owned();
        }
        if let Some(refused) = tls_failure(error) {
            return refused;
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

/// Returns why the address of a service could not be used, if that is what an error is about.
fn not_dialed(error: &reqwest::Error) -> Option<DialError> {
    causes(error).find_map(|cause| cause.downcast_ref().copied())
}

/// Returns an error and its causes.
fn causes<'e>(
    error: &'e (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'e (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
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
    if not_dialed(&error) == Some(DialError::Forbidden) {
        return SendError::Forbidden;
    }
    SendError::Unreachable(error.without_url())
}
