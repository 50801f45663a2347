//! API keys, without their secret part.

use std::fmt;

use crate::connection::Environment;
use crate::ids::{Actor, Micros};
use crate::limits;
use crate::text::{CheckedText, InvalidField, Line, Prose};

/// The public part of an API key, by which it is found and named: `a-z` and `0-9`, twelve of them.
/// A key reads `sk_<environment>_<id>_<secret>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiKeyId(Box<str>);

impl ApiKeyId {
    /// Checks an id; `field` names it in the error.
    pub fn parse(field: &str, text: &str) -> Result<Self, InvalidField> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if text.len() == limits::API_KEY_ID_CHARS && text.bytes().all(allowed) {
            return Ok(Self(text.into()));
        }
        Err(InvalidField::new(field, "must be twelve of a-z and 0-9, the third part of a key"))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl CheckedText for ApiKeyId {
    fn text(&self) -> &str {
        &self.0
    }
    fn stored(text: Box<str>) -> Self {
        Self(text)
    }
}

impl fmt::Display for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A digest of a whole key as text. The domain carries it and looks at nothing in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDigest(Box<str>);

impl KeyDigest {
    /// Wraps a digest's text.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }
}

impl CheckedText for KeyDigest {
    fn text(&self) -> &str {
        &self.0
    }
    fn stored(text: Box<str>) -> Self {
        Self(text)
    }
}

/// One API key of a principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// What a presented key is compared with.
    pub digest: KeyDigest,
    /// What the second part of the key says.
    pub environment: Environment,
    /// What it is for, for people.
    pub label: Option<Line>,
    /// When it was issued.
    pub issued_at: Micros,
    /// Who had it issued.
    pub issued_by: Actor,
    /// From when on it opens nothing.
    pub expires_at: Option<Micros>,
    /// When and why it was revoked.
    pub revoked: Option<(Micros, Option<Prose>)>,
}

impl ApiKey {
    /// Tells whether it opens anything at `now`.
    pub fn is_live(&self, now: Micros) -> bool {
        self.revoked.is_none() && self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}
