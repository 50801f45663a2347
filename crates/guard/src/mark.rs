//! By what a sender is recognized before the credential is checked.

/// A keyed digest, useless outside this process.
pub type Digest = [u8; 16];

/// By what a sender is recognized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// The credential itself, in the clear. A wrong one is forgotten, and counts as a failure.
    Credential(Digest),
    /// Where the answer goes, while the credential is still sealed. Whoever was accepted there may
    /// relay requests of others, so a wrong credential neither counts nor ends the recognition: the
    /// one who was accepted pays for it. After five minutes without an accepted one, a single
    /// request is still recognized.
    ReplyTo(Digest),
}
