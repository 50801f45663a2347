//! Attacks with forged, altered and misused tokens.

use std::time::Duration;

use ledger_contract::errors::Code;
use ledger_domain::principal::Scope;
use ring::hmac;
use serde_json::{Value, json};

use super::mint::{Signer, message, text};
use super::*;
use crate::parts::TOKEN_BYTES_MAX;

#[test]
fn a_good_token_of_any_key_names_its_bearer_and_rights() {
    let keys = [Signer::ed25519("1"), Signer::p256("2"), Signer::p384("3"), Signer::rsa("4")];
    let place = Place::with(&keys.each_ref());
    let check = |token: &str| {
        let caller = place.show(token).expect("good");
        assert_eq!(caller.actor().as_str(), "oidc:anna");
        assert_eq!(caller.grants().len(), 1);
        assert!(caller.grants()[0].scopes.iter().eq([&Scope::Read]));
    };
    for key in &keys {
        let token = key.token(&claims());
        check(&token);
        check(&token);
    }
    for algorithm in ["RS384", "RS512", "PS256", "PS384", "PS512"] {
        let header = json!({"alg": algorithm, "kid": "4", "typ": "at+jwt"});
        check(&keys[3].sign_as(Algorithm::known(algorithm).unwrap(), &header, &claims()));
    }
}

#[test]
fn a_token_without_rights_is_accepted_and_has_none() {
    let key = Signer::ed25519("1");
    let place = Place::with(&[&key]);
    let caller = place.show(&key.token(&claims_with(&json!({"scope": "openid"})))).expect("good");
    assert!(caller.grants().is_empty());
}

#[test]
fn no_signature_is_refused_whatever_the_header_calls_it() {
    let key = Signer::ed25519("1");
    let place = Place::with(&[&key]);
    let signed = key.token(&claims());
    let signature = signed.rsplit('.').next().unwrap();
    for name in ["none", "None", "NONE", "nOnE", ""] {
        let message = message(&json!({"alg": name, "kid": "1"}), &claims());
        place.refuses(&format!("{message}."));
        place.refuses(&format!("{message}.{signature}"));
        place.refuses(&message);
    }
    let message = message(&json!({"kid": "1"}), &claims());
    place.refuses(&format!("{message}.{signature}"));
    let (signed, _) = signed.rsplit_once('.').unwrap();
    place.refuses(&format!("{signed}."));
    place.refuses(signed);
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let key = Signer::rsa("1");
    let place = Place::with(&[&key]);
    let published = key.published();
    let modulus = published["n"].as_str().unwrap();
    let set = set(std::slice::from_ref(&published));
    let algorithms =
        [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)];
    for (name, algorithm) in algorithms {
        let message = message(&json!({"alg": name, "kid": "1"}), &claims());
        for secret in [modulus, published.to_string().as_str(), set.as_str(), ""] {
            let secret = hmac::Key::new(algorithm, secret.as_bytes());
            let signature = hmac::sign(&secret, message.as_bytes());
            place.refuses(&format!("{message}.{}", text(signature.as_ref())));
        }
    }
}

#[test]
fn a_published_shared_secret_is_not_used() {
    let key = Signer::ed25519("1");
    let place = Place::empty();
    place.held.begins();
    let secret = json!({"kty": "oct", "kid": "2", "k": text(b"secret"), "alg": "HS256"});
    let keys = set(&[key.published(), secret]);
    place.held.found(KeySet::read(keys.as_bytes()).unwrap());
    let message = message(&json!({"alg": "HS256", "kid": "2"}), &claims());
    let secret = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
    let signature = hmac::sign(&secret, message.as_bytes());
    place.refuses(&format!("{message}.{}", text(signature.as_ref())));
}

#[test]
fn an_algorithm_must_fit_the_key_and_the_configuration() {
    let (rsa, curve) = (Signer::rsa("rsa"), Signer::p256("curve"));
    let place = Place::with(&[&rsa, &curve]);
    for (key, algorithm) in [(&rsa, "ES256"), (&rsa, "EdDSA"), (&curve, "RS256"), (&curve, "ES384")]
    {
        place.refuses(&key.sign(&json!({"alg": algorithm, "kid": key.id}), &claims()));
    }
    let other = |key: &Signer, id: &str| {
        key.sign(&json!({"alg": key.algorithm.as_str(), "kid": id}), &claims())
    };
    place.refuses(&other(&rsa, "curve"));
    place.refuses(&other(&curve, "rsa"));

    let place = Place::accepting(&[Algorithm::Rs256]);
    place.publish(&[&rsa, &curve]);
    assert!(place.show(&rsa.token(&claims())).is_ok());
    place.refuses(&curve.token(&claims()));
    let pss = json!({"alg": "PS256", "kid": "rsa", "typ": "at+jwt"});
    place.refuses(&rsa.sign_as(Algorithm::Ps256, &pss, &claims()));
}

#[test]
fn a_key_for_one_algorithm_is_used_for_no_other() {
    let key = Signer::rsa("1");
    let place = Place::empty();
    place.held.begins();
    let keys = set(&[key.published_with(&json!({"alg": "RS384"}))]);
    place.held.found(KeySet::read(keys.as_bytes()).unwrap());
    place.refuses(&key.token(&claims()));
    let header = json!({"alg": "RS384", "kid": "1", "typ": "at+jwt"});
    assert!(place.show(&key.sign_as(Algorithm::Rs384, &header, &claims())).is_ok());
}

#[test]
fn only_a_single_key_may_lack_an_id() {
    let (one, other) = (Signer::ed25519("1"), Signer::ed25519("2"));
    let unnamed = one.sign(&json!({"alg": "EdDSA", "typ": "at+jwt"}), &claims());
    assert!(Place::with(&[&one]).show(&unnamed).is_ok());
    Place::with(&[&one, &other]).refuses(&unnamed);
    Place::with(&[&other]).refuses(&unnamed);
    for bad in [json!(1), json!(["1"]), json!(null), json!("1".repeat(10_000))] {
        Place::with(&[&one]).refuses(&one.sign(&json!({"alg": "EdDSA", "kid": bad}), &claims()));
    }
}

#[test]
fn keys_that_a_token_brings_along_mean_nothing() {
    let (key, own) = (Signer::ed25519("1"), Signer::ed25519("1"));
    let place = Place::with(&[&key]);
    let brought = json!({
        "alg": "EdDSA",
        "typ": "at+jwt",
        "kid": "1",
        "jwk": own.published(),
        "jku": "http://127.0.0.1:1/keys",
        "x5u": "http://127.0.0.1:1/chain",
        "x5c": ["AAAA"],
    });
    place.refuses(&own.sign(&brought, &claims()));
    assert!(place.show(&key.sign(&brought, &claims())).is_ok(), "not looked at");
    let url = json!({"alg": "EdDSA", "kid": "http://127.0.0.1:1/keys"});
    place.refuses(&own.sign(&url, &claims()));
}

#[test]
fn critical_extensions_and_other_types_of_tokens_are_refused() {
    let key = Signer::ed25519("1");
    let place = Place::with(&[&key]);
    let with = |name: &str, value: Value| {
        let mut header = key.header();
        header[name] = value;
        key.sign(&header, &claims())
    };
    for crit in [json!(["exp"]), json!(["b64"]), json!([]), json!(null)] {
        place.refuses(&with("crit", crit));
    }
    for typ in ["logout+jwt", "secevent+jwt", "dpop+jwt", "jwe", ""] {
        place.refuses(&with("typ", json!(typ)));
    }
    for typ in ["at+JWT", "application/at+jwt"] {
        assert!(place.show(&with("typ", json!(typ))).is_ok(), "{typ}");
    }
}

#[test]
fn a_token_that_is_not_marked_as_an_access_token_is_refused() {
    let key = Signer::ed25519("1");
    let (plain, untyped) =
        (json!({"alg": "EdDSA", "kid": "1", "typ": "JWT"}), json!({"alg": "EdDSA", "kid": "1"}));
    let id_token = claims_with(&json!({"typ": "ID", "nonce": "n"}));
    let access_token = claims_with(&json!({"typ": "Bearer"}));
    let place = Place::with(&[&key]);
    for header in [&plain, &untyped] {
        place.refuses(&key.sign(header, &id_token));
        place.refuses(&key.sign(header, &access_token));
    }
    let place = Place::marked("typ=Bearer");
    place.publish(&[&key]);
    for header in [&plain, &untyped] {
        place.refuses(&key.sign(header, &id_token));
        assert!(place.show(&key.sign(header, &access_token)).is_ok(), "{header}");
    }
    assert!(place.show(&key.token(&claims())).is_ok(), "its header says it");
}

#[test]
fn claims_must_be_for_here_and_now() {
    let key = Signer::ed25519("1");
    let place = Place::with(&[&key]);
    for wrong in [
        json!({"iss": "https://login.example.com/"}),
        json!({"iss": "https://evil.example.com"}),
        json!({"iss": null}),
        json!({"aud": "other"}),
        json!({"aud": []}),
        json!({"aud": "ledger2"}),
        json!({"nbf": NOW + 61}),
        json!({"exp": null}),
        json!({"sub": null}),
        json!({"sub": "two\nlines"}),
    ] {
        place.refuses(&key.token(&claims_with(&wrong)));
    }
    let over = json!({"exp": NOW - 60});
    let expired = key.token(&claims_with(&over));
    assert_eq!(place.show(&expired).expect_err("over"), Code::CredentialExpired);
    assert!(place.show(&key.token(&claims_with(&json!({"exp": NOW - 59})))).is_ok(), "leeway");
    let forged = Signer::ed25519("1").token(&claims_with(&over));
    place.refuses(&forged);
}

#[test]
fn a_cached_token_expires() {
    let key = Signer::ed25519("1");
    let place = Place::with(&[&key]);
    let token = key.token(&claims());
    assert!(place.show(&token).is_ok());
    place.wait(Duration::from_secs(659));
    assert!(place.show(&token).is_ok());
    place.wait(Duration::from_secs(1));
    assert_eq!(place.show(&token).expect_err("over"), Code::CredentialExpired);
}

#[test]
fn an_altered_token_is_refused_even_if_the_original_is_cached() {
    let key = Signer::ed25519("1");
    let place = Place::with(&[&key]);
    let token = key.token(&claims());
    assert!(place.show(&token).is_ok());
    let parts: Vec<_> = token.split('.').collect();
    let [header, body, signature] = parts[..] else { panic!("three parts") };
    let more = text(claims_with(&json!({"scope": "admin"})).to_string().as_bytes());
    place.refuses(&format!("{header}.{more}.{signature}"));
    let other = text(json!({"alg": "EdDSA", "kid": "1", "a": 1}).to_string().as_bytes());
    place.refuses(&format!("{other}.{body}.{signature}"));
    place.refuses(&format!("{header}.{body}.{}", &signature[1..]));
    place.refuses(&format!("{header}.{body}.{signature}AA"));
    place.refuses(&format!("{header}.{body}.{signature}="));
    place.refuses(&format!("{header}.{body}.{signature}.{signature}"));
}

#[test]
fn garbage_is_refused() {
    let key = Signer::ed25519("1");
    let place = Place::with(&[&key]);
    let part = |json: &str| text(json.as_bytes());
    let header = part(&key.header().to_string());
    for garbage in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        "a.b.c".to_owned(),
        "é.é.é".to_owned(),
        "\u{0}.\u{0}.\u{0}".to_owned(),
        "ey J.a.b".to_owned(),
        format!("{}.{}.{}", part("[]"), part("{}"), part("x")),
        format!("{}.{}.{}", part("{"), part("{}"), part("x")),
        format!("{header}.{}.{}", part("[]"), part("x")),
        format!("{header}..{}", part("x")),
        "a".repeat(1_000),
    ] {
        place.refuses(&garbage);
    }
    let message = message(&key.header(), &json!("text"));
    assert!(message.len() < TOKEN_BYTES_MAX);
    place.refuses(&key.token(&json!(["no", "object"])));
}

#[test]
fn a_huge_token_is_refused_unread() {
    let key = Signer::ed25519("1");
    let place = Place::with(&[&key]);
    let filled = |length: usize| key.token(&claims_with(&json!({"filling": "x".repeat(length)})));
    assert!(place.show(&filled(TOKEN_BYTES_MAX / 2)).is_ok());
    place.refuses(&filled(TOKEN_BYTES_MAX));
    place.refuses(&"a.b.c".repeat(1_000_000));
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    place.refuses(&format!(
        "{}.{}.x",
        text(key.header().to_string().as_bytes()),
        text(deep.as_bytes())
    ));
}
