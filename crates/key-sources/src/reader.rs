//! Reading the master keys, and wrapping them.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use ledger_outgoing::Plain;
use ledger_vault::{
    KeySource, KeySourceError, KeyText, Keyring, WrappedMasterKey, leaving_nothing, read_private,
};
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::error::SourceError;
use crate::program;
use crate::services::{ServiceKey, Services};
use crate::source::Source;

/// First wait before a service that is away is asked again; each further one is twice as long.
const WAIT_MIN: Duration = Duration::from_millis(500);
/// Longest wait.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// What is the same for every source and service.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Returns an environment variable that is set and not empty.
    pub variables: fn(&OsStr) -> Option<OsString>,
    /// Where a key service may be asked without TLS.
    pub plain: Plain,
}

impl Settings {
    /// Returns a variable that is text.
    pub(crate) fn text(&self, name: &str) -> Option<Zeroizing<String>> {
        (self.variables)(OsStr::new(name))?.into_string().ok().map(Zeroizing::new)
    }

    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        (self.variables)(OsStr::new(name)).map(PathBuf::from)
    }
}

/// For how long a service that is away is asked again.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// The whole time.
    pub total: Duration,
    /// Called before each wait, with its length.
    pub before_wait: fn(&SourceError, Duration),
}

/// Where the master keys are, and how they are opened.
#[derive(Clone, Debug)]
pub struct MasterKeySource {
    /// Where the text is.
    pub source: Source,
    /// By which services are found.
    pub settings: Settings,
}

impl MasterKeySource {
    /// Reads the keys once.
    pub async fn read(&self) -> Result<Keyring, SourceError> {
        let unusable = |error| SourceError::Text { source_name: self.source.to_string(), error };
        let text = KeyText::parse(&self.text().await?).map_err(unusable)?;
        let services = Services::new(self.settings);
        let opened = services.open_all(&text).await;
        services.finish().await;
        text.into_keyring(opened?).map_err(unusable)
    }

    /// Reads the keys once, on a thread of its own, and waits for that.
    pub fn read_blocking(&self) -> Result<Keyring, SourceError> {
        let read = || -> Result<Keyring, SourceError> {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            runtime.enable_all().build().map_err(SourceError::Runtime)?.block_on(self.read())
        };
        // The stack of a thread that has ended may be kept for the next one.
        let read = || leaving_nothing(read);
        let read = std::thread::scope(|scope| scope.spawn(read).join());
        read.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Reads the keys, and tries again while what has them is away.
    pub async fn read_patiently(&self, patience: Patience) -> Result<Keyring, SourceError> {
        let began = Instant::now();
        let mut wait = WAIT_MIN;
        loop {
            let source = self.clone();
            let read = tokio::task::spawn_blocking(move || source.read_blocking()).await;
            match read.unwrap_or_else(|failure| std::panic::resume_unwind(failure.into_panic())) {
                Err(error) if error.is_away() && began.elapsed() + wait <= patience.total => {
                    (patience.before_wait)(&error, wait);
                    tokio::time::sleep(wait).await;
                    wait = (2 * wait).min(WAIT_MAX);
                }
                done => return done,
            }
        }
    }

    async fn text(&self) -> Result<Zeroizing<String>, SourceError> {
        match &self.source {
            Source::File(path) => Ok(read_private(path, KeyText::BYTES_MAX)?),
            Source::Variable(name) => {
                let value = (self.settings.variables)(OsStr::new(name));
                let value = value.ok_or_else(|| SourceError::Unset(name.clone()))?;
                let text = value.into_string().map(Zeroizing::new);
                text.ok()
                    .filter(|text| text.len() <= KeyText::BYTES_MAX)
                    .ok_or_else(|| SourceError::NotText(name.clone()))
            }
            Source::Credential(name) => {
                let folder = self.settings.path("CREDENTIALS_DIRECTORY");
                let folder = folder.ok_or_else(|| SourceError::NoCredentials(name.clone()))?;
                Ok(read_private(&folder.join(name), KeyText::BYTES_MAX)?)
            }
            Source::Program(words) => Ok(program::output(words, program::TIME_MAX).await?),
        }
    }
}

impl KeySource for MasterKeySource {
    fn read(&self) -> Result<Keyring, KeySourceError> {
        Ok(self.read_blocking()?)
    }

    fn name(&self) -> String {
        match &self.source {
            Source::File(path) => format!("the key file {}", path.display()),
            other => other.to_string(),
        }
    }

    fn stays_in_memory(&self) -> bool {
        matches!(self.source, Source::Variable(_))
    }
}

/// Lets a service wrap every key, and open it again. Returns the text of the wrapped keys.
pub async fn wrap(
    keys: &Keyring,
    with: &ServiceKey,
    settings: Settings,
) -> Result<String, SourceError> {
    let services = Services::new(settings);
    let wrapped = services.wrap_all(with, keys).await;
    services.finish().await;
    Ok(WrappedMasterKey::to_text(&wrapped?))
}
