//! What a token service answers to whoever asks for a code that a person enters elsewhere (RFC
//! 8628).

use std::fmt;
use std::time::Duration;

use serde_json::Value;
use zeroize::Zeroizing;

use crate::answer::{Refusal, is_token, refusal, seconds};
use crate::plan::is_url;

/// How long a code is valid, in seconds, of which the service says nothing.
const LIFETIME_SECONDS: i64 = 600;
/// The longest that a code is waited for, in seconds.
const LIFETIME_MAX_SECONDS: i64 = 1_800;
/// How long to wait between two requests, of which the service says nothing, in seconds.
const INTERVAL_SECONDS: i64 = 5;
/// The longest wait between two requests, in seconds.
const INTERVAL_MAX_SECONDS: i64 = 60;
/// The longest code for people, in characters.
const USER_CODE_CHARS: usize = 64;
/// The longest address for people, in characters.
const URL_CHARS: usize = 2_048;

/// A code for a person, and the one with which tokens are asked for meanwhile.
pub struct DeviceCode {
    /// With what tokens are asked for; a secret.
    pub device_code: Zeroizing<String>,
    /// What the person enters.
    pub user_code: String,
    /// Where they enter it.
    pub verification_uri: String,
    /// The same with the code, if the service has such an address.
    pub verification_uri_complete: Option<String>,
    /// Until when it is valid, in seconds since 1970.
    pub expires_at: i64,
    /// How long to wait between two requests for tokens.
    pub interval: Duration,
}

impl fmt::Debug for DeviceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceCode(until {})", self.expires_at)
    }
}

/// Reads an answer to a request that was sent at a time, in seconds since 1970.
///
/// # Errors
/// It has no code.
pub fn read_device_answer(
    status: u16,
    retry_after: Option<&str>,
    body: &[u8],
    sent_at: i64,
) -> Result<DeviceCode, Refusal> {
    let body: Option<Value> = serde_json::from_slice(body).ok();
    if let Some(refused) = refusal(status, retry_after, body.as_ref(), sent_at) {
        return Err(refused);
    }
    body.and_then(|body| code(body, sent_at)).ok_or_else(|| Refusal {
        what: format!("the token service answered {status} without a usable device_code"),
        gives_up: false,
        is_of_credentials: false,
        wait: None,
        code: None,
    })
}

fn code(mut body: Value, sent_at: i64) -> Option<DeviceCode> {
    let mut text = |name: &str| match body.get_mut(name).map(Value::take) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    let device_code = Zeroizing::new(text("device_code")?);
    let user_code = text("user_code")?;
    // Services that are older than the standard call it otherwise.
    let verification_uri = text("verification_uri").or_else(|| text("verification_url"))?;
    let complete = text("verification_uri_complete").filter(|url| is_shown(url));
    let is_code = (1..=USER_CODE_CHARS).contains(&user_code.len())
        && user_code.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if !is_token(&device_code) || !is_code || !is_shown(&verification_uri) {
        return None;
    }
    let number = |name: &str, default| body.get(name).and_then(seconds).unwrap_or(default);
    let lasts = number("expires_in", LIFETIME_SECONDS).clamp(0, LIFETIME_MAX_SECONDS);
    let interval = number("interval", INTERVAL_SECONDS).clamp(1, INTERVAL_MAX_SECONDS);
    Some(DeviceCode {
        device_code,
        user_code,
        verification_uri,
        verification_uri_complete: complete,
        expires_at: sent_at.saturating_add(lasts),
        interval: Duration::from_secs(u64::try_from(interval).unwrap_or_default()),
    })
}

/// Returns whether a person can be shown an address.
fn is_shown(url: &str) -> bool {
    url.len() <= URL_CHARS && is_url(url)
}
