//! What a person permits: links, codes, and codes that are entered elsewhere.

use std::time::Duration;

use ledger_domain::connection::AuthMethod;
use serde_json::{Value, json};

use super::*;
use crate::{Authorization, Code, DeviceCode, Link, Refusal, challenge, read_device_answer};

const LINK: Link<'_> =
    Link { redirect_uri: "https://l.example/oauth/callback", state: "s.1", challenge: "c" };

fn config(more: &Value) -> Value {
    let mut all = json!({
        "authorization_url": "https://as.example/authorize", "client_id": "me",
        "token_url": "https://as.example/token", "scopes": ["a", "b"],
        "device_authorization_url": "https://as.example/device",
    });
    all.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
    all
}

fn read(
    config: &Value,
    secrets: &[(&'static str, &'static str)],
) -> Result<Authorization, Unusable> {
    let one = connection(AuthMethod::RefreshToken, config, secrets);
    Authorization::of(&one.details, one.secrets.keys().copied())
}

fn authorization(more: &Value) -> Authorization {
    read(&config(more), &[]).expect("settings")
}

fn query(link: &str) -> BTreeMap<String, String> {
    let query = link.split_once('?').expect("a query").1;
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

#[test]
fn the_challenge_is_that_of_the_standard() {
    // RFC 7636, appendix B.
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    assert_eq!(challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

#[test]
fn a_link_says_who_asks_for_what_and_no_setting_changes_where_it_leads() {
    let link = authorization(&json!({})).link(LINK).expect("a link");
    assert!(link.starts_with("https://as.example/authorize?response_type=code&"), "{link}");
    let said = [
        ("response_type", "code"),
        ("client_id", "me"),
        ("redirect_uri", LINK.redirect_uri),
        ("scope", "a b"),
        ("state", "s.1"),
        ("code_challenge", "c"),
        ("code_challenge_method", "S256"),
    ];
    assert_eq!(query(&link), pairs(&said));
    let more = json!({
        "authorization_url": "https://as.example/authorize?tenant=t",
        "authorization_params": {
            "access_type": "offline", "scope": "x,y", "state": "mine",
            "redirect_uri": "https://evil.example", "code_challenge_method": "plain",
        },
    });
    let link = authorization(&more).link(LINK).expect("a link");
    assert!(link.starts_with("https://as.example/authorize?tenant=t&response_type=code"), "{link}");
    let said = query(&link);
    for (name, value) in [
        ("access_type", "offline"),
        ("scope", "x,y"),
        ("state", "s.1"),
        ("redirect_uri", LINK.redirect_uri),
        ("code_challenge_method", "S256"),
        ("tenant", "t"),
    ] {
        assert_eq!(said[name], value, "{link}");
    }
}

#[test]
fn what_is_missing_or_malformed_is_said_without_a_value() {
    for (more, said) in [
        (json!({"authorization_url": null}), "the setting authorization_url is missing"),
        (json!({"authorization_url": "javascript:alert(1)"}), "authorization_url must be an https"),
        (json!({"authorization_url": "https://a.example/#x"}), "without a fragment"),
        (json!({"authorization_params": {"x": "y".repeat(9_000)}}), "at most 8 KiB"),
        (json!({"client_id": null}), "the setting client_id is missing"),
        (json!({"token_url": "https://a.example/\u{7}"}), "token_url must be"),
        (json!({"issuer": 1}), "issuer must be text"),
    ] {
        let refused = read(&config(&more), &[]).and_then(|one| one.link(LINK));
        let refused = refused.expect_err(said).to_string();
        assert!(refused.contains(said) && !refused.contains("a.example"), "{refused}");
    }
    let one = connection(AuthMethod::ApiKey, &config(&json!({})), &[]);
    let refused = Authorization::of(&one.details, [].into_iter()).expect_err("another method");
    assert_eq!(
        refused.to_string(),
        "connections whose auth_method is api_key are not connected by a person"
    );
}

#[test]
fn a_code_is_exchanged_as_it_came_and_with_the_secret_of_the_client_if_it_has_one() {
    let code = Code { code: "k", redirect_uri: LINK.redirect_uri, verifier: "v" };
    let more = json!({"extra_params": {"code": "other", "audience": "api"}});
    let request = authorization(&more).exchange(code, &|_| None).expect("a request");
    assert_eq!(request.url.as_str(), "https://as.example/token");
    let sent = [
        ("grant_type", "authorization_code"),
        ("client_id", "me"),
        ("code", "k"),
        ("redirect_uri", LINK.redirect_uri),
        ("code_verifier", "v"),
        ("audience", "api"),
    ];
    assert_eq!(form(&request), pairs(&sent));
    let secret = |name: &str| (name == "client_secret").then(|| "s".to_owned().into());
    let config = config(&json!({"basic_auth_in_header": true}));
    let with_secret = read(&config, &[("client_secret", "s")]).expect("settings");
    assert_eq!(with_secret.secrets().into_iter().collect::<Vec<_>>(), ["client_secret"]);
    let request = with_secret.exchange(code, &secret).expect("a request");
    assert_eq!(request.basic.expect("a header").1.as_str(), "s");
    assert_eq!(format!("{code:?}"), "Code(..)");
}

#[test]
fn an_answer_of_another_issuer_is_recognized_if_the_settings_have_one() {
    let none = authorization(&json!({}));
    assert!(none.is_from_issuer(None) && none.is_from_issuer(Some("https://any.example")));
    let one = authorization(&json!({"issuer": "https://as.example"}));
    assert!(one.is_from_issuer(Some("https://as.example")));
    for other in [None, Some(""), Some("https://as.example/"), Some("https://other.example")] {
        assert!(!one.is_from_issuer(other), "{other:?}");
    }
}

#[test]
fn a_device_asks_for_a_code_and_then_for_tokens() {
    let one = authorization(&json!({}));
    let request = one.device(&|_| None).expect("a request");
    assert_eq!(request.url.as_str(), "https://as.example/device");
    assert_eq!(form(&request), pairs(&[("client_id", "me"), ("scope", "a b")]));
    let request = one.poll("d", &|_| None).expect("a request");
    assert_eq!(request.url.as_str(), "https://as.example/token");
    let sent = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", "me"),
        ("device_code", "d"),
    ];
    assert_eq!(form(&request), pairs(&sent));
}

fn device(body: &Value) -> Result<DeviceCode, Refusal> {
    read_device_answer(200, None, body.to_string().as_bytes(), NOW)
}

#[test]
fn a_device_code_lasts_and_is_asked_about_as_the_service_says_within_limits() {
    let mut body = json!({
        "device_code": "d", "user_code": "ABCD-EFGH", "verification_uri": "https://as.example/d",
    });
    let read = device(&body).expect("a code");
    assert_eq!((read.expires_at - NOW, read.interval), (600, Duration::from_secs(5)));
    assert_eq!(read.verification_uri_complete, None);
    for (name, value) in [("expires_in", json!(99_999)), ("interval", json!("0"))] {
        body[name] = value;
    }
    body["verification_uri_complete"] = json!("https://as.example/d?code=ABCD-EFGH");
    let read = device(&body).expect("a code");
    assert_eq!((read.expires_at - NOW, read.interval), (1_800, Duration::from_secs(1)));
    assert!(read.verification_uri_complete.is_some());
    assert_eq!(format!("{read:?}"), format!("DeviceCode(until {})", NOW + 1_800));
    body["verification_uri_complete"] = json!("javascript:x");
    assert_eq!(device(&body).expect("a code").verification_uri_complete, None);
    for (name, value) in [
        ("device_code", json!("")),
        ("user_code", json!("\u{1b}[2J")),
        ("user_code", json!("A".repeat(65))),
        ("verification_uri", json!("https://as.example/\u{1b}")),
        ("verification_uri", json!("data:text/html,x")),
    ] {
        let mut bad = body.clone();
        bad[name] = value;
        let refused = device(&bad).expect_err(name);
        assert!(refused.what.ends_with("without a usable device_code"), "{refused:?}");
    }
}

#[test]
fn what_passes_while_a_person_is_awaited_has_its_code() {
    for (code, gives_up) in [
        ("authorization_pending", false),
        ("slow_down", false),
        ("expired_token", true),
        ("access_denied", true),
    ] {
        let body = json!({ "error": code }).to_string();
        let refused = crate::read_answer("access_token", 400, None, body.as_bytes(), NOW);
        let refused = refused.token.expect_err(code);
        assert_eq!((refused.code, refused.gives_up), (Some(code), gives_up));
    }
}
