//! The three parts of a token, before any of it is trusted.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::algorithm::Algorithm;

/// Maximum length of a token. Tokens with hundreds of groups are shorter.
pub(crate) const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// Maximum length of a key id.
const KEY_ID_BYTES_MAX: usize = 512;
/// Values of `typ` that only access tokens have (RFC 9068).
const ACCESS_TYPES: [&str; 2] = ["at+jwt", "application/at+jwt"];
/// The value of `typ` that any token may have. Issuers sign other documents with the same keys,
/// such as logout tokens, and those have values of their own.
const ANY_TYPE: &str = "jwt";

/// What the header of a token says that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// An access token.
    Access,
    /// Nothing: it may be an access token, an ID token or another one.
    Unstated,
}

/// The parts of a token.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    /// The signed part: header and claims as received.
    pub(crate) signed: &'a str,
    pub(crate) signature: &'a str,
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: Option<Box<str>>,
    pub(crate) kind: TokenKind,
    claims: &'a str,
}

impl<'a> Parts<'a> {
    /// Splits a token. Of its header only `alg`, `kid`, `typ` and `crit` are read; keys and
    /// addresses of keys in a token are ignored.
    pub(crate) fn read(token: &'a str) -> Result<Self, &'static str> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err("it is too long");
        }
        let (signed, signature) = token.rsplit_once('.').ok_or("it does not have three parts")?;
        let (header, claims) = signed.split_once('.').ok_or("it does not have three parts")?;
        if [header, claims, signature].into_iter().any(|part| !is_base64url(part)) {
            return Err("a part is empty or not base64url");
        }
        let header = object(header).ok_or("its header is not a JSON object")?;
        if header.contains_key("crit") {
            return Err("its header has critical extensions, which are not supported");
        }
        let text = |name: &str| match header.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err("a field of its header is not text"),
        };
        let kind = match text("typ")?.map(str::to_ascii_lowercase).as_deref() {
            Some(found) if ACCESS_TYPES.contains(&found) => TokenKind::Access,
            None | Some(ANY_TYPE) => TokenKind::Unstated,
            Some(_) => return Err("it is not an access token"),
        };
        let algorithm = text("alg")?.and_then(Algorithm::known);
        let key_id = text("kid")?;
        if key_id.is_some_and(|id| id.len() > KEY_ID_BYTES_MAX) {
            return Err("its key id is too long");
        }
        Ok(Self {
            signed,
            signature,
            algorithm: algorithm.ok_or("its algorithm is not supported")?,
            key_id: key_id.map(Box::from),
            kind,
            claims,
        })
    }

    /// Returns the claims. They are to be trusted only if the signature is valid.
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
