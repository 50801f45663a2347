//! Whom TLS trusts.

use std::sync::Arc;

use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::VerifierBuilderError;
use tokio_rustls::rustls::{
    self, CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

/// Why a client cannot use TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The library refuses.
    #[error("TLS cannot be used")]
    Rustls(#[from] rustls::Error),
    /// No authority is trusted.
    #[error("no certificate of a server can be checked")]
    Verifier(#[from] VerifierBuilderError),
}

/// Why a text does not name an authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it must have certificates of authorities in the PEM form")]
pub struct AuthorityError;

/// Authorities that are trusted.
#[derive(Clone, Debug)]
pub struct Authorities {
    certificates: Vec<CertificateDer<'static>>,
    roots: RootCertStore,
}

impl Authorities {
    /// Reads certificates in the PEM form.
    pub fn from_pem(pem: &[u8]) -> Result<Self, AuthorityError> {
        let mut roots = RootCertStore::empty();
        let mut certificates = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| AuthorityError)?;
            roots.add(certificate.clone()).map_err(|_| AuthorityError)?;
            certificates.push(certificate);
        }
        if roots.is_empty() { Err(AuthorityError) } else { Ok(Self { certificates, roots }) }
    }

    /// Returns these and those.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.roots.extend(others.roots.roots);
        self.certificates.extend(others.certificates);
        self
    }

    /// Returns those that this machine trusts.
    pub fn of_system() -> Self {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::debug!(%error, "cannot read a certificate authority of this system");
        }
        let mut roots = RootCertStore::empty();
        let mut certificates = found.certs;
        let all = certificates.len();
        certificates.retain(|certificate| roots.add(certificate.clone()).is_ok());
        let (taken, left_out) = (roots.len(), all - certificates.len());
        tracing::debug!(taken, left_out, "loaded certificate authorities for requests to services");
        Self { certificates, roots }
    }

    /// Returns the certificates, each in the DER form.
    pub fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        self.certificates.iter().map(AsRef::as_ref)
    }
}

/// What a server has to prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Nothing: whoever is in between can read along.
    Nothing,
    /// That an authority vouches for it, under whatever name.
    Authority,
    /// That an authority vouches for it under its name.
    Name,
}

/// Makes the TLS of this crate that of libraries which have none of their own.
pub fn install_tls_provider() {
    // Fails if there is one already, which serves as well.
    ring::default_provider().install_default().ok();
}

/// Returns how TLS is spoken with a server that has to prove something.
pub fn tls_config(authorities: &Authorities, proof: Proof) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    let roots = authorities.roots.clone();
    if proof == Proof::Name {
        return Ok(config.with_root_certificates(roots).with_no_client_auth());
    }
    let chain = match proof {
        Proof::Nothing => None,
        _ => Some(
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()?,
        ),
    };
    let verifier = Arc::new(Lenient { chain, provider });
    let config = config.dangerous().with_custom_certificate_verifier(verifier);
    Ok(config.with_no_client_auth())
}

/// Checks less than all, as a connection's own settings want it.
#[derive(Debug)]
struct Lenient {
    chain: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<rustls::crypto::CryptoProvider>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use CertificateError::{NotValidForName, NotValidForNameContext};
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        let verified =
            chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // Names are compared only after the authority is found to be a trusted one.
            Err(rustls::Error::InvalidCertificate(
                NotValidForName | NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Returns the error of TLS that an error is, or has within it. What an I/O error was made of is
/// not among its causes.
pub(crate) fn tls_error(cause: &(dyn std::error::Error + 'static)) -> Option<rustls::Error> {
    match cause.downcast_ref::<rustls::Error>() {
        Some(error) => Some(error.clone()),
        None => tls_error(cause.downcast_ref::<std::io::Error>()?.get_ref()?),
    }
}

/// Says why TLS failed, if an error or one of its causes is that. Names in certificates are the
/// other side's words, and left out.
pub fn tls_failure(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut errors = std::iter::successors(Some(error), |error| error.source());
    let refused = errors.find_map(tls_error)?;
    Some(format!("TLS failed: {}", about_tls(&refused)))
}

fn about_tls(error: &rustls::Error) -> &'static str {
    use CertificateError as C;
    match error {
        rustls::Error::InvalidCertificate(
            C::NotValidForName | C::NotValidForNameContext { .. },
        ) => "the certificate is for another name",
        rustls::Error::InvalidCertificate(C::Expired | C::ExpiredContext { .. }) => {
            "the certificate has expired"
        }
        rustls::Error::InvalidCertificate(C::UnknownIssuer) => {
            "the certificate is from an authority that is not trusted here"
        }
        rustls::Error::InvalidCertificate(_) => "the certificate is not valid",
        _ => "no common ground was found",
    }
}
