//! Google Cloud KMS, over HTTP.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger_domain::MasterKeyId;
use ledger_outgoing::{
    Answer, Client, ClientOptions, install_tls_provider, read_address, with_causes,
};
use ledger_vault::{MasterKeyBytes, WrappedMasterKey};
use object_store::gcp::{GcpCredentialProvider, GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{ClientConfigKey, RetryConfig};
use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::KeyService;
use super::post::{binding, post};
use crate::error::Cause;
use crate::quote::quote;
use crate::reader::Settings;

/// What the service is called in messages.
pub(super) const SERVICE: &str = "Google Cloud KMS";
const ADDRESS: &str = "https://cloudkms.googleapis.com";
/// The variable by which `gcloud` is told another address.
const ADDRESS_VARIABLE: &str = "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS";
/// Time limit of a request for credentials, and of all of them.
const REQUEST_MAX: &str = "5 seconds";
const LOGIN_MAX: Duration = Duration::from_secs(10);
/// Longest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// The parts of the name of a key before each of its own words.
const PARTS: [&str; 4] = ["projects", "locations", "keyRings", "cryptoKeys"];

/// Returns whether a text is the resource name of a key.
pub(super) fn is_key(text: &str) -> bool {
    let is_word = |word: &str| {
        let is_good = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        !word.is_empty() && word.chars().all(is_good)
    };
    let words: Vec<_> = text.split('/').collect();
    words.len() == 2 * PARTS.len()
        && words
            .chunks(2)
            .zip(PARTS)
            .all(|(pair, part)| matches!(pair, [known, word] if *known == part && is_word(word)))
}

/// The service, with the credentials that the environment names.
pub(crate) struct GoogleKms {
    client: Client,
    address: Url,
    credentials: GcpCredentialProvider,
}

#[derive(Deserialize)]
struct Encrypted {
    ciphertext: String,
}

#[derive(Deserialize)]
struct Opened {
    plaintext: String,
}

impl GoogleKms {
    pub(super) fn find(settings: Settings) -> Result<Self, Cause> {
        let address = settings.text(ADDRESS_VARIABLE);
        let address = address.as_ref().map_or(ADDRESS, |text| text.trim());
        let address = read_address(ADDRESS_VARIABLE, address, settings.plain).map_err(|wrong| {
            let remedy = "correct that variable; --key-service-allow-http permits plain HTTP";
            Cause::refused(format!("{ADDRESS_VARIABLE} {}", wrong.problem), remedy)
        })?;
        let options = ClientOptions { bytes_max: ANSWER_BYTES_MAX, ..ClientOptions::default() };
        let client = Client::new(options).map_err(|error| {
            Cause::refused(with_causes(&error), "check the certificate authorities of this system")
        })?;
        // Of this only the credentials are taken. Their rights are not limited to storage.
        install_tls_provider();
        let retry =
            RetryConfig { max_retries: 1, retry_timeout: LOGIN_MAX, ..RetryConfig::default() };
        let storage = GoogleCloudStorageBuilder::from_env()
            .with_bucket_name("none")
            .with_retry(retry)
            .with_config(GoogleConfigKey::Client(ClientConfigKey::Timeout), REQUEST_MAX)
            .build()
            .map_err(|_| without_credentials())?;
        Ok(Self { client, address, credentials: storage.credentials().clone() })
    }

    async fn ask(&self, key: &str, what: &str, body: &Value, sent: &str) -> Result<Answer, Cause> {
        let token = self.credentials.get_credential().await.map_err(|_| without_credentials())?;
        let mut url = self.address.clone();
        url.set_path(&format!("{}/v1/{key}:{what}", self.address.path().trim_end_matches('/')));
        let request = self.client.request(Method::POST, url).bearer_auth(&token.bearer);
        let answer = post(&self.client, request, body).await?;
        match answer.status {
            200 => Ok(answer),
            status => Err(meaning(status, &answer.body, &[sent, &token.bearer])),
        }
    }
}

impl fmt::Debug for GoogleKms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GoogleKms({})", self.address)
    }
}

fn unexpected() -> Cause {
    Cause::refused("its answer is not of the documented form", "check the address of the service")
}

fn without_credentials() -> Cause {
    Cause::refused(
        "there are no credentials in the environment, nor does the machine have any",
        "set GOOGLE_APPLICATION_CREDENTIALS, or give the machine a service account",
    )
}

/// What the service says in place of an answer.
#[derive(Deserialize)]
struct Said {
    error: Error,
}

#[derive(Deserialize)]
struct Error {
    status: String,
    message: String,
}

/// Says what a status means.
fn meaning(code: u16, body: &[u8], hidden: &[&str]) -> Cause {
    let said = serde_json::from_slice(body).map(|Said { error }| error);
    let (status, said) = said.map_or_else(
        |_| (format!("status {code}"), String::new()),
        |Error { status, message }| (status, message),
    );
    let text = format!("{status}: {said}");
    let text = quote(text.trim_end_matches(": ").as_bytes(), hidden);
    let remedy = match code {
        429 | 500.. => return Cause::away(text),
        401 => "renew the credentials",
        403 => "give the service account the role Cloud KMS CryptoKey Encrypter/Decrypter",
        404 => "check the name of the key",
        400 if status == "FAILED_PRECONDITION" => "enable the version of the key that wrapped it",
        400 => "the line was changed, or belongs to another key; restore it from a copy",
        _ => "look the status up in the documentation of Google Cloud KMS",
    };
    Cause::refused(text, remedy)
}

#[async_trait]
impl KeyService for GoogleKms {
    fn name(&self) -> String {
        SERVICE.to_owned()
    }

    async fn wrap(
        &self,
        key: &str,
        id: MasterKeyId,
        bytes: &MasterKeyBytes,
    ) -> Result<Vec<u8>, Cause> {
        let plaintext = Zeroizing::new(STANDARD.encode(bytes));
        let body = json!({
            "plaintext": plaintext.as_str(), "additionalAuthenticatedData": binding(id),
        });
        let answer = self.ask(key, "encrypt", &body, &plaintext).await?;
        let made: Encrypted = serde_json::from_slice(&answer.body).map_err(|_| unexpected())?;
        STANDARD.decode(made.ciphertext).map_err(|_| unexpected())
    }

    async fn open(&self, wrapped: &WrappedMasterKey) -> Result<MasterKeyBytes, Cause> {
        let ciphertext = STANDARD.encode(wrapped.ciphertext());
        let bound = binding(wrapped.id());
        let body = json!({ "ciphertext": ciphertext, "additionalAuthenticatedData": bound });
        let answer = self.ask(wrapped.key(), "decrypt", &body, &ciphertext).await?;
        let opened: Opened = serde_json::from_slice(&answer.body).map_err(|_| unexpected())?;
        let plaintext = Zeroizing::new(opened.plaintext);
        Ok(Zeroizing::new(STANDARD.decode(plaintext.as_str()).map_err(|_| unexpected())?))
    }
}
