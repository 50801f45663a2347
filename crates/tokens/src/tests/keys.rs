//! Tests of changing, missing and withdrawn keys.

use std::time::Duration;

use ledger_contract::errors::Code;
use serde_json::{Value, json};

use super::mint::{Signer, text};
use super::*;
use crate::keys::KEYS_MAX;

const MINUTE: Duration = Duration::from_mins(1);

#[test]
fn without_keys_tokens_are_unavailable() {
    let key = Signer::ed25519("1");
    let place = Place::empty();
    let token = key.token(&claims());
    assert_eq!(place.show(&token).expect_err("no keys"), Code::TokensUnavailable);
    place.refuses("garbage");
    place.held.begins();
    place.held.failed();
    assert_eq!(place.show(&token).expect_err("no keys"), Code::TokensUnavailable);
    place.publish(&[&key]);
    assert!(place.show(&token).is_ok());
}

#[test]
fn the_last_keys_are_valid_for_a_day() {
    let key = Signer::ed25519("1");
    let place = Place::with(&[&key]);
    let token = key.token(&claims_with(&json!({"exp": NOW + 1_000_000})));
    assert!(place.show(&token).is_ok());
    place.held.begins();
    let day = Duration::from_hours(24);
    assert_eq!(place.held.failed(), Some(day));
    place.wait(day);
    assert!(place.show(&token).is_ok());
    place.wait(Duration::from_secs(1));
    assert_eq!(place.show(&token).expect_err("too old"), Code::TokensUnavailable);
    place.publish(&[&key]);
    assert!(place.show(&token).is_ok());
}

#[test]
fn an_unknown_key_is_refused_only_directly_after_a_fetch() {
    let (old, new) = (Signer::ed25519("old"), Signer::ed25519("new"));
    let place = Place::with(&[&old]);
    let token = new.token(&claims());
    place.refuses(&token);
    place.wait(MINUTE);
    assert_eq!(place.show(&token).expect_err("not fetched"), Code::TokensUnavailable);
    place.held.begins();
    assert_eq!(place.show(&token).expect_err("under way"), Code::TokensUnavailable);
    place.held.failed();
    assert_eq!(place.show(&token).expect_err("failed"), Code::TokensUnavailable);
    place.publish(&[&old, &new]);
    assert!(place.show(&token).is_ok());
}

#[test]
fn withdrawing_a_key_invalidates_cached_tokens() {
    let (old, new) = (Signer::ed25519("old"), Signer::ed25519("new"));
    let place = Place::with(&[&old, &new]);
    let token = old.token(&claims());
    assert!(place.show(&token).is_ok());
    place.publish(&[&new]);
    place.refuses(&token);
    assert!(place.show(&new.token(&claims())).is_ok());
}

#[test]
fn an_empty_set_withdraws_all_keys() {
    let key = Signer::ed25519("1");
    let place = Place::with(&[&key]);
    let token = key.token(&claims());
    assert!(place.show(&token).is_ok());
    place.publish(&[]);
    place.refuses(&token);
    place.wait(MINUTE);
    assert_eq!(place.show(&token).expect_err("a new key may be there"), Code::TokensUnavailable);
    place.publish(&[&key]);
    assert!(place.show(&token).is_ok());
}

#[test]
fn keys_for_other_purposes_are_ignored() {
    let key = Signer::p256("1");
    let count = |keys: &[Value]| KeySet::read(set(keys).as_bytes()).map(|set| set.len()).ok();
    let good = key.published();
    assert_eq!(count(std::slice::from_ref(&good)), Some(1));
    assert_eq!(
        count(&[key.published_with(&json!({"use": "sig", "key_ops": ["verify"]}))]),
        Some(1)
    );
    for other in [
        json!({"use": "enc"}),
        json!({"key_ops": ["encrypt"]}),
        json!({"alg": "RSA-OAEP"}),
        json!({"alg": "HS256"}),
        json!({"alg": "ES384"}),
        json!({"kty": "oct", "k": "AAAA"}),
        json!({"kty": "RSA"}),
        json!({"kty": 7}),
        json!({"crv": "P-384"}),
        json!({"crv": "secp256k1"}),
        json!({"x": "AAAA"}),
        json!({"y": null}),
    ] {
        assert_eq!(count(&[good.clone(), key.published_with(&other)]), Some(1), "{other}");
        assert_eq!(count(&[key.published_with(&other)]), Some(0), "{other}");
    }
    let rsa = Signer::rsa("2");
    assert_eq!(count(&[rsa.published()]), Some(1));
    let short = json!({"n": text(&[0xff; 128])});
    assert_eq!(count(&[rsa.published_with(&short)]), Some(0), "too short");
    for exponent in ["AQ", "AAE", "Ag", "", "AQABAAABAQ"] {
        assert_eq!(count(&[rsa.published_with(&json!({"e": exponent}))]), Some(0), "{exponent}");
    }
    assert_eq!(count(&vec![good.clone(); KEYS_MAX]), Some(KEYS_MAX));
    assert_eq!(count(&vec![good; KEYS_MAX + 1]), None);
    for text in ["", "[]", "{}", r#"{"keys": {}}"#, r#"{"keys": [1, null, "a"]}"#] {
        assert!(KeySet::read(text.as_bytes()).is_err(), "{text}");
    }
}
