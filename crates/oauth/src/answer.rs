//! What a token service answered.

use std::fmt;
use std::time::Duration;

use serde_json::Value;
use zeroize::Zeroizing;

use crate::wait::wait;

/// How long a token is taken to be valid, in seconds, of which the service says nothing.
pub const DEFAULT_LIFETIME_SECONDS: i64 = 3_600;
/// How long a token is taken to be valid at most.
const LIFETIME_SECONDS: i64 = 30 * 86_400;
/// The longest token, in bytes.
const TOKEN_BYTES: usize = 12 * 1_024;

/// Codes of errors after which asking again gets the same answer, until a person has acted.
const FINAL: [&str; 10] = [
    "invalid_grant",
    "invalid_client",
    "unauthorized_client",
    "invalid_request",
    "invalid_scope",
    "invalid_target",
    "unsupported_grant_type",
    "access_denied",
    "interaction_required",
    "expired_token",
];
/// Those of them that say that the credentials are wrong.
const OF_CREDENTIALS: [&str; 3] = ["invalid_grant", "invalid_client", "unauthorized_client"];
/// Codes of errors that pass.
const PASSING: [&str; 4] =
    ["temporarily_unavailable", "server_error", "slow_down", "authorization_pending"];

/// What a token service answered.
#[derive(Debug)]
pub struct Answer {
    /// The token that it gave out.
    pub token: Result<Obtained, Refusal>,
    /// What the next one is asked for with from now on. It may come without a token.
    pub replaced: Option<Grant>,
}

/// A refresh token that a service gave out.
pub struct Grant(pub Zeroizing<String>);

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Grant")
    }
}

/// A token that was given out.
pub struct Obtained {
    /// The token.
    pub token: Zeroizing<String>,
    /// Until when it is valid, in seconds since 1970.
    pub expires_at: i64,
    /// Whether the service said so, or it is taken to be.
    pub says_expiry: bool,
}

impl fmt::Debug for Obtained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Obtained(until {})", self.expires_at)
    }
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What happened, in words of this side.
    pub what: String,
    /// Whether asking again gets the same answer until a person has acted.
    pub gives_up: bool,
    /// Whether the service says that it is the credentials that are wrong.
    pub is_of_credentials: bool,
    /// How long the service asks to wait.
    pub wait: Option<Duration>,
    /// The code of the error, if it is a known one.
    pub code: Option<&'static str>,
}

/// Reads an answer to a request that was sent at a time, in seconds since 1970. `field` is the
/// member that has the token.
pub fn read_answer(
    field: &str,
    status: u16,
    retry_after: Option<&str>,
    body: &[u8],
    sent_at: i64,
) -> Answer {
    let mut body: Option<Value> = serde_json::from_slice(body).ok();
    if let Some(refused) = refusal(status, retry_after, body.as_ref(), sent_at) {
        return Answer { token: Err(refused), replaced: None };
    }
    let replaced = body.as_mut().and_then(|body| take_token("refresh_token", body)).map(Grant);
    let token = body.and_then(|body| token(field, body, sent_at)).ok_or_else(|| Refusal {
        what: format!("the token service answered {status} without a usable {field}"),
        gives_up: false,
        is_of_credentials: false,
        wait: None,
        code: None,
    });
    Answer { token, replaced }
}

/// Returns why an answer is a refusal, if it is one.
pub(crate) fn refusal(
    status: u16,
    retry_after: Option<&str>,
    body: Option<&Value>,
    sent_at: i64,
) -> Option<Refusal> {
    let code = body.and_then(|body| body.get("error")).and_then(Value::as_str);
    let code = code.and_then(|code| FINAL.iter().chain(&PASSING).find(|known| **known == code));
    if (200..300).contains(&status) && code.is_none() {
        return None;
    }
    let mut what = format!("the token service answered {status}");
    if let Some(code) = code {
        what.push(' ');
        what.push_str(code);
    } else if (300..400).contains(&status) {
        what.push_str(", a redirect, which is not followed");
    }
    let is_final = code.map_or(status == 401, |code| FINAL.contains(code));
    // Whoever limits requests, or is not well, may say anything about the rest.
    let gives_up = is_final && status != 429 && status < 500;
    let is_of_credentials = gives_up && code.is_none_or(|code| OF_CREDENTIALS.contains(code));
    let wait = retry_after.and_then(|text| wait(text, sent_at));
    Some(Refusal { what, gives_up, is_of_credentials, wait, code: code.copied() })
}

fn token(field: &str, mut body: Value, sent_at: i64) -> Option<Obtained> {
    let token = take_token(field, &mut body)?;
    let said = body.get("expires_in").and_then(seconds);
    let seconds = said.unwrap_or(DEFAULT_LIFETIME_SECONDS);
    let expires_at = sent_at + seconds.clamp(0, LIFETIME_SECONDS);
    Some(Obtained { token, expires_at, says_expiry: said.is_some() })
}

fn take_token(name: &str, body: &mut Value) -> Option<Zeroizing<String>> {
    let Value::String(text) = body.get_mut(name)?.take() else { return None };
    Some(Zeroizing::new(text)).filter(|token| is_token(token))
}

/// Returns whether a text can be a token: of visible characters, and not longer than any is.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= TOKEN_BYTES
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Returns a number of seconds, which some services write as text.
pub(crate) fn seconds(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => {
            let whole = number.as_i64();
            #[expect(clippy::cast_possible_truncation, reason = "it is clamped anyway")]
            whole.or_else(|| number.as_f64().map(|seconds| seconds as i64))
        }
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
