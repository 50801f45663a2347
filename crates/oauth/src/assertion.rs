//! Signed assertions: JSON Web Tokens (RFC 7519), signed with `ring`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256,
    RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{PrivatePkcs1KeyDer, PrivatePkcs8KeyDer};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::plan::{Moment, Unusable};
use crate::settings::{Secrets, texts_of};

/// How far in the past assertions begin at most, in seconds, so that a service whose clock is
/// behind accepts them.
const SKEW_SECONDS: i64 = 60;
/// Of the lifetime of an assertion, its beginning in the past takes this part at most.
const SKEW_PART: i64 = 4;

/// What an assertion says, and how it is signed.
#[derive(Clone, Debug)]
pub(crate) struct Assertion {
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: Option<String>,
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) subject: Option<String>,
    /// From when it begins until it expires.
    pub(crate) seconds: i64,
    pub(crate) headers: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
}

/// A signature algorithm (RFC 7518).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Hs256,
    Hs384,
    Hs512,
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
}

impl Algorithm {
    const ALL: [Self; 11] = [
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }

    fn sign(self, key: &str, message: &[u8]) -> Result<Vec<u8>, Unusable> {
        let signed = match self {
            Self::Hs256 => Ok(mac(ring::hmac::HMAC_SHA256, key, message)),
            Self::Hs384 => Ok(mac(ring::hmac::HMAC_SHA384, key, message)),
            Self::Hs512 => Ok(mac(ring::hmac::HMAC_SHA512, key, message)),
            Self::Rs256 => rsa(&RSA_PKCS1_SHA256, key, message),
            Self::Rs384 => rsa(&RSA_PKCS1_SHA384, key, message),
            Self::Rs512 => rsa(&RSA_PKCS1_SHA512, key, message),
            Self::Ps256 => rsa(&RSA_PSS_SHA256, key, message),
            Self::Ps384 => rsa(&RSA_PSS_SHA384, key, message),
            Self::Ps512 => rsa(&RSA_PSS_SHA512, key, message),
            Self::Es256 => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, key, message),
            Self::Es384 => ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING, key, message),
        };
        signed.map_err(|problem| Unusable::Key { algorithm: self.as_str(), problem })
    }
}

impl Assertion {
    /// Signs it. `members` are those of the extra headers and of the extra claims that are secrets.
    /// Returns it with when it expires.
    pub(crate) fn sign(
        &self,
        key: &str,
        members: [Vec<String>; 2],
        secrets: Secrets<'_>,
        moment: Moment<'_>,
    ) -> Result<(Zeroizing<String>, i64), Unusable> {
        let [header_members, claim_members] = members;
        let begins = moment.now - SKEW_SECONDS.min(self.seconds / SKEW_PART);
        let expires = begins + self.seconds;
        let mut header = object(json!({ "typ": "JWT" }));
        merge(&mut header, "extra_headers", &self.headers, &header_members, secrets);
        header.insert("alg".to_owned(), self.algorithm.as_str().into());
        if let Some(key_id) = &self.key_id {
            header.insert("kid".to_owned(), key_id.as_str().into());
        }
        let mut claims = object(json!({
            "iss": self.issuer, "aud": self.audience,
            "iat": begins, "nbf": begins, "exp": expires, "jti": moment.unique,
        }));
        if let Some(subject) = &self.subject {
            claims.insert("sub".to_owned(), subject.as_str().into());
        }
        merge(&mut claims, "extra_params", &self.claims, &claim_members, secrets);
        let encoded = |part: Map<String, Value>| {
            let text = Zeroizing::new(Value::Object(part).to_string());
            URL_SAFE_NO_PAD.encode(text.as_bytes())
        };
        let message = Zeroizing::new(format!("{}.{}", encoded(header), encoded(claims)));
        let signature = self.algorithm.sign(key, message.as_bytes())?;
        let token = format!("{}.{}", *message, URL_SAFE_NO_PAD.encode(signature));
        Ok((Zeroizing::new(token), expires))
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Adds extra members, which take the place of those of the same name.
fn merge(
    to: &mut Map<String, Value>,
    name: &str,
    extra: &Map<String, Value>,
    members: &[String],
    secrets: Secrets<'_>,
) {
    to.extend(extra.iter().map(|(key, value)| (key.clone(), value.clone())));
    let secret = texts_of(name, &Map::new(), members, secrets);
    to.extend(secret.into_iter().map(|(key, value)| (key, value.as_str().into())));
}

fn mac(algorithm: ring::hmac::Algorithm, key: &str, message: &[u8]) -> Vec<u8> {
    let key = ring::hmac::Key::new(algorithm, key.as_bytes());
    ring::hmac::sign(&key, message).as_ref().to_vec()
}

fn rsa(
    padding: &'static dyn RsaEncoding,
    key: &str,
    message: &[u8],
) -> Result<Vec<u8>, &'static str> {
    let pem = unescaped(key);
    let pair = if let Ok(der) = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()) {
        RsaKeyPair::from_pkcs8(der.secret_pkcs8_der())
    } else {
        let der = PrivatePkcs1KeyDer::from_pem_slice(pem.as_bytes());
        let der = der.map_err(|_| "it is no RSA private key in the PEM form")?;
        RsaKeyPair::from_der(der.secret_pkcs1_der())
    };
    let pair = pair.map_err(|_| "it is no RSA key of 2048 to 4096 bits")?;
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(padding, &SystemRandom::new(), message, &mut signature)
        .map_err(|_| "it cannot be signed with")?;
    Ok(signature)
}

fn ecdsa(
    algorithm: &'static EcdsaSigningAlgorithm,
    key: &str,
    message: &[u8],
) -> Result<Vec<u8>, &'static str> {
    let pem = unescaped(key);
    let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(
        |_| "it is no private key in the form PKCS #8, into which `openssl pkcs8 -topk8` brings it",
    )?;
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, der.secret_pkcs8_der(), &random);
    let pair = pair.map_err(|_| "it is no key of the curve of this algorithm")?;
    let signature = pair.sign(&random, message).map_err(|_| "it cannot be signed with")?;
    Ok(signature.as_ref().to_vec())
}

/// Returns a key whose line ends were written as `\n`, as they are in JSON files, with line ends.
fn unescaped(key: &str) -> Zeroizing<String> {
    Zeroizing::new(if key.contains('\n') { key.to_owned() } else { key.replace("\\n", "\n") })
}
