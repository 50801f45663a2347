//! What a KV bucket means by the headers of its messages.

/// Says what a message does to its key; without it, the message is the key's value.
pub(crate) const OPERATION: &str = "KV-Operation";
/// The operation that deletes a key.
pub(crate) const DELETE: &str = "DEL";
