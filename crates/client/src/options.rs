//! Client options.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::address::without_password;

/// The address of a NATS server on this machine.
const LOCAL_URL: &str = "nats://127.0.0.1:4222";
/// The default time limit of an answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// An API key. It is wiped on drop and hidden in debug output.
#[derive(Clone)]
pub struct Key(Zeroizing<String>);

impl Key {
    /// Creates a key from its text, `sk_live_…` or `sk_test_…`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Returns the value of the `Authorization` header.
    pub(crate) fn authorization(&self) -> String {
        format!("Bearer {}", self.0.as_str())
    }
}

impl From<String> for Key {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Credentials for the NATS server, which are unrelated to the API key.
#[derive(Clone, Default)]
pub struct Credentials {
    /// A `.creds` file with a JWT and its seed. No other user may read it, nor the file of a key.
    pub file: Option<PathBuf>,
    /// An NKey seed.
    pub nkey_seed: Option<String>,
    /// User and password.
    pub user: Option<(String, String)>,
    /// CA certificates for the server's certificate.
    pub authority: Option<PathBuf>,
    /// The client's own certificate and key.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("file", &self.file)
            .field("authority", &self.authority)
            .finish_non_exhaustive()
    }
}

/// How to reach a ledger.
#[derive(Clone)]
pub struct ClientOptions {
    /// Address of the NATS server, which may contain a user and a password.
    pub url: String,
    /// The API key.
    pub key: Key,
    /// First token of every subject.
    pub prefix: String,
    /// The ledger's public curve key, as `connledger status` shows it. With it, requests and
    /// answers are sealed, so that nobody on the NATS server can read or reuse them. Without it,
    /// requests are refused before they are sent, unless `allow_unsealed` is set.
    pub ledger_xkey: Option<String>,
    /// Whether to send requests in the clear if the curve key is not known. Whoever runs or taps
    /// the NATS server then reads the API key and new secrets. Secrets cannot be fetched that way.
    pub allow_unsealed: bool,
    /// Credentials for NATS.
    pub credentials: Credentials,
    /// First part of the subjects on which answers arrive, if the NATS user may subscribe only to
    /// its own, such as `_INBOX_name`. The default is `_INBOX`.
    pub inbox_prefix: Option<String>,
    /// First part of JetStream API subjects, if another NATS account exports them to this one. The
    /// default is `$JS.API`.
    pub jetstream_prefix: Option<String>,
    /// Time limit of an answer, and the deadline of a command.
    pub timeout: Duration,
    /// Whether to keep trying if NATS cannot be reached at first.
    pub wait_for_server: bool,
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientOptions")
            .field("url", &without_password(&self.url))
            .field("prefix", &self.prefix)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

impl ClientOptions {
    /// Returns the options for a ledger on this machine with default names.
    pub fn new(key: Key) -> Self {
        Self {
            url: LOCAL_URL.to_owned(),
            key,
            prefix: "ledger".to_owned(),
            ledger_xkey: None,
            allow_unsealed: false,
            credentials: Credentials::default(),
            inbox_prefix: None,
            jetstream_prefix: None,
            timeout: TIMEOUT,
            wait_for_server: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_shows_no_key_and_no_password() {
        let mut options = ClientOptions::new(Key::new("sk_test_canary"));
        options.url = "nats://me:canary@host:4222".to_owned();
        options.credentials.user = Some(("me".to_owned(), "canary".to_owned()));
        options.credentials.nkey_seed = Some("canary".to_owned());
        let shown = format!("{options:?} {:?}", options.key);
        assert!(shown.contains("nats://host:4222") && !shown.contains("canary"), "{shown}");
    }
}
