//! Signed assertions, verified as a token service would.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{self as sig, KeyPair as _, UnparsedPublicKey, VerificationAlgorithm};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;

use super::*;

const RSA: &str = include_str!("keys/rsa.pem");
const RSA_PKCS1: &str = include_str!("keys/rsa-pkcs1.pem");
const P256: &str = include_str!("keys/p256.pem");
const P384: &str = include_str!("keys/p384.pem");

/// Returns the three parts of a token, the first two as JSON, with what was signed.
fn parts(token: &str) -> (Value, Value, Vec<u8>, String) {
    let (message, signature) = token.rsplit_once('.').expect("three parts");
    let (header, claims) = message.split_once('.').expect("three parts");
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).expect("base64");
    let json = |part: &str| serde_json::from_slice(&decoded(part)).expect("JSON");
    (json(header), json(claims), decoded(signature), message.to_owned())
}

fn signed(algorithm: &str, key: &'static str) -> Result<String, Unusable> {
    let config = asserting(&json!({ "algorithm": algorithm, "key_id": "k-1" }));
    let one = connection(AuthMethod::PrivateKeyJwt, &config, &[("secret_key", key)]);
    one.step()?;
    Ok(one.signed().token.to_string())
}

fn rsa_public() -> Vec<u8> {
    let der = PrivatePkcs8KeyDer::from_pem_slice(RSA.as_bytes()).expect("a key");
    let pair = sig::RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).expect("a key");
    pair.public_key().as_ref().to_vec()
}

fn ec_public(pem: &str, algorithm: &'static sig::EcdsaSigningAlgorithm) -> Vec<u8> {
    let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).expect("a key");
    let random = ring::rand::SystemRandom::new();
    let pair = sig::EcdsaKeyPair::from_pkcs8(algorithm, der.secret_pkcs8_der(), &random);
    pair.expect("a key").public_key().as_ref().to_vec()
}

#[test]
fn each_algorithm_signs_what_its_public_key_verifies() {
    let (rsa, p256) = (rsa_public(), ec_public(P256, &sig::ECDSA_P256_SHA256_FIXED_SIGNING));
    let p384 = ec_public(P384, &sig::ECDSA_P384_SHA384_FIXED_SIGNING);
    let table: [(&str, &'static str, &Vec<u8>, &'static dyn VerificationAlgorithm); 8] = [
        ("RS256", RSA, &rsa, &sig::RSA_PKCS1_2048_8192_SHA256),
        ("RS384", RSA, &rsa, &sig::RSA_PKCS1_2048_8192_SHA384),
        ("RS512", RSA_PKCS1, &rsa, &sig::RSA_PKCS1_2048_8192_SHA512),
        ("PS256", RSA, &rsa, &sig::RSA_PSS_2048_8192_SHA256),
        ("PS384", RSA, &rsa, &sig::RSA_PSS_2048_8192_SHA384),
        ("PS512", RSA, &rsa, &sig::RSA_PSS_2048_8192_SHA512),
        ("ES256", P256, &p256, &sig::ECDSA_P256_SHA256_FIXED),
        ("ES384", P384, &p384, &sig::ECDSA_P384_SHA384_FIXED),
    ];
    for (algorithm, key, public, verifies) in table {
        let token = signed(algorithm, key).expect("a token");
        let (header, _, signature, message) = parts(&token);
        assert_eq!(header, json!({"alg": algorithm, "typ": "JWT", "kid": "k-1"}));
        let public = UnparsedPublicKey::new(verifies, public);
        public.verify(message.as_bytes(), &signature).expect("the signature fits");
        public.verify(b"something else", &signature).expect_err("it is of this message");
    }
    for (algorithm, verifies) in [
        ("HS256", ring::hmac::HMAC_SHA256),
        ("HS384", ring::hmac::HMAC_SHA384),
        ("HS512", ring::hmac::HMAC_SHA512),
    ] {
        let (_, _, signature, message) = parts(&signed(algorithm, "shared").expect("a token"));
        let key = ring::hmac::Key::new(verifies, b"shared");
        ring::hmac::verify(&key, message.as_bytes(), &signature).expect("the signature fits");
    }
}

#[test]
fn an_assertion_begins_a_little_in_the_past_and_expires_as_said() {
    for (seconds, past) in [(json!(60), 15), (json!(3_600), 60), (Value::Null, 60)] {
        let config = asserting(&json!({ "expiration_seconds": seconds }));
        let one = connection(AuthMethod::PrivateKeyJwt, &config, &[("secret_key", "k")]).signed();
        let (header, claims, ..) = parts(&one.token);
        assert_eq!(header, json!({"alg": "HS256", "typ": "JWT"}));
        let lasts = seconds.as_i64().unwrap_or(3_600);
        assert_eq!(one.expires_at, NOW - past + lasts, "no longer than it is permitted");
        let expected = json!({
            "iss": "me", "sub": "someone", "aud": "https://as.example", "jti": "unique-1",
            "iat": NOW - past, "nbf": NOW - past, "exp": NOW - past + lasts,
        });
        assert_eq!(claims, expected);
    }
}

#[test]
fn extra_claims_and_headers_may_be_secrets_and_leave_the_algorithm_alone() {
    let more = json!({
        "extra_params": {"scope": "a b", "aud": ["x", "y"]},
        "extra_headers": {"alg": "none", "x5t": "abc"},
    });
    let secrets = [("secret_key", "k"), ("extra_params.pin", "p")];
    let one = connection(AuthMethod::PrivateKeyJwt, &asserting(&more), &secrets).signed();
    let (header, claims, ..) = parts(&one.token);
    assert_eq!(header, json!({"alg": "HS256", "typ": "JWT", "x5t": "abc"}));
    assert_eq!((&claims["scope"], &claims["pin"]), (&json!("a b"), &json!("p")));
    assert_eq!(claims["aud"], json!(["x", "y"]));
}

#[test]
fn a_key_that_does_not_fit_is_refused_without_a_part_of_it() {
    for (algorithm, key) in [
        ("RS256", "canary"),
        ("RS256", P256),
        ("ES256", RSA),
        ("ES256", P384),
        ("ES384", "-----BEGIN EC PRIVATE KEY-----\ncanary\n-----END EC PRIVATE KEY-----"),
    ] {
        let refused = signed(algorithm, key).expect_err("the key does not fit").to_string();
        assert!(refused.contains(algorithm) && !refused.contains("canary"), "{refused}");
        assert!(!key.lines().any(|line| line.len() > 20 && refused.contains(line)), "{refused}");
    }
    for (name, value) in [("algorithm", json!("none")), ("expiration_seconds", json!(59))] {
        let config = asserting(&json!({ name: value }));
        let one = connection(AuthMethod::PrivateKeyJwt, &config, &[("secret_key", "k")]);
        assert!(one.step().expect_err("no plan").to_string().contains(name));
    }
}

#[test]
fn a_key_may_have_its_line_ends_as_json_files_have_them() {
    let escaped: &'static str = Box::leak(RSA.replace('\n', "\\n").into_boxed_str());
    assert_eq!(signed("RS256", escaped).map(|_| ()), Ok(()));
}
