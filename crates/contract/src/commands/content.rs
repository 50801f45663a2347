//! The canonical content of a command, the same for every spelling of it.
//!
//! A command id identifies a command, whatever its white space, order of keys or endpoint. The text
//! written here is hashed under the ledger's key, and the hash is stored in the receipt. Its format
//! must therefore never change: a new field is written only if it is set.

use ledger_domain::{CheckedText as _, FieldName, Line};
use ledger_vault::FingerprintKey;

use super::{ConnectionRef, GivenSecret, ParsedCommand};
use crate::shape::{Shape, Written};

/// The canonical text of one command, while it is written.
pub(super) struct Content<'a> {
    key: &'a FingerprintKey,
    text: Vec<u8>,
}

impl Content<'_> {
    /// Adds a field.
    pub(super) fn field(mut self, name: &str, value: &impl Shape) -> Self {
        self.name(name);
        serde_json::to_writer(&mut self.text, &Written(value))
            .expect("checked values always have a JSON form");
        self
    }

    /// Adds a number.
    pub(super) fn number(mut self, name: &str, value: u64) -> Self {
        self.name(name);
        self.text.extend_from_slice(value.to_string().as_bytes());
        self
    }

    /// Adds a connection that is named beside the target.
    pub(super) fn connection(self, named: Option<&ConnectionRef>) -> Self {
        let named = named.map(|named| Line::stored(named.canonical().into()));
        self.field("connection", &named)
    }

    /// Adds a flag.
    pub(super) fn flag(mut self, name: &str, value: bool) -> Self {
        self.name(name);
        self.text.extend_from_slice(if value { b"true" } else { b"false" });
        self
    }

    /// Adds a flag that commands did not always have.
    pub(super) fn flag_if_set(self, name: &str, value: bool) -> Self {
        if value { self.flag(name, value) } else { self }
    }

    /// Adds secrets, each as its own keyed fingerprint, as its reference, or as null if its field
    /// is removed.
    pub(super) fn secrets<'s>(
        mut self,
        secrets: impl Iterator<Item = (&'s FieldName, Option<&'s GivenSecret>)>,
    ) -> Self {
        for (field, value) in secrets {
            self.name(field.as_str());
            match value {
                Some(GivenSecret::Value(value)) => {
                    self.text.extend_from_slice(&self.key.fingerprint_of(value));
                }
                Some(GivenSecret::Reference(reference)) => {
                    self = self.field("reference", reference);
                }
                None => self.text.extend_from_slice(b"null"),
            }
        }
        self
    }

    /// Writes a name after its length, so that no value can be mistaken for the next name.
    fn name(&mut self, name: &str) {
        let length = u32::try_from(name.len()).unwrap_or(u32::MAX);
        self.text.extend_from_slice(&length.to_be_bytes());
        self.text.extend_from_slice(name.as_bytes());
    }
}

impl ParsedCommand {
    /// Returns the keyed fingerprint of the command's verb, workspace, target and content. Two
    /// spellings of one command have the same fingerprint; two commands have different ones.
    /// `workspace` is the one that the command is sent to.
    pub fn fingerprint(&self, key: &FingerprintKey, workspace: &str) -> [u8; 16] {
        let verb = self.verb();
        let content = Content { key, text: Vec::with_capacity(512) };
        let (command, check) = match self {
            Self::Checked(command) => (&**command, true),
            command => (command, false),
        };
        let content = verb.content(command, content).expect("it is a command of this verb");
        let content = content.flag_if_set("check", check);
        let target = self.target().map(ConnectionRef::canonical).unwrap_or_default();
        key.fingerprint(&[
            b"content 1",
            workspace.as_bytes(),
            verb.as_str().as_bytes(),
            target.as_bytes(),
            &content.text,
        ])
    }
}
