//! Signing in, sessions, and their ends.

use std::time::Duration;

use ledger_console::ConsoleOptions;
use ledger_http_server::Rates;
use serde_json::json;
use tokio::time::timeout;

use super::visitor::{Place, code};
use crate::matrix::cast::{govern, principal};
use crate::service::Service;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_becomes_a_session_that_ends_when_it_is_signed_out() {
    let place = Place::open().await;
    let mut visitor = place.visitor();
    let sent = visitor.get("/connections?text=a").await;
    assert_eq!(sent.status, 303);
    let form = sent.header("location").expect("a place").to_owned();
    assert_eq!(form, "/sign-in?to=%2Fconnections%3Ftext%3Da");
    let page = visitor.get(&form).await;
    assert!(page.text.contains("value=\"/connections?text=a\""), "{page:?}");
    let answer = visitor.sign_in(&format!("  {}\n", place.key), "/connections?text=a").await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/connections?text=a")));
    let cookie = answer.header("set-cookie").expect("a cookie");
    for part in ["; Path=/", "; HttpOnly", "; SameSite=Strict"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure") && !cookie.contains("Expires"), "{cookie}");
    let page = visitor.get("/").await;
    assert_eq!((page.status, page.header("cache-control")), (200, Some("no-store")));
    let policy = page.header("content-security-policy").expect("a policy");
    for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(part) && !policy.contains("unsafe"), "{policy}");
    }
    let out = visitor.submit_sign_out().await;
    assert_eq!((out.status, out.header("location")), (303, Some("/sign-in?why=out")));
    assert!(out.header("set-cookie").is_some_and(|cookie| cookie.contains("Max-Age=0")));
    assert_eq!(visitor.get("/").await.status, 303, "the cookie opens nothing any more");
    place.close().await;
}

impl super::visitor::Visitor {
    async fn submit_sign_out(&self) -> crate::http::door::Answer {
        let (token, _) = self.hidden("/new/openai").await;
        self.post("/sign-out", &[("form_token", &token)]).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_the_cookie_is_kept_from_any_other_transport() {
    let rates = Rates { per_key: 0, per_address: 0 };
    let place =
        Place::with(ConsoleOptions { secure: true, ..ConsoleOptions::default() }, rates).await;
    let answer = place.visitor().sign_in(&place.key, "//evil.example").await;
    assert_eq!(answer.header("location"), Some("/"), "to no other server");
    let cookie = answer.header("set-cookie").expect("a cookie");
    assert!(cookie.starts_with("__Host-") && cookie.contains("; Secure"), "{cookie}");
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_told_recorded_and_locked_out_in_the_end() {
    let place = Place::with(ConsoleOptions::default(), Rates::default()).await;
    let mut visitor = place.visitor();
    let wrong = visitor.sign_in("sk_test_k3x9a2bq71ce_wrong", "/").await;
    assert_eq!((wrong.status, code(&wrong)), (401, "credential_invalid"), "{wrong:?}");
    assert!(!wrong.text.contains("k3x9a2bq71ce"), "{wrong:?}");
    let none = visitor.sign_in("", "/").await;
    assert_eq!((none.status, code(&none)), (401, "credential_missing"));
    let mut last = wrong;
    for number in 0..200 {
        last = visitor.sign_in(&format!("sk_test_k3x9a2bq71ce_{number}"), "/").await;
        if last.status == 429 {
            break;
        }
    }
    assert_eq!((last.status, code(&last)), (429, "credential_lockout"), "{last:?}");
    assert!(visitor.cookie.is_empty());
    let entries = place.ledger.entries("_all", json!({}));
    for kind in ["credential_invalid", "credential_missing"] {
        let found = entries.iter().find(|entry| entry["kind"] == kind);
        let found = found.unwrap_or_else(|| panic!("{kind} is recorded: {entries:?}"));
        assert_eq!(found["address"], "127.0.0.1");
    }
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_ends_its_session_and_its_feed() {
    let place = Place::open().await;
    let engine = &place.ledger.engine;
    let issued = principal(engine, "ada", &json!([{ "role": "editor" }])).await;
    let visitor = place.signed_in(&issued.key).await;
    let feed = visitor.ask(reqwest::Method::GET, "/events").header("accept", "text/event-stream");
    let mut feed = feed.send().await.expect("a feed");
    assert_eq!(feed.status().as_u16(), 200);
    assert!(feed.chunk().await.expect("it goes on").is_some());
    place.ledger.create("main").await;
    let form = "/workspaces/default/connections/main/do/disable";
    let (token, id) = visitor.hidden(form).await;
    govern(engine, "revoke-key", &json!({ "principal": "ada", "key": issued.id })).await;
    let ended = async {
        while let Some(piece) = feed.chunk().await.expect("it is read") {
            drop(piece);
        }
    };
    timeout(Duration::from_secs(20), ended).await.expect("the feed ends");
    let refused = visitor.post(form, &[("form_token", &token), ("command_id", &id)]).await;
    assert_eq!((refused.status, code(&refused)), (401, "credential_revoked"), "{refused:?}");
    assert!(refused.text.contains("Sign in"), "{refused:?}");
    assert_eq!(visitor.get("/").await.status, 303, "the session is gone");
    let shown = place.signed_in(&place.key).await.get("/connections?enabled=false").await;
    assert!(shown.text.contains("0 connections"), "nothing was done");
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_taken_is_gone_at_the_next_request() {
    let place = Place::open().await;
    let engine = &place.ledger.engine;
    let issued = principal(engine, "ada", &json!([{ "role": "admin" }])).await;
    let visitor = place.signed_in(&issued.key).await;
    assert_eq!(visitor.get("/history").await.status, 200);
    let grants = json!({ "principal": "ada", "grants": [{ "role": "viewer" }] });
    govern(engine, "update-principal", &grants).await;
    let refused = visitor.get("/history").await;
    assert_eq!((refused.status, code(&refused)), (403, "forbidden"));
    govern(engine, "disable-principal", &json!({ "principal": "ada" })).await;
    let refused = visitor.get("/").await;
    assert_eq!((refused.status, code(&refused)), (401, "credential_revoked"));
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_nowhere_but_in_the_form_that_sends_it() {
    let mut service = Service::start(&["--nats", "off", "--log", "trace"]).await;
    let key = service.key();
    // The secret part has 43 characters, among which there may be an underscore.
    let secret = key[key.len() - 40..].to_owned();
    let client = crate::http::door::client_builder();
    let client = client.redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let signed = client
        .post(format!("{}/sign-in", service.http_url()))
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("key={key}"));
    let answer = crate::http::door::read(signed).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    assert!(!format!("{answer:?}").contains(&secret));
    let cookie = answer.header("set-cookie").expect("a cookie").split(';').next().expect("a pair");
    for path in ["/", "/connections", "/access", "/history", "/refusals", "/ledger", "/new"] {
        let page = client.get(format!("{}{path}", service.http_url())).header("cookie", cookie);
        let page = crate::http::door::read(page).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(!format!("{page:?}").contains(&secret), "{path}");
    }
    assert!(service.stop().await.success(), "{}", service.log());
    assert!(service.log().contains("signed in to the console"));
    assert!(!service.log().contains(&secret), "the log has the key");
    let (_, cookie) = cookie.split_once('=').expect("a value");
    assert!(!service.log().contains(cookie), "the log has the cookie");
}
