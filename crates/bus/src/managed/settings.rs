//! Settings of the managed server that persist across starts.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::{fmt, str};

use rand::RngCore;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Name of the file, in the server's folder.
const FILE: &str = "managed.json";
/// The ledger's user.
pub(super) const LEDGER_USER: &str = "ledger";
/// The user for all other clients.
pub(super) const CLIENT_USER: &str = "client";
const PASSWORD_BYTES: usize = 24;

/// Port, passwords and name of the server.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) port: u16,
    pub(super) ledger_password: String,
    pub(super) client_password: String,
    /// Distinguishes this server from another one on the same port.
    pub(super) server_name: String,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("port", &self.port).finish_non_exhaustive()
    }
}

impl Settings {
    /// Generates new passwords.
    pub(super) fn new() -> Self {
        Self {
            port: 0,
            ledger_password: random_text(PASSWORD_BYTES),
            client_password: random_text(PASSWORD_BYTES),
            server_name: format!("connection-ledger-{}", random_text(4)),
        }
    }

    /// Reads the settings of an earlier start, or returns `None` if they are missing or unreadable.
    pub(super) fn read(dir: &Path) -> Option<Self> {
        Self::from_bytes(&fs::read(dir.join(FILE)).ok()?)
    }

    /// Reads what [`Self::to_bytes`] returned, or returns `None` if it is something else.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Returns everything as bytes.
    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(serde_json::to_vec(self).expect("settings have a JSON form"))
    }

    pub(super) fn write(&self, dir: &Path) -> io::Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(io::Error::other)?;
        write_private(&dir.join(FILE), &text)
    }

    pub(super) fn ledger_url(&self) -> String {
        self.url(LEDGER_USER, &self.ledger_password)
    }

    pub(super) fn client_url(&self) -> String {
        self.url(CLIENT_USER, &self.client_password)
    }

    fn url(&self, user: &str, password: &str) -> String {
        format!("nats://{user}:{password}@127.0.0.1:{}", self.port)
    }
}

/// Creates a folder that only its owner can access.
pub(super) fn make_private(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Atomically writes a file that only its owner can read.
pub(super) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

/// Returns random text that needs no escapes in addresses and configuration files: hex digits after
/// a letter, because NATS parses text with a leading digit as a number.
fn random_text(bytes: usize) -> String {
    let mut random = vec![0; bytes];
    rand::rng().fill_bytes(&mut random);
    let digits = random.iter().map(|byte| format!("{byte:02x}"));
    std::iter::once("p".to_owned()).chain(digits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_differ_and_are_not_printed() {
        let settings = Settings::new();
        assert_ne!(settings.ledger_password, settings.client_password);
        assert_eq!(settings.client_password.len(), 2 * PASSWORD_BYTES + 1);
        assert!(!format!("{settings:?}").contains(&settings.client_password));
        assert!(settings.client_url().starts_with("nats://client:p"));
    }

    #[test]
    fn written_settings_are_read_back() {
        let settings = Settings { port: 4_222, ..Settings::new() };
        let text = serde_json::to_string(&settings).unwrap();
        let read: Settings = serde_json::from_str(&text).unwrap();
        assert_eq!(read.ledger_url(), settings.ledger_url());
    }
}
