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
const FINAL: [&str; 9] = [
    "invalid_grant",
    "invalid_client",
    "unauthorized_client",
    "invalid_request",
    "invalid_scope",
    "invalid_target",
    "unsupported_grant_type",
    "access_denied",
    "interaction_required",
];
/// Codes of errors that pass.
const PASSING: [&str; 4] =
    ["temporarily_unavailable", "server_error", "slow_down", "authorization_pending"];

/// A token that was given out.
pub struct Obtained {
    /// The token.
    pub token: Zeroizing<String>,
    /// What the next one is asked for with, if it is another from now on.
    pub refresh_token: Option<Zeroizing<String>>,
    /// Until when it is valid, in seconds since 1970.
    pub expires_at: i64,
}

impl Obtained {
    pub(crate) fn signed(token: Zeroizing<String>, expires_at: i64) -> Self {
        Self { token, refresh_token: None, expires_at }
    }
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
    /// How long the service asks to wait.
    pub wait: Option<Duration>,
}

/// Reads an answer to a request that was sent at a time, in seconds since 1970. `field` is the
/// member that has the token.
///
/// # Errors
/// It has none.
pub fn read_answer(
    field: &str,
    status: u16,
    retry_after: Option<&str>,
    body: &[u8],
    sent_at: i64,
) -> Result<Obtained, Refusal> {
    let body: Option<Value> = serde_json::from_slice(body).ok();
    let code = body.as_ref().and_then(|body| body.get("error")).and_then(Value::as_str);
    let code = code.and_then(|code| FINAL.iter().chain(&PASSING).find(|known| **known == code));
    if (200..300).contains(&status) && code.is_none() {
        let token = body.and_then(|body| token(field, body, sent_at));
        return token.ok_or_else(|| Refusal {
            what: format!("the token service answered {status} without a usable {field}"),
            gives_up: false,
            wait: None,
        });
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
    let wait = retry_after.and_then(|text| wait(text, sent_at));
    Err(Refusal { what, gives_up, wait })
}

fn token(field: &str, mut body: Value, sent_at: i64) -> Option<Obtained> {
    let mut text = |name: &str| match body.get_mut(name).map(Value::take) {
        Some(Value::String(text)) => Some(Zeroizing::new(text)),
        _ => None,
    };
    let token = text(field).filter(|token| is_token(token))?;
    let refresh_token = text("refresh_token").filter(|token| is_token(token));
    let seconds = body.get("expires_in").and_then(seconds).unwrap_or(DEFAULT_LIFETIME_SECONDS);
    let expires_at = sent_at + seconds.clamp(0, LIFETIME_SECONDS);
    Some(Obtained { token, refresh_token, expires_at })
}

/// Returns whether a text can be a token: of visible characters, and not longer than any is.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= TOKEN_BYTES
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Returns a number of seconds, which some services write as text.
fn seconds(value: &Value) -> Option<i64> {
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
