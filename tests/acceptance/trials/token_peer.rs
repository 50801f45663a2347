//! A token service and an API behind it, which verify what they are sent as Google and Microsoft
//! do.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use crate::canary::secret;
use crate::issuer::seconds;

/// The private key of the service account.
pub(super) const KEY: &str = include_str!("../../../crates/oauth/src/tests/keys/rsa.pem");
/// The service account.
pub(super) const ACCOUNT: &str = "ledger@project.example";
/// The application of Entra.
pub(super) const APPLICATION: &str = "6f1c0000-application";

/// A running peer. It ends with the test.
pub(super) struct TokenPeer {
    pub(super) url: String,
    heard: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone)]
struct Known {
    url: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl TokenPeer {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let heard = Arc::default();
        let known = Known { url: url.clone(), heard: Arc::clone(&heard) };
        let router = Router::new().fallback(answer).with_state(known);
        tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { url, heard }
    }

    /// Returns the paths that were asked for, in order.
    pub(super) fn heard(&self) -> Vec<String> {
        std::mem::take(&mut *self.heard.lock().expect("nobody panicked"))
    }
}

async fn answer(
    State(known): State<Known>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let path = uri.path().to_owned();
    known.heard.lock().expect("nobody panicked").push(format!("{method} {path}"));
    let form = form(&body);
    let (status, answer) = if path == "/token" {
        of_google(&form, &known.url)
    } else if path.ends_with("/oauth2/v2.0/token") {
        of_entra(&form)
    } else {
        of_api(&headers, &path)
    };
    (StatusCode::from_u16(status).expect("a status"), answer.to_string())
}

fn form(body: &[u8]) -> BTreeMap<String, String> {
    let text = std::str::from_utf8(body).expect("text");
    let url = reqwest::Url::parse(&format!("http://form/?{text}")).expect("a form");
    url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// Gives a token for an assertion that the service account signed.
fn of_google(form: &BTreeMap<String, String>, url: &str) -> (u16, Value) {
    let part = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    assert_eq!(part("grant_type"), "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let assertion = part("assertion");
    let (message, signature) = assertion.rsplit_once('.').expect("three parts");
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).expect("base64");
    let (header, claims) = message.split_once('.').expect("three parts");
    let json = |part: &str| serde_json::from_slice::<Value>(&decoded(part)).expect("JSON");
    let (header, claims) = (json(header), json(claims));
    assert_eq!((&header["alg"], &header["kid"]), (&json!("RS256"), &json!("key-1")));
    assert_eq!(claims["aud"], format!("{url}/token"));
    assert_eq!(claims["scope"], "https://www.googleapis.com/auth/cloud-platform");
    assert_eq!(claims["sub"], Value::Null, "it would act for somebody else");
    let (begins, ends) = (claims["iat"].as_i64(), claims["exp"].as_i64());
    let (begins, ends) = (begins.expect("a time"), ends.expect("a time"));
    assert!(begins <= seconds() && ends > seconds() && ends - begins <= 3_600, "{claims}");
    let der = PrivatePkcs8KeyDer::from_pem_slice(KEY.as_bytes()).expect("a key");
    let pair = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).expect("a key");
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key());
    let verified = public.verify(message.as_bytes(), &decoded(signature));
    if verified.is_err() || claims["iss"] != ACCOUNT {
        let said = format!("Invalid JWT Signature of {}", claims["iss"]);
        return (400, json!({"error": "invalid_grant", "error_description": said}));
    }
    (200, json!({"access_token": secret(8), "expires_in": 3_599, "token_type": "Bearer"}))
}

/// Gives a token for the secret of the application.
fn of_entra(form: &BTreeMap<String, String>) -> (u16, Value) {
    let part = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    assert_eq!(part("grant_type"), "client_credentials");
    assert_eq!(part("scope"), "https://cognitiveservices.azure.com/.default");
    if part("client_id") != APPLICATION || part("client_secret") != secret(1) {
        // It repeats what it was sent, as careless services do.
        let said = format!("AADSTS7000215: Invalid client secret {}", part("client_secret"));
        return (401, json!({"error": "invalid_client", "error_description": said}));
    }
    (200, json!({"access_token": secret(8), "expires_in": 3_599, "token_type": "Bearer"}))
}

fn of_api(headers: &HeaderMap, path: &str) -> (u16, Value) {
    let sent = |name: &str| {
        let value = headers.get(name).map(|value| value.to_str().expect("text"));
        value.unwrap_or_default().to_owned()
    };
    let has_key = sent("api-key") == secret(3);
    let has_token = sent("authorization") == format!("Bearer {}", secret(8));
    assert!(sent("api-key").is_empty() || sent("authorization").is_empty(), "one is enough");
    match () {
        () if path.contains("/forbidden/") => (403, json!({"error": {"message": "No access"}})),
        () if has_key || has_token => (200, json!({})),
        () => (401, json!({"error": {"message": sent("authorization")}})),
    }
}
