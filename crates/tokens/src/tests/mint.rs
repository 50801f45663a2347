//! Generates keys for tests, and signs tokens with them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::EncodingKey;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};
use rcgen::{PublicKeyData as _, SignatureAlgorithm};
use rsa::RsaPrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::rand_core::OsRng;
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};

use crate::Algorithm;

/// A private key, its published form, and its usual algorithm.
pub(super) struct Signer {
    pub(super) id: &'static str,
    pub(super) algorithm: Algorithm,
    public: Value,
    private: EncodingKey,
}

impl Signer {
    pub(super) fn ed25519(id: &'static str) -> Self {
        let (point, der) = curve(&PKCS_ED25519);
        let public = json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "x": text(&point)});
        let private = EncodingKey::from_ed_der(&der);
        Self { id, algorithm: Algorithm::EdDsa, public, private }
    }

    pub(super) fn p256(id: &'static str) -> Self {
        Self::elliptic(id, "P-256", Algorithm::Es256, &PKCS_ECDSA_P256_SHA256)
    }

    pub(super) fn p384(id: &'static str) -> Self {
        Self::elliptic(id, "P-384", Algorithm::Es384, &PKCS_ECDSA_P384_SHA384)
    }

    fn elliptic(
        id: &'static str,
        curve_name: &str,
        algorithm: Algorithm,
        kind: &'static SignatureAlgorithm,
    ) -> Self {
        let (point, der) = curve(kind);
        let (x, y) = point[1..].split_at(point.len() / 2);
        let public = json!({"kty": "EC", "crv": curve_name, "kid": id, "x": text(x), "y": text(y)});
        Self { id, algorithm, public, private: EncodingKey::from_ec_der(&der) }
    }

    pub(super) fn rsa(id: &'static str, bits: usize) -> Self {
        let key = RsaPrivateKey::new(&mut OsRng, bits).expect("a key");
        let (n, e) = (key.n().to_bytes_be(), key.e().to_bytes_be());
        let public = json!({"kty": "RSA", "use": "sig", "kid": id, "n": text(&n), "e": text(&e)});
        let der = key.to_pkcs1_der().expect("a key");
        let private = EncodingKey::from_rsa_der(der.as_bytes());
        Self { id, algorithm: Algorithm::Rs256, public, private }
    }

    pub(super) fn published(&self) -> Value {
        self.public.clone()
    }

    /// Returns the published form with further members.
    pub(super) fn published_with(&self, change: &Value) -> Value {
        let mut public = self.published();
        let into = public.as_object_mut().expect("an object");
        into.extend(change.as_object().expect("an object").clone());
        public
    }

    pub(super) fn header(&self) -> Value {
        json!({"alg": self.algorithm.as_str(), "kid": self.id, "typ": "at+jwt"})
    }

    /// Signs a token with the usual algorithm and header.
    pub(super) fn token(&self, claims: &Value) -> String {
        self.sign(&self.header(), claims)
    }

    /// Signs a token with any header.
    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_as(self.algorithm, header, claims)
    }

    pub(super) fn sign_as(&self, algorithm: Algorithm, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let library = algorithm.in_library();
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.private, library);
        format!("{message}.{}", signature.expect("it fits"))
    }
}

/// Returns the two signed parts.
pub(super) fn message(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| text(value.to_string().as_bytes());
    format!("{}.{}", part(header), part(claims))
}

pub(super) fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn curve(kind: &'static SignatureAlgorithm) -> (Vec<u8>, Vec<u8>) {
    let pair = KeyPair::generate_for(kind).expect("a key");
    (pair.der_bytes().to_vec(), pair.serialize_der())
}
