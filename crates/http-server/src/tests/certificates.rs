//! Certificates generated for one test.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::TlsFiles;

/// A CA, and the certificate files of a server.
pub(super) struct Certificates {
    folder: tempfile::TempDir,
    authority: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
}

/// A certificate and its private key.
pub(super) struct Identity {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) key: KeyPair,
    pem: String,
}

impl Certificates {
    /// Creates a CA and a certificate for `localhost`.
    pub(super) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut about = CertificateParams::new(Vec::new()).unwrap();
        about.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = about.self_signed(&key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), root.pem()).unwrap();
        let root = root.der().clone();
        let made = Self { folder, authority: Issuer::new(about, key), root };
        made.renew();
        made
    }

    pub(super) fn issue(&self, name: &str, purpose: ExtendedKeyUsagePurpose) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut about = CertificateParams::new([name.to_owned()]).unwrap();
        about.extended_key_usages = vec![purpose];
        let certificate = about.signed_by(&key, &self.authority).unwrap();
        Identity { certificate: certificate.der().clone(), key, pem: certificate.pem() }
    }

    /// Replaces the server's files. Returns the new certificate.
    pub(super) fn renew(&self) -> CertificateDer<'static> {
        let made = self.issue("localhost", ExtendedKeyUsagePurpose::ServerAuth);
        fs::write(self.path("cert.pem"), made.pem).unwrap();
        self.write_key(&made.key.serialize_pem());
        made.certificate
    }

    /// Writes the file of the server's key, readable by its owner alone.
    pub(super) fn write_key(&self, pem: &str) {
        let path = self.path("key.pem");
        fs::write(&path, pem).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        Path::join(self.folder.path(), name)
    }

    pub(super) fn files(&self) -> TlsFiles {
        TlsFiles {
            certificate: self.path("cert.pem"),
            key: self.path("key.pem"),
            client_authority: None,
        }
    }

    /// Returns the configuration of a client that trusts the CA.
    pub(super) fn client(&self, identity: Option<Identity>) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut client = match identity {
            None => client.with_no_client_auth(),
            Some(Identity { certificate, key, .. }) => {
                let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
                client.with_client_auth_cert(vec![certificate], key).unwrap()
            }
        };
        client.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(client)
    }
}
