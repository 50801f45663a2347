//! Whom TLS trusts.

use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

/// Why a client cannot use TLS.
#[derive(Debug, thiserror::Error)]
#[error("TLS cannot be used")]
pub struct TlsError(#[from] rustls::Error);

/// Why a text does not name an authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it must have certificates of authorities in the PEM form")]
pub struct AuthorityError;

/// Reads the certificates of authorities.
pub(crate) fn authorities(pem: &[u8]) -> Result<RootCertStore, AuthorityError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.map_err(|_| AuthorityError)?).map_err(|_| AuthorityError)?;
    }
    if roots.is_empty() { Err(AuthorityError) } else { Ok(roots) }
}

/// Returns the authorities that this machine trusts.
pub(crate) fn system_authorities() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::debug!(%error, "cannot read a certificate authority of this system");
    }
    let (taken, left_out) = roots.add_parsable_certificates(found.certs);
    tracing::debug!(taken, left_out, "loaded certificate authorities for requests to services");
    roots
}

/// Makes the TLS of this crate that of libraries which have none of their own.
pub fn install_tls_provider() {
    // Fails if there is one already, which serves as well.
    ring::default_provider().install_default().ok();
}

pub(crate) fn config(roots: RootCertStore) -> Result<ClientConfig, TlsError> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
