//! What a door says of a credential.

/// The identity behind a key; the same for all tokens of one subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity([u8; 16]);

impl Identity {
    /// Creates an identity from a text that is unique to it.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(short_hash(blake3::Hasher::new().update(text.as_ref().as_bytes())))
    }
}

/// Returns as much of a hash as rules out collisions in practice.
pub(crate) fn short_hash(hasher: &blake3::Hasher) -> [u8; 16] {
    let mut hash = [0; 16];
    hasher.finalize_xof().fill(&mut hash);
    hash
}

/// The judgement of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is valid and belongs to this identity.
    Good(Identity),
    /// It is invalid and may be a guess.
    Wrong,
    /// It is not accepted but is no guess: it was valid once, or cannot be checked now. It shares
    /// its source's rate and does not count towards a lockout.
    NoGuess,
}
