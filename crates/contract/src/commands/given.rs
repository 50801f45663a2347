//! What a command gives a secret field.

use ledger_domain::Reference;
use ledger_vault::Plaintext;

/// What a command gives a secret field: a value, still in plaintext, or where the value is.
#[derive(Debug)]
pub enum GivenSecret {
    /// A value.
    Value(Plaintext),
    /// A reference.
    Reference(Reference),
}

impl GivenSecret {
    /// Returns whether it is a reference.
    pub const fn is_reference(&self) -> bool {
        matches!(self, Self::Reference(_))
    }
}

impl From<Plaintext> for GivenSecret {
    fn from(value: Plaintext) -> Self {
        Self::Value(value)
    }
}
