//! Secrets in events and state: ciphertext and a hint, or where the value is, never the plaintext.

use std::collections::BTreeSet;
use std::fmt;

use crate::ids::{EventId, Generation, Micros};
use crate::reference::Reference;
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

/// Shortest secret of which anything is shown, in bytes.
pub const SHOWN_BYTES_MIN: usize = 16;

/// What a secret field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// A value, sealed.
    Sealed(Sealed),
    /// Where the value is.
    Reference(Box<Reference>),
}

impl Held {
    /// Returns the ciphertext, if there is one.
    pub fn sealed(&self) -> Option<&Sealed> {
        match self {
            Self::Sealed(sealed) => Some(sealed),
            Self::Reference(_) => None,
        }
    }

    /// Returns the reference, if it is one.
    pub fn reference(&self) -> Option<&Reference> {
        match self {
            Self::Sealed(_) => None,
            Self::Reference(reference) => Some(reference),
        }
    }

    /// Returns whether the value is that of a field of another connection.
    pub fn is_of_another_connection(&self) -> bool {
        self.reference().is_some_and(|reference| reference.connection().is_some())
    }

    /// Returns about how many bytes it takes in a record.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Sealed(sealed) => sealed.as_str().len(),
            Self::Reference(reference) => reference.bytes(),
        }
    }
}

/// The few characters of a secret that may be shown, so that people can distinguish two secrets.
///
/// Empty for passwords and for secrets of fewer than 16 bytes, of which a few characters tell too
/// much. `prefix` has at most four characters, `suffix` two. Events of earlier programs have hints
/// of shorter secrets, too, so [`Hint::is_shown`] is asked wherever one is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hint {
    /// The first two characters, or up to four when they end in the secret's first hyphen.
    pub prefix: String,
    /// The last two characters.
    pub suffix: String,
}

impl Hint {
    /// Returns whether anything may be shown of the value of a field, which has so many bytes.
    pub fn is_shown(field: &str, bytes: usize) -> bool {
        bytes >= SHOWN_BYTES_MIN && !is_chosen(field)
    }
}

/// Returns whether a field holds what people choose and use elsewhere: a password or number.
fn is_chosen(field: &str) -> bool {
    let plain: String = field.chars().filter(char::is_ascii_alphanumeric).collect();
    let plain = plain.to_ascii_lowercase();
    plain.contains("pass") || plain.contains("pwd") || plain == "pin" || field.ends_with("_pin")
}

/// A freshly sealed value, or a reference, on its way into an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSecret {
    /// The value, or where it is.
    pub held: Held,
    /// The hint that may be shown; empty for references.
    pub hint: Hint,
}

/// The current value of one secret field, and the former one while it is still given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Generation, higher than that of every earlier value of the field.
    pub generation: Generation,
    /// The value, or where it is.
    pub held: Held,
    /// The hint that may be shown; empty for references.
    pub hint: Hint,
    /// When this generation was set.
    pub set_at: Micros,
    /// The event that set it; its record names the actor.
    pub set_by: EventId,
    /// The generation with which the value came first, if it came back under this one.
    pub came_back_of: Option<Generation>,
    /// The value before this one, if a rotation kept it.
    pub former: Option<Box<Former>>,
    /// Whether it is recorded that this generation is older than its policy permits.
    pub overdue: bool,
}

/// The value before the current one, which is still given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Former {
    /// Its generation.
    pub generation: Generation,
    /// The value, or where it is.
    pub held: Held,
    /// The hint that may be shown; empty for references.
    pub hint: Hint,
    /// The generation with which the value came first, if it came back under this one.
    pub came_back_of: Option<Generation>,
    /// When it is retired, and by what.
    pub end: FormerEnd,
}

impl Former {
    /// Returns the generation with which the value came first.
    pub fn came_first(&self) -> Generation {
        self.came_back_of.unwrap_or(self.generation)
    }
}

/// When a former generation is retired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormerEnd {
    /// The deadline. From then on it is not given out, whether or not its retirement is recorded.
    pub until: Micros,
    /// Whether it is retired before that, once every consumer has confirmed the current generation.
    pub once_confirmed: bool,
}

impl NewSecret {
    /// Returns a reference on its way into an event.
    pub fn referring(reference: Reference) -> Self {
        Self { held: Held::Reference(Box::new(reference)), hint: Hint::default() }
    }
}

impl Secret {
    /// Returns the current value without the former one, and without what was recorded of its age.
    #[must_use]
    pub fn alone(self) -> Self {
        Self { former: None, overdue: false, ..self }
    }

    /// Returns the current value as it came first.
    #[must_use]
    pub fn original(self) -> Self {
        Self { generation: self.came_first(), came_back_of: None, ..self.alone() }
    }

    /// Returns the generation with which the value came first.
    pub fn came_first(&self) -> Generation {
        self.came_back_of.unwrap_or(self.generation)
    }

    /// Returns every generation that is known of the current value and of the former one.
    pub fn generations(&self) -> BTreeSet<Generation> {
        let former = self.former.as_deref();
        let former = former.map(|former| [former.generation, former.came_first()]);
        let current = [self.generation, self.came_first()];
        current.into_iter().chain(former.into_iter().flatten()).collect()
    }

    /// Returns whether a ciphertext is that of the current value or of the former one.
    pub fn has(&self, sealed: &Sealed) -> bool {
        let former = self.former.as_deref().and_then(|former| former.held.sealed());
        self.held.sealed() == Some(sealed) || former == Some(sealed)
    }

    /// Returns the former value, if it is given out at this time.
    pub fn former_at(&self, now: Micros) -> Option<&Former> {
        self.former.as_deref().filter(|former| now < former.end.until)
    }

    /// Returns what a generation holds, if it is the current one or the former.
    pub fn held_of(&self, generation: Generation) -> Option<&Held> {
        let former = self.former.as_deref().map(|former| (former.generation, &former.held));
        let both = [Some((self.generation, &self.held)), former];
        both.into_iter().flatten().find(|(own, _)| *own == generation).map(|(_, held)| held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_shown_of_passwords_and_short_values() {
        for (field, bytes, shown) in [
            ("api_key", 16, true),
            ("api_key", 15, false),
            ("password", 40, false),
            ("DB_PASS", 40, false),
            ("key_passphrase", 40, false),
            ("pwd", 40, false),
            ("card_pin", 40, false),
            ("opinion", 40, true),
        ] {
            assert_eq!(Hint::is_shown(field, bytes), shown, "{field} {bytes}");
        }
    }
}
