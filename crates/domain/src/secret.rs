//! Secrets in events and state: ciphertext and a hint, never the plaintext.

use std::fmt;

use crate::ids::{EventId, Generation, Micros};
use crate::text::CheckedText;

/// Ciphertext as text, tagged with its format and keys. Opaque here: only the vault seals and opens
/// it.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Box<str>);

impl Sealed {
    /// Wraps the vault's text.
    pub fn from_text(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }
    /// Returns the vault's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl CheckedText for Sealed {
    fn text(&self) -> &str {
        &self.0
    }
    fn stored(text: Box<str>) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(..)")
    }
}

/// The few characters of a secret that may be shown, so that people can distinguish two secrets.
///
/// Empty for secrets of eight characters or fewer. `prefix` has at most four characters, `suffix`
/// two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hint {
    /// The first two characters, or up to four when they end in the secret's first hyphen.
    pub prefix: String,
    /// The last two characters.
    pub suffix: String,
}

/// A freshly sealed value on its way into an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSecret {
    /// The ciphertext.
    pub sealed: Sealed,
    /// The hint that may be shown.
    pub hint: Hint,
}

/// The current value of one secret field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Generation, higher than that of every earlier value of the field.
    pub generation: Generation,
    /// The ciphertext.
    pub sealed: Sealed,
    /// The hint that may be shown.
    pub hint: Hint,
    /// When this generation was set.
    pub set_at: Micros,
    /// The event that set it; its record names the actor.
    pub set_by: EventId,
}
