//! Errors of starting a listener.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use ledger_vault::PrivateFileError;
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::pem;
use tokio_rustls::rustls::server::VerifierBuilderError;

/// Why a listener cannot be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// Other machines can reach the address, and without TLS keys and secrets would be readable in
    /// transit.
    #[error("{address} can be reached from other machines, which requires TLS")]
    Insecure {
        /// The address.
        address: SocketAddr,
    },
    /// The certificates are unusable.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The system refuses the address.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The system's error.
        #[source]
        source: io::Error,
    },
}

impl ListenError {
    /// Returns the message followed by its causes, without repetitions.
    pub fn with_causes(&self) -> String {
        chain(self)
    }
}

/// Why certificates are unusable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file is missing, unreadable, or not PEM.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: pem::Error,
    },
    /// The file of the private key is unreadable, or open to other users.
    #[error(transparent)]
    Key(#[from] PrivateFileError),
    /// A file holds no certificate.
    #[error("{} holds no certificate", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The certificate and the key do not match, or are of an unsupported kind.
    #[error("cannot use the certificate {} with this key", path.display())]
    Unusable {
        /// The certificate's file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: rustls::Error,
    },
    /// The CA certificates for clients are unusable.
    #[error("cannot use {} to verify client certificates", path.display())]
    Authority {
        /// The authority's file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: VerifierBuilderError,
    },
}

/// Returns an error's message followed by its causes, without repetitions.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
