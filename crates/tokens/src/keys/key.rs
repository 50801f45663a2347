//! A public key in a published set.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use serde::Deserialize;

use crate::algorithm::Algorithm;

/// Permitted sizes of RSA keys: 2,048 to 4,096 bits. Shorter keys can be broken, and longer ones
/// make verification expensive.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=512;
/// Maximum length of an RSA public exponent; those in use have three bytes.
const RSA_EXPONENT_BYTES_MAX: usize = 4;

/// The relevant fields of a published key.
#[derive(Debug, Deserialize)]
struct Published {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// The type of a key, which determines its algorithms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Rsa,
    P256,
    P384,
    Ed25519,
}

/// A key that verifies signatures.
pub(crate) struct Key {
    id: Option<Box<str>>,
    shape: Shape,
    /// The only algorithm for which the key may be used, if it names one.
    only: Option<Algorithm>,
    public: PublicKey,
}

/// A public key in the form that `ring` verifies with.
enum PublicKey {
    /// Modulus and exponent, big-endian without leading zeros.
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    /// The encoded point of a key on a curve.
    Point(Vec<u8>),
}

impl PublicKey {
    fn has_signed(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let rsa = |parameters| match self {
            Self::Rsa { modulus: n, exponent: e } => {
                let key = signature::RsaPublicKeyComponents { n, e };
                key.verify(parameters, message, signature).is_ok()
            }
            Self::Point(_) => false,
        };
        let curve = |parameters: &'static dyn VerificationAlgorithm| match self {
            Self::Point(point) => {
                UnparsedPublicKey::new(parameters, point).verify(message, signature).is_ok()
            }
            Self::Rsa { .. } => false,
        };
        match algorithm {
            Algorithm::Rs256 => rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
            Algorithm::Rs384 => rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
            Algorithm::Rs512 => rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
            Algorithm::Ps256 => rsa(&signature::RSA_PSS_2048_8192_SHA256),
            Algorithm::Ps384 => rsa(&signature::RSA_PSS_2048_8192_SHA384),
            Algorithm::Ps512 => rsa(&signature::RSA_PSS_2048_8192_SHA512),
            Algorithm::Es256 => curve(&signature::ECDSA_P256_SHA256_FIXED),
            Algorithm::Es384 => curve(&signature::ECDSA_P384_SHA384_FIXED),
            Algorithm::EdDsa => curve(&signature::ED25519),
        }
    }
}

impl Key {
    /// Parses a key. Returns `None` for one that is not for signatures, is a shared secret, or has
    /// an unknown type; a set may contain such keys.
    pub(crate) fn read(value: serde_json::Value) -> Option<Self> {
        let published: Published = serde_json::from_value(value).ok()?;
        let signs = published.purpose.as_deref().is_none_or(|purpose| purpose == "sig");
        let verifies = |operations: &Vec<String>| operations.iter().any(|name| name == "verify");
        if !signs || !published.key_ops.as_ref().is_none_or(verifies) {
            return None;
        }
        let only = match published.alg.as_deref() {
            Some(name) => Some(Algorithm::known(name)?),
            None => None,
        };
        let (shape, public) = published.material()?;
        let id = published.kid.map(String::into_boxed_str);
        let key = Self { id, shape, only, public };
        Algorithm::ALL.into_iter().any(|algorithm| key.fits(algorithm)).then_some(key)
    }

    /// Returns the key's id.
    pub(crate) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Returns whether the key supports an algorithm.
    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        let shape = match algorithm {
            Algorithm::Rs256
            | Algorithm::Rs384
            | Algorithm::Rs512
            | Algorithm::Ps256
            | Algorithm::Ps384
            | Algorithm::Ps512 => Shape::Rsa,
            Algorithm::Es256 => Shape::P256,
            Algorithm::Es384 => Shape::P384,
            Algorithm::EdDsa => Shape::Ed25519,
        };
        self.shape == shape && self.only.is_none_or(|only| only == algorithm)
    }

    /// Returns whether the key signed `message` with an algorithm that it supports.
    pub(crate) fn has_signed(&self, algorithm: Algorithm, message: &str, signature: &str) -> bool {
        let decoded = URL_SAFE_NO_PAD.decode(signature);
        self.fits(algorithm)
            && decoded.is_ok_and(|signature| {
                self.public.has_signed(algorithm, message.as_bytes(), &signature)
            })
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?}, {:?})", self.id, self.shape)
    }
}

impl Published {
    fn material(&self) -> Option<(Shape, PublicKey)> {
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => {
                let (modulus, exponent) = (number(self.n.as_ref())?, number(self.e.as_ref())?);
                let odd = exponent.last().is_some_and(|last| last % 2 == 1);
                let usable = RSA_BYTES.contains(&modulus.len())
                    && exponent.len() <= RSA_EXPONENT_BYTES_MAX
                    && odd
                    && exponent != [1];
                usable.then_some((Shape::Rsa, PublicKey::Rsa { modulus, exponent }))
            }
            ("EC", Some("P-256")) => Some((Shape::P256, self.point(32)?)),
            ("EC", Some("P-384")) => Some((Shape::P384, self.point(48)?)),
            ("OKP", Some("Ed25519")) => {
                let point = bytes(self.x.as_ref()).filter(|point| point.len() == 32)?;
                Some((Shape::Ed25519, PublicKey::Point(point)))
            }
            _ => None,
        }
    }

    /// Returns the public key on a curve whose coordinates have `length` bytes.
    fn point(&self, length: usize) -> Option<PublicKey> {
        let (x, y) = (bytes(self.x.as_ref())?, bytes(self.y.as_ref())?);
        if x.len() != length || y.len() != length {
            return None;
        }
        // The uncompressed form of a point: the byte 4 followed by both coordinates.
        Some(PublicKey::Point([&[4], x.as_slice(), y.as_slice()].concat()))
    }
}

fn bytes(text: Option<&String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text?.trim_end_matches('=')).ok()
}

/// Parses a number of any length, without leading zeros.
fn number(text: Option<&String>) -> Option<Vec<u8>> {
    let bytes = bytes(text)?;
    let start = bytes.iter().position(|byte| *byte != 0)?;
    bytes.get(start..).map(<[u8]>::to_vec)
}
