//! What a command says, in one form for every way to write it.
//!
//! A command id means the command and not its spelling: white space, the order of keys and the
//! endpoint it came through do not count. The text made here is hashed under the ledger's key and
//! kept in the receipt, so its form is stored, and stays as it is: a new field is written only when
//! it says something.

use ledger_domain::FieldName;
use ledger_vault::{FingerprintKey, Plaintext};

use super::{ParsedCommand, registry};
use crate::shape::{Shape, Written};

/// The text of a command under way.
pub(super) struct Content<'a> {
    key: &'a FingerprintKey,
    text: Vec<u8>,
}

impl Content<'_> {
    /// Adds a field.
    pub(super) fn field(&mut self, name: &str, value: &impl Shape) {
        self.name(name);
        serde_json::to_writer(&mut self.text, &Written(value))
            .expect("checked values always have a JSON form");
    }

    /// Adds a switch.
    pub(super) fn flag(&mut self, name: &str, value: bool) {
        self.name(name);
        self.text.extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// Adds a secret, by its own keyed fingerprint; none when its field is emptied.
    pub(super) fn secret(&mut self, field: &FieldName, value: Option<&Plaintext>) {
        self.name(field.as_str());
        match value {
            Some(value) => self.text.extend_from_slice(&self.key.fingerprint_of(value)),
            None => self.text.extend_from_slice(b"null"),
        }
    }

    /// Writes a name by its length, so that no value can pass for the next name.
    fn name(&mut self, name: &str) {
        let length = u32::try_from(name.len()).unwrap_or(u32::MAX);
        self.text.extend_from_slice(&length.to_be_bytes());
        self.text.extend_from_slice(name.as_bytes());
    }
}

impl ParsedCommand {
    /// Returns the keyed fingerprint of what the command says: verb, workspace, target and content.
    /// Two spellings of one command have the same, two commands have different ones. `workspace` is
    /// where it is sent.
    pub fn fingerprint(&self, key: &FingerprintKey, workspace: &str) -> [u8; 16] {
        let mut content = Content { key, text: Vec::with_capacity(512) };
        registry::content(self, &mut content);
        let target = self.target().map(super::ConnectionRef::canonical).unwrap_or_default();
        key.fingerprint(&[
            b"content 1",
            workspace.as_bytes(),
            self.verb().as_str().as_bytes(),
            target.as_bytes(),
            &content.text,
        ])
    }
}
