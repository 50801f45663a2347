//! Fetches the issuer's keys.

use std::sync::Arc;
use std::time::Duration;

use ledger_domain::InvalidField;
use reqwest::header::{ACCEPT, CONTENT_LENGTH};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use serde::Deserialize;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::KeySet;
use crate::place;

/// Maximum size of an answer in bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Time limit for connecting to the issuer.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Path of an issuer's discovery document.
const DESCRIPTION: &str = "/.well-known/openid-configuration";

/// Why keys could not be fetched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("{url} does not answer")]
    Unreachable {
        url: Url,
        #[source]
        source: reqwest::Error,
    },
    #[error("{url} did not answer in time")]
    TooSlow { url: Url },
    #[error("{url} answers with status {status}")]
    Status { url: Url, status: u16 },
    #[error("{url} answers with more than 256 KiB")]
    TooLarge { url: Url },
    #[error("the answer is not {0}")]
    Malformed(&'static str),
    #[error("the set has {0} keys, more than 64")]
    TooManyKeys(usize),
    #[error("the discovery document does not name exactly the configured issuer")]
    OtherIssuer,
    #[error("the discovery document names an address for keys that is not permitted: {0}")]
    BadPlace(String),
}

impl FetchError {
    /// Formats the error and its causes on one line.
    pub(crate) fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }
}

/// Where keys are published.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// At this address.
    Keys(Url),
    /// At the address in the issuer's discovery document.
    Described { issuer: String, description: Url },
}

impl Place {
    /// Returns the address of an issuer's discovery document.
    pub(crate) fn of_issuer(issuer: &str) -> Result<Self, InvalidField> {
        let url = place::read("issuer", issuer)?;
        if url.query().is_some() {
            let problem = "must not have a query part unless the address of the keys is given";
            return Err(InvalidField::new("issuer", problem));
        }
        let text = format!("{}{DESCRIPTION}", issuer.trim_end_matches('/'));
        let description = place::read("issuer", &text)?;
        Ok(Self::Described { issuer: issuer.to_owned(), description })
    }
}

/// The required fields of a discovery document.
#[derive(Debug, Deserialize)]
struct Description {
    issuer: String,
    jwks_uri: String,
}

/// Fetches keys.
#[derive(Debug)]
pub(crate) struct Source {
    client: Client,
    place: Place,
    fetch_max: Duration,
}

impl Source {
    pub(crate) fn new(place: Place, fetch_max: Duration) -> Result<Self, InvalidField> {
        let client = Client::builder()
            .tls_backend_preconfigured(tls()?)
            // Redirects are disabled, because only the configured address was checked.
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_MAX)
            .timeout(fetch_max)
            .pool_max_idle_per_host(1)
            .user_agent(concat!("connledger/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| InvalidField::new("issuer", format!("cannot be asked: {error}")))?;
        Ok(Self { client, place, fetch_max })
    }

    /// Fetches the keys once.
    pub(crate) async fn fetch(&self) -> Result<KeySet, FetchError> {
        let url = match &self.place {
            Place::Keys(url) => url.clone(),
            Place::Described { issuer, description } => {
                described(issuer, description, &self.get(description).await?)?
            }
        };
        KeySet::read(&self.get(&url).await?)
    }

    /// Reads a whole answer, within limits of size and time.
    async fn get(&self, url: &Url) -> Result<Vec<u8>, FetchError> {
        let reading = tokio::time::timeout(self.fetch_max, self.read(url)).await;
        reading.unwrap_or_else(|_| Err(FetchError::TooSlow { url: url.clone() }))
    }

    async fn read(&self, url: &Url) -> Result<Vec<u8>, FetchError> {
        let unreachable = |error: reqwest::Error| FetchError::Unreachable {
            url: url.clone(),
            source: error.without_url(),
        };
        let too_large = || FetchError::TooLarge { url: url.clone() };
        let request = self.client.get(url.clone()).header(ACCEPT, "application/json");
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(FetchError::Status { url: url.clone(), status });
        }
        let length = response.headers().get(CONTENT_LENGTH);
        let length: Option<usize> = length.and_then(|text| text.to_str().ok()?.parse().ok());
        if length.is_some_and(|length| length > ANSWER_BYTES_MAX) {
            return Err(too_large());
        }
        let mut text = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if text.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(too_large());
            }
            text.extend_from_slice(&chunk);
        }
        Ok(text)
    }
}

/// Returns the address of the keys from a discovery document.
fn described(issuer: &str, asked: &Url, text: &[u8]) -> Result<Url, FetchError> {
    let description: Description =
        serde_json::from_slice(text).map_err(|_| FetchError::Malformed("a discovery document"))?;
    if description.issuer != issuer {
        return Err(FetchError::OtherIssuer);
    }
    let url = place::read("jwks_uri", &description.jwks_uri)
        .map_err(|invalid| FetchError::BadPlace(invalid.problem))?;
    if place::is_encrypted(asked) && !place::is_encrypted(&url) {
        return Err(FetchError::BadPlace("must start with https://".to_owned()));
    }
    Ok(url)
}

/// Returns a TLS configuration that trusts the system's certificate authorities.
fn tls() -> Result<ClientConfig, InvalidField> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::debug!(%error, "cannot read a certificate authority of this system");
    }
    let (taken, left_out) = roots.add_parsable_certificates(found.certs);
    tracing::debug!(taken, left_out, "loaded certificate authorities for token issuers");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| InvalidField::new("issuer", format!("TLS cannot be used: {error}")))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://login.example.com/realms/a";

    fn url() -> Url {
        match Place::of_issuer(ISSUER).unwrap() {
            Place::Described { description, .. } => description,
            Place::Keys(_) => panic!("it is described"),
        }
    }

    fn read(issuer: &str, keys: &str) -> Result<Url, FetchError> {
        let text = serde_json::json!({"issuer": issuer, "jwks_uri": keys}).to_string();
        described(ISSUER, &url(), text.as_bytes())
    }

    #[test]
    fn discovery_must_name_the_issuer_and_an_encrypted_address() {
        assert_eq!(url().as_str(), format!("{ISSUER}{DESCRIPTION}"));
        assert!(read(ISSUER, "https://keys.example.com/a").is_ok());
        let other = read("https://login.example.com/realms/b", "https://keys.example.com/a");
        assert!(matches!(other, Err(FetchError::OtherIssuer)));
        for bad in ["http://keys.example.com/a", "http://127.0.0.1/a", "file:///etc/passwd", ""] {
            assert!(matches!(read(ISSUER, bad), Err(FetchError::BadPlace(_))), "{bad}");
        }
        assert!(matches!(described(ISSUER, &url(), b"[]"), Err(FetchError::Malformed(_))));
    }
}
