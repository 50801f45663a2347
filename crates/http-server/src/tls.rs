//! Certificates, and reloading them without a restart.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use tokio::time::{Duration, MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tracing::{error, info};

use crate::error::{TlsError, chain};
use crate::stop::Stop;

/// Largest file of a private key, in bytes.
const KEY_BYTES_MAX: usize = 64 * 1024;
/// The protocols offered over TLS (ALPN), in order of preference.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The files of a listener with TLS, all PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by its intermediate certificates.
    pub certificate: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
    /// CA certificates that client certificates must chain to. Without it, clients need none.
    pub client_authority: Option<PathBuf>,
}

/// The certificates in use. Open connections keep theirs after a reload.
pub(crate) struct Tls {
    files: TlsFiles,
    current: Mutex<Arc<ServerConfig>>,
    read: Mutex<LastRead>,
}

/// The state of the files at the last reload.
#[derive(Debug, Default)]
struct LastRead {
    /// Empty if the files were unusable. They are then read again at every check, because the cause
    /// may disappear without a visible change of a file.
    stamps: Vec<Stamp>,
    /// The last error, which is logged only once.
    problem: Option<String>,
}

/// Identifies a version of a file; nothing if its metadata cannot be read.
type Stamp = Option<(SystemTime, u64)>;

impl Tls {
    /// Reads the files.
    pub(crate) fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let stamps = stamps(&files);
        let current = Mutex::new(Arc::new(read(&files)?));
        Ok(Self { files, current, read: Mutex::new(LastRead { stamps, problem: None }) })
    }

    /// Returns the acceptor for new connections.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current.lock()))
    }

    /// Reloads the files. If they are unusable, logs the reason and keeps the present certificates.
    pub(crate) fn reload(&self) {
        self.read.lock().problem = None;
        self.read_again();
    }

    fn read_again(&self) {
        // Taken before reading, so that a change in between is found at the next check.
        let seen = stamps(&self.files);
        match read(&self.files) {
            Ok(config) => {
                *self.current.lock() = Arc::new(config);
                *self.read.lock() = LastRead { stamps: seen, problem: None };
                info!(file = %self.files.certificate.display(), "certificate loaded");
            }
            Err(problem) => {
                let problem = Some(chain(&problem));
                let last = std::mem::replace(
                    &mut *self.read.lock(),
                    LastRead { stamps: Vec::new(), problem: problem.clone() },
                );
                if last.problem != problem {
                    error!(error = problem, "new certificate unusable, keeping the old one");
                }
            }
        }
    }

    pub(crate) fn reload_if_changed(&self) {
        if self.read.lock().stamps != stamps(&self.files) {
            self.read_again();
        }
    }

    /// Reloads whenever a file has changed, until stopped.
    pub(crate) async fn watch(self: Arc<Self>, every: Duration, mut stop: Stop) {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.stopped() => return,
                _ = ticks.tick() => {}
            }
            let tls = Arc::clone(&self);
            off_the_workers(move || tls.reload_if_changed()).await;
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

/// Runs work that reads files on a thread that may block.
pub(crate) async fn off_the_workers(work: impl FnOnce() + Send + 'static) {
    if let Err(problem) = tokio::task::spawn_blocking(work).await {
        error!(error = %problem, "the check of the certificate files failed");
    }
}

fn stamps(files: &TlsFiles) -> Vec<Stamp> {
    let stamp = |path: &PathBuf| {
        let about = std::fs::metadata(path).ok()?;
        Some((about.modified().ok()?, about.len()))
    };
    [Some(&files.certificate), Some(&files.key), files.client_authority.as_ref()]
        .into_iter()
        .flatten()
        .map(stamp)
        .collect()
}

fn read(files: &TlsFiles) -> Result<ServerConfig, TlsError> {
    let chain = certificates(&files.certificate)?;
    let key = ledger_vault::read_private(&files.key, KEY_BYTES_MAX)?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|source| TlsError::Read { path: files.key.clone(), source })?;
    let provider = Arc::new(ring::default_provider());
    let unusable = |source| TlsError::Unusable { path: files.certificate.clone(), source };
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let config = match &files.client_authority {
        None => config.with_no_client_auth(),
        Some(path) => {
            let roots = Arc::new(roots(path)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
            let verifier =
                verifier.map_err(|source| TlsError::Authority { path: path.clone(), source })?;
            config.with_client_cert_verifier(verifier)
        }
    };
    let mut config = config.with_single_cert(chain, key).map_err(unusable)?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(config)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = |source| TlsError::Read { path: path.to_owned(), source };
    let found = CertificateDer::pem_file_iter(path).map_err(unreadable)?;
    let found: Vec<_> = found.collect::<Result<_, _>>().map_err(unreadable)?;
    if found.is_empty() {
        return Err(TlsError::Empty { path: path.to_owned() });
    }
    Ok(found)
}

fn roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots
            .add(certificate)
            .map_err(|source| TlsError::Unusable { path: path.to_owned(), source })?;
    }
    Ok(roots)
}
