//! Generates keys for tests, and signs tokens with them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};
use rcgen::{PublicKeyData as _, SignatureAlgorithm};
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair as RsaKeyPair, PublicKeyComponents};
use ring::signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair};
use serde_json::{Value, json};

use crate::Algorithm;

/// A private key, its published form, and its usual algorithm.
pub(super) struct Signer {
    pub(super) id: &'static str,
    pub(super) algorithm: Algorithm,
    public: Value,
    private: PrivateKey,
}

enum PrivateKey {
    Ed25519(Ed25519KeyPair),
    Elliptic(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl PrivateKey {
    /// Signs with what the algorithm means for RSA keys. Keys of curves have one way to sign.
    fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let key = match self {
            Self::Ed25519(key) => return key.sign(message).as_ref().to_vec(),
            Self::Elliptic(key) => {
                return key.sign(&random, message).expect("signed").as_ref().to_vec();
            }
            Self::Rsa(key) => key,
        };
        let padding: &dyn signature::RsaEncoding = match algorithm {
            Algorithm::Rs384 => &signature::RSA_PKCS1_SHA384,
            Algorithm::Rs512 => &signature::RSA_PKCS1_SHA512,
            Algorithm::Ps256 => &signature::RSA_PSS_SHA256,
            Algorithm::Ps384 => &signature::RSA_PSS_SHA384,
            Algorithm::Ps512 => &signature::RSA_PSS_SHA512,
            _ => &signature::RSA_PKCS1_SHA256,
        };
        let mut signed = vec![0; key.public().modulus_len()];
        key.sign(padding, &random, message, &mut signed).expect("signed");
        signed
    }
}

impl Signer {
    pub(super) fn ed25519(id: &'static str) -> Self {
        let (point, der) = curve(&PKCS_ED25519);
        let public = json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "x": text(&point)});
        let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).expect("a key");
        let private = PrivateKey::Ed25519(key);
        Self { id, algorithm: Algorithm::EdDsa, public, private }
    }

    pub(super) fn p256(id: &'static str) -> Self {
        let signing = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
        Self::elliptic(id, "P-256", Algorithm::Es256, (&PKCS_ECDSA_P256_SHA256, signing))
    }

    pub(super) fn p384(id: &'static str) -> Self {
        let signing = &signature::ECDSA_P384_SHA384_FIXED_SIGNING;
        Self::elliptic(id, "P-384", Algorithm::Es384, (&PKCS_ECDSA_P384_SHA384, signing))
    }

    fn elliptic(
        id: &'static str,
        curve_name: &str,
        algorithm: Algorithm,
        (kind, signing): (&'static SignatureAlgorithm, &'static EcdsaSigningAlgorithm),
    ) -> Self {
        let (point, der) = curve(kind);
        let (x, y) = point[1..].split_at(point.len() / 2);
        let public = json!({"kty": "EC", "crv": curve_name, "kid": id, "x": text(x), "y": text(y)});
        let key = EcdsaKeyPair::from_pkcs8(signing, &der, &SystemRandom::new()).expect("a key");
        Self { id, algorithm, public, private: PrivateKey::Elliptic(key) }
    }

    /// Returns the one RSA key of the tests: `ring` makes none, and it has signed nothing else.
    pub(super) fn rsa(id: &'static str) -> Self {
        let key = RsaKeyPair::from_pkcs8(include_bytes!("rsa_2048.der")).expect("a key");
        let PublicKeyComponents { n, e } = PublicKeyComponents::<Vec<u8>>::from(key.public());
        let public = json!({"kty": "RSA", "use": "sig", "kid": id, "n": text(&n), "e": text(&e)});
        Self { id, algorithm: Algorithm::Rs256, public, private: PrivateKey::Rsa(key) }
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
        let signature = self.private.sign(algorithm, message.as_bytes());
        format!("{message}.{}", text(&signature))
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
