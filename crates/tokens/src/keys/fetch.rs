//! Fetches the issuer's keys.

use std::time::Duration;

use ledger_domain::InvalidField;
use ledger_outgoing::{
    Answer, Client, ClientOptions, Plain, SendError, is_encrypted, read_address,
};
use reqwest::header::ACCEPT;
use reqwest::{Method, Url};
use serde::Deserialize;

use super::KeySet;

/// Maximum size of an answer in bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Path of an issuer's discovery document.
const DESCRIPTION: &str = "/.well-known/openid-configuration";

/// Why keys, or another document of the issuer, could not be fetched.
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
    #[error("the discovery document names an address that is not permitted: {0}")]
    BadPlace(String),
}

impl FetchError {
    fn of(error: SendError, url: &Url) -> Self {
        let url = url.clone();
        match error {
            SendError::TooSlow => Self::TooSlow { url },
            SendError::TooLarge { .. } => Self::TooLarge { url },
            SendError::Forbidden => Self::BadPlace(url.to_string()),
            SendError::Unreachable(source) | SendError::NoTunnel(source) => {
                Self::Unreachable { url, source }
            }
        }
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
        let url = read_address("issuer", issuer, Plain::Here)?;
        if url.query().is_some() {
            let problem = "must not have a query part unless the address of the keys is given";
            return Err(InvalidField::new("issuer", problem));
        }
        let text = format!("{}{DESCRIPTION}", issuer.trim_end_matches('/'));
        let description = read_address("issuer", &text, Plain::Here)?;
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
}

impl Source {
    pub(crate) fn new(place: Place, fetch_max: Duration) -> Result<Self, InvalidField> {
        Ok(Self { client: client(fetch_max)?, place })
    }

    /// Fetches the keys once.
    pub(crate) async fn fetch(&self) -> Result<KeySet, FetchError> {
        let url = match &self.place {
            Place::Keys(url) => url.clone(),
            Place::Described { issuer, description } => {
                described(issuer, description, &get(&self.client, description).await?.body)?
            }
        };
        KeySet::read(&get(&self.client, &url).await?.body)
    }
}

/// Returns a client for requests to the issuer.
pub(crate) fn client(answer_max: Duration) -> Result<Client, InvalidField> {
    let options =
        ClientOptions { answer_max, bytes_max: ANSWER_BYTES_MAX, ..ClientOptions::default() };
    Client::new(options)
        .map_err(|error| InvalidField::new("issuer", format!("cannot be asked: {error}")))
}

/// Fetches a JSON document.
pub(crate) async fn get(client: &Client, url: &Url) -> Result<Answer, FetchError> {
    let request = client.request(Method::GET, url.clone());
    let sent = client.send(request.header(ACCEPT, "application/json")).await;
    let answer = sent.map_err(|error| FetchError::of(error, url))?;
    match answer.status {
        200 => Ok(answer),
        status => Err(FetchError::Status { url: url.clone(), status }),
    }
}

/// Reads an address in a discovery document, which is as encrypted as the document was.
pub(crate) fn address(field: &str, asked: &Url, text: &str) -> Result<Url, FetchError> {
    let url = read_address(field, text, Plain::Here)
        .map_err(|invalid| FetchError::BadPlace(invalid.problem))?;
    if is_encrypted(asked) && !is_encrypted(&url) {
        return Err(FetchError::BadPlace("must start with https://".to_owned()));
    }
    Ok(url)
}

/// Returns the address of the keys from a discovery document.
fn described(issuer: &str, asked: &Url, text: &[u8]) -> Result<Url, FetchError> {
    let description: Description =
        serde_json::from_slice(text).map_err(|_| FetchError::Malformed("a discovery document"))?;
    if description.issuer != issuer {
        return Err(FetchError::OtherIssuer);
    }
    address("jwks_uri", asked, &description.jwks_uri)
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
