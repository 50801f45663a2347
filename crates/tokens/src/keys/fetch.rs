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
        let options = ClientOptions {
            answer_max: fetch_max,
            bytes_max: ANSWER_BYTES_MAX,
            ..ClientOptions::default()
        };
        let client = Client::new(options)
            .map_err(|error| InvalidField::new("issuer", format!("cannot be asked: {error}")))?;
        Ok(Self { client, place })
    }

    /// Fetches the keys once.
    pub(crate) async fn fetch(&self) -> Result<KeySet, FetchError> {
        let url = match &self.place {
            Place::Keys(url) => url.clone(),
            Place::Described { issuer, description } => {
                described(issuer, description, &self.get(description).await?.body)?
            }
        };
        KeySet::read(&self.get(&url).await?.body)
    }

    async fn get(&self, url: &Url) -> Result<Answer, FetchError> {
        let request = self.client.request(Method::GET, url.clone());
        let sent = self.client.send(request.header(ACCEPT, "application/json")).await;
        let answer = sent.map_err(|error| FetchError::of(error, url))?;
        match answer.status {
            200 => Ok(answer),
            status => Err(FetchError::Status { url: url.clone(), status }),
        }
    }
}

/// Returns the address of the keys from a discovery document.
fn described(issuer: &str, asked: &Url, text: &[u8]) -> Result<Url, FetchError> {
    let description: Description =
        serde_json::from_slice(text).map_err(|_| FetchError::Malformed("a discovery document"))?;
    if description.issuer != issuer {
        return Err(FetchError::OtherIssuer);
    }
    let url = read_address("jwks_uri", &description.jwks_uri, Plain::Here)
        .map_err(|invalid| FetchError::BadPlace(invalid.problem))?;
    if is_encrypted(asked) && !is_encrypted(&url) {
        return Err(FetchError::BadPlace("must start with https://".to_owned()));
    }
    Ok(url)
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
