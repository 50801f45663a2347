//! What answers of token services mean.

use std::time::Duration;

use super::*;
use crate::{Answer, read_answer};

fn read(status: u16, body: &Value) -> Answer {
    read_answer("access_token", status, None, body.to_string().as_bytes(), NOW)
}

#[test]
fn a_token_is_valid_as_long_as_the_service_says_or_for_an_hour() {
    for (expires_in, lasts) in [
        (json!(120), 120),
        (json!("120"), 120),
        (json!(120.5), 120),
        (json!(-1), 0),
        (json!(1e18), 30 * 86_400),
        (Value::Null, 3_600),
        (json!({}), 3_600),
    ] {
        let body = json!({"access_token": "a", "token_type": "bearer", "expires_in": expires_in});
        let Answer { token, replaced } = read(200, &body);
        let obtained = token.expect("a token");
        assert_eq!(obtained.expires_at, NOW + lasts, "{expires_in}");
        assert_eq!(*obtained.token, "a");
        assert!(replaced.is_none());
    }
    let body = br#"{"access_token": "a", "id_token": "i"}"#;
    let answer = read_answer("id_token", 200, None, body, NOW);
    assert_eq!(*answer.token.expect("a token").token, "i");
}

#[test]
fn a_refresh_token_is_read_with_a_token_and_without() {
    let both = read(201, &json!({"access_token": "a", "refresh_token": "r"}));
    let shown =
        format!("Answer {{ token: Ok(Obtained(until {})), replaced: Some(Grant) }}", NOW + 3_600);
    assert_eq!(format!("{both:?}"), shown);
    assert_eq!(*both.replaced.expect("a refresh token").0, "r");
    let body = br#"{"access_token": "a", "refresh_token": "r"}"#;
    let alone = read_answer("id_token", 200, None, body, NOW);
    assert!(!alone.token.expect_err("no id token").gives_up);
    assert_eq!(*alone.replaced.expect("a refresh token").0, "r");
    assert!(read(400, &json!({"error": "invalid_grant", "refresh_token": "r"})).replaced.is_none());
}

#[test]
fn errors_are_final_only_if_asking_again_cannot_help() {
    let table = [
        (400, json!({"error": "invalid_grant"}), true),
        (401, json!({"error": "invalid_client"}), true),
        (400, json!({"error": "unauthorized_client"}), true),
        (400, json!({"error": "invalid_scope"}), true),
        (200, json!({"error": "invalid_grant"}), true),
        (401, json!("who are you?"), true),
        (400, json!({"error": "temporarily_unavailable"}), false),
        (400, json!({"error": "canary"}), false),
        (403, json!("<html>"), false),
        (404, json!({}), false),
        (429, json!({"error": "invalid_grant"}), false),
        (503, json!({"error": "invalid_client"}), false),
        (500, json!({}), false),
        (307, json!({}), false),
        (200, json!({"access_token": ""}), false),
        (200, json!({"access_token": 7}), false),
        (200, json!({"access_token": "with a space"}), false),
        (200, json!({"access_token": "x".repeat(20_000)}), false),
        (200, json!(["access_token"]), false),
    ];
    for (status, body, gives_up) in table {
        let refusal = read(status, &body).token.expect_err("no token");
        assert_eq!(refusal.gives_up, gives_up, "{status} {body}");
        assert!(refusal.what.contains(&status.to_string()), "{}", refusal.what);
        assert!(!refusal.what.contains("canary"), "{}", refusal.what);
    }
    let cut = read_answer("access_token", 200, None, br#"{"access_token": "abc"#, NOW);
    assert!(!cut.token.expect_err("no token").gives_up);
}

#[test]
fn a_wait_is_taken_from_the_answer() {
    for (text, seconds) in [("7", 7), ("Fri, 06 Nov 2026 21:20:30 GMT", 30)] {
        let refusal = read_answer("access_token", 429, Some(text), b"", NOW).token;
        let refusal = refusal.expect_err("no token");
        assert_eq!(refusal.wait, Some(Duration::from_secs(seconds)), "{text}");
    }
}
