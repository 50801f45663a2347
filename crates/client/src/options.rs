//! How to reach a ledger, and as whom.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::address::without_password;

/// The NATS address of a server on this machine.
const LOCAL_URL: &str = "nats://127.0.0.1:4222";
/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// An API key. Wiped when dropped; printing it for debugging shows nothing of it.
#[derive(Clone)]
pub struct Key(Zeroizing<String>);

impl Key {
    /// Takes the text of a key, `sk_live_…` or `sk_test_…`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Returns the value of the header that carries it.
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

/// How the client proves itself to the NATS server, which is another thing than the API key.
#[derive(Clone, Default)]
pub struct Credentials {
    /// A `.creds` file with a JWT and its seed.
    pub file: Option<PathBuf>,
    /// An NKey seed.
    pub nkey_seed: Option<String>,
    /// User and password.
    pub user: Option<(String, String)>,
    /// Certificates of the authority that signed the server's certificate.
    pub authority: Option<PathBuf>,
    /// The client's own certificate and its key.
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
    /// Address of the NATS server; may hold a user and a password.
    pub url: String,
    /// The API key.
    pub key: Key,
    /// First token of every subject.
    pub prefix: String,
    /// The ledger's public curve key, as `connledger status` shows it. With it everything is sent
    /// and answered sealed, so that nobody on the NATS server can read or use it; without it
    /// requests go in the clear, API key and all, and secrets cannot be got.
    pub ledger_xkey: Option<String>,
    /// How to prove oneself to NATS.
    pub credentials: Credentials,
    /// What the subjects that answers come to begin with, where the NATS user may hear only its
    /// own: `_INBOX_name`. Nothing means `_INBOX`.
    pub inbox_prefix: Option<String>,
    /// What requests to JetStream begin with, where another NATS account lends it to this one.
    /// Nothing means `$JS.API`.
    pub jetstream_prefix: Option<String>,
    /// How long an answer may take; also a command's deadline.
    pub timeout: Duration,
    /// Whether to keep trying when NATS is not there at first.
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
    /// Reaches a ledger on this machine under the default names.
    pub fn new(key: Key) -> Self {
        Self {
            url: LOCAL_URL.to_owned(),
            key,
            prefix: "ledger".to_owned(),
            ledger_xkey: None,
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
