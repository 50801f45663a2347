//! What a door says of a credential.

/// The identity behind a key; the same for all tokens of one subject.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity(String);

impl Identity {
    /// Creates an identity from a text that is unique to it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// The judgement of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is valid and belongs to this identity.
    Good(Identity),
    /// It is invalid and may be a guess.
    Wrong,
    /// It is not accepted but is no guess: it was valid once, or cannot be checked now. It shares
    /// its source's rate and does not count towards a lockout.
    NoGuess,
}
