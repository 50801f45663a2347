//! API keys, without their secret part.

use std::fmt;

use super::lifetime::warning_at;
use crate::connection::Environment;
use crate::ids::{Actor, Micros};
use crate::limits;
use crate::text::{CheckedText, InvalidField, Line, Prose};

/// The id of an API key, its public part: twelve characters `a-z` and `0-9`. A key has the form
/// `sk_<environment>_<id>_<secret>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiKeyId(Box<str>);

impl ApiKeyId {
    /// Checks an id; `field` names it in the error.
    pub fn parse(field: &str, text: &str) -> Result<Self, InvalidField> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if text.len() == limits::API_KEY_ID_CHARS && text.bytes().all(allowed) {
            return Ok(Self(text.into()));
        }
        Err(InvalidField::new(field, "must be 12 characters a-z and 0-9, the third part of a key"))
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

/// A digest of a whole key as text. Opaque to the domain.
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
    /// Digest that presented keys are compared with.
    pub digest: KeyDigest,
    /// The environment, the second part of the key.
    pub environment: Environment,
    /// Purpose, in the issuer's words.
    pub label: Option<Line>,
    /// When it was issued.
    pub issued_at: Micros,
    /// Who issued it.
    pub issued_by: Actor,
    /// When the key expires; never when absent.
    pub expires_at: Option<Micros>,
    /// When and why it was revoked, if it was.
    pub revoked: Option<(Micros, Option<Prose>)>,
}

impl ApiKey {
    /// Returns whether it is valid at `now`.
    pub fn is_live(&self, now: Micros) -> bool {
        self.revoked.is_none() && self.expires_at.is_none_or(|expires_at| now < expires_at)
    }

    /// Returns whether it is valid at `now`, but not for long: a quarter of its lifetime is left,
    /// and at most 14 days.
    pub fn ends_soon(&self, now: Micros) -> bool {
        let ends = |end| now >= warning_at(self.issued_at, end);
        self.is_live(now) && self.expires_at.is_some_and(ends)
    }
}
