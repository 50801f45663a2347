//! The three parts of a token, before anything in it is believed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::algorithm::Algorithm;

/// Longest token that is looked at. Tokens with hundreds of groups stay below it.
pub(crate) const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// Longest name of a key.
const KEY_ID_BYTES_MAX: usize = 512;
/// What a token may say it is. Issuers sign other things with the same keys, such as notices that
/// someone has logged out, and those open nothing.
const TYPES: [&str; 3] = ["jwt", "at+jwt", "application/at+jwt"];

/// A token taken apart.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    /// What was signed: header and claims as they were sent.
    pub(crate) signed: &'a str,
    pub(crate) signature: &'a str,
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: Option<Box<str>>,
    claims: &'a str,
}

impl<'a> Parts<'a> {
    /// Takes a token apart. Of its header only `alg`, `kid`, `typ` and `crit` are looked at: keys
    /// and addresses of keys that a token brings along mean nothing.
    pub(crate) fn read(token: &'a str) -> Result<Self, &'static str> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err("it is too long");
        }
        let (signed, signature) = token.rsplit_once('.').ok_or("it has no three parts")?;
        let (header, claims) = signed.split_once('.').ok_or("it has no three parts")?;
        if [header, claims, signature].into_iter().any(|part| !is_base64url(part)) {
            return Err("a part is empty or not base64url");
        }
        let header = object(header).ok_or("its header is not a JSON object")?;
        if header.contains_key("crit") {
            return Err("it demands to be understood in a way that is not known here");
        }
        let text = |name: &str| match header.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err("a part of its header is not text"),
        };
        if text("typ")?.is_some_and(|found| !TYPES.contains(&found.to_ascii_lowercase().as_str())) {
            return Err("it is not an access token");
        }
        let algorithm = text("alg")?.and_then(Algorithm::known);
        let key_id = text("kid")?;
        if key_id.is_some_and(|id| id.len() > KEY_ID_BYTES_MAX) {
            return Err("the name of its key is too long");
        }
        Ok(Self {
            signed,
            signature,
            algorithm: algorithm.ok_or("its algorithm is not one that is ever accepted")?,
            key_id: key_id.map(Box::from),
            claims,
        })
    }

    /// Returns what it claims. Whether that is true, its signature tells.
    pub(crate) fn claims(&self) -> Result<Map<String, Value>, &'static str> {
        object(self.claims).ok_or("its claims are not a JSON object")
    }
}

fn is_base64url(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !text.is_empty() && text.bytes().all(allowed)
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
