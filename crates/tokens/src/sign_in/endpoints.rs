//! Where the issuer signs people in, as its discovery document says.

use std::time::Duration;

use ledger_domain::Micros;
use ledger_engine::Clock;
use ledger_outgoing::{Client, Url};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::SignInError;
use crate::keys::{FetchError, address, get};

/// How long the document is taken for what the issuer says: long enough for many people at once,
/// and so short that an issuer that is away is noticed before somebody is sent there.
const FRESH: Duration = Duration::from_secs(10);
/// How long an issuer that could not be asked is not asked again, whoever wants to sign in.
const AWAY: Duration = Duration::from_secs(2);

/// Where the issuer signs people in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Endpoints {
    pub(super) authorization: Url,
    pub(super) token: Url,
    /// Whether a client authenticates in the form only, and not in a header.
    pub(super) secret_in_form: bool,
}

/// The fields of a discovery document that are needed.
#[derive(Debug, Deserialize)]
struct Description {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

/// The endpoints, or why they could not be found.
type Discovered = Result<Endpoints, String>;

/// Finds the endpoints.
#[derive(Debug)]
pub(super) struct Discovery {
    issuer: String,
    description: Url,
    found: Mutex<Option<(Micros, Discovered)>>,
}

impl Discovery {
    pub(super) fn new(issuer: String, description: Url) -> Self {
        Self { issuer, description, found: Mutex::default() }
    }

    /// Returns the endpoints. Of many who ask at once, one fetches the document.
    pub(super) async fn find(
        &self,
        client: &Client,
        clock: &Clock,
    ) -> Result<Endpoints, SignInError> {
        let mut found = self.found.lock().await;
        if let Some((at, endpoints)) = &*found
            && clock.since(*at) <= if endpoints.is_ok() { FRESH } else { AWAY }
        {
            return endpoints.clone().map_err(SignInError::Unreachable);
        }
        let read = async {
            read(&self.issuer, &self.description, &get(client, &self.description).await?.body)
        };
        let endpoints = read.await.map_err(|error| {
            tracing::warn!(
                error = ledger_outgoing::with_causes(&error),
                "cannot read where the token issuer signs people in"
            );
            error.to_string()
        });
        *found = Some((clock.now(), endpoints.clone()));
        endpoints.map_err(SignInError::Unreachable)
    }
}

fn read(issuer: &str, asked: &Url, text: &[u8]) -> Result<Endpoints, FetchError> {
    let description: Description = serde_json::from_slice(text)
        .map_err(|_| FetchError::Malformed("a discovery document that names where to sign in"))?;
    if description.issuer != issuer {
        return Err(FetchError::OtherIssuer);
    }
    let methods = &description.token_endpoint_auth_methods_supported;
    let has = |name: &str| methods.iter().any(|method| method == name);
    Ok(Endpoints {
        authorization: address(
            "authorization_endpoint",
            asked,
            &description.authorization_endpoint,
        )?,
        token: address("token_endpoint", asked, &description.token_endpoint)?,
        secret_in_form: has("client_secret_post") && !has("client_secret_basic"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://login.example.com";

    fn found(change: &Value) -> Result<Endpoints, FetchError> {
        let mut document = json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://login.example.com/auth?tenant=a",
            "token_endpoint": "https://login.example.com/token",
        });
        let into = document.as_object_mut().unwrap();
        into.extend(change.as_object().unwrap().clone());
        let asked = ISSUER.parse().unwrap();
        read(ISSUER, &asked, document.to_string().as_bytes())
    }

    #[test]
    fn endpoints_are_those_of_the_issuer_and_encrypted() {
        let good = found(&json!({})).unwrap();
        assert_eq!(good.authorization.query(), Some("tenant=a"));
        assert!(!good.secret_in_form);
        for wrong in [
            json!({ "issuer": "https://login.example.com/" }),
            json!({ "authorization_endpoint": "http://login.example.com/auth" }),
            json!({ "authorization_endpoint": "javascript:alert(1)" }),
            json!({ "token_endpoint": "http://127.0.0.1/token" }),
            json!({ "token_endpoint": null }),
        ] {
            assert!(found(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_in_the_form_only_if_the_issuer_takes_no_header() {
        let of = |methods: Value| {
            found(&json!({ "token_endpoint_auth_methods_supported": methods })).unwrap()
        };
        assert!(!of(json!(["client_secret_post", "client_secret_basic"])).secret_in_form);
        assert!(!of(json!(["private_key_jwt"])).secret_in_form);
        assert!(of(json!(["client_secret_post"])).secret_in_form);
    }
}
