//! Secrets in command bodies.

use std::borrow::Cow;
use std::fmt;

use ledger_domain::{InvalidField, limits};
use ledger_vault::Plaintext;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};

use super::text::entry;

const IS_MASK: &str = "has the form of a mask, in which secrets are shown; send the secret itself, \
                       or leave the field out to keep its value";
const HAS_LOOSE_ENDS: &str = "begins or ends in white space, a line end or a byte order mark; send a \
                              value on one line without them";

/// White space, control characters and byte order marks, for a class of a pattern.
macro_rules! loose {
    () => {
        r"\u0000-\u0020\u007F-\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000\uFEFF"
    };
}

/// What is taken: PEM and JSON, one line without loose ends, or several lines.
const FORM: &str = concat!(
    "^([",
    loose!(),
    r"]*([{\[]|-----BEGIN)[\s\S]*|[^",
    loose!(),
    r"]([\s\S]*[^",
    loose!(),
    r"])?|[\s\S]*[^",
    loose!(),
    r"][\s\S]*[\n\r][\s\S]*[^",
    loose!(),
    r"][\s\S]*)$",
);

/// A secret in a command body: a JSON string whose text goes straight into [`Plaintext`].
pub struct SecretValue(pub Plaintext);

impl SecretValue {
    /// Checks the length and the form of the value of the secret field `name`.
    ///
    /// Errors: `field_invalid` when it is empty or longer than 32 KiB, has the form of a mask, or
    /// is on one line and begins or ends in white space.
    pub fn check(self, name: &str) -> Result<Plaintext, InvalidField> {
        let bytes = self.0.len_bytes();
        if bytes == 0 {
            return Err(InvalidField::new(entry("secrets", name), "must not be empty"));
        }
        if bytes > limits::SECRET_BYTES {
            return Err(InvalidField::new(entry("secrets", name), "must be at most 32 KiB"));
        }
        if self.0.is_mask() {
            return Err(InvalidField::new(entry("secrets", name), IS_MASK));
        }
        if self.0.has_loose_ends() {
            return Err(InvalidField::new(entry("secrets", name), HAS_LOOSE_ENDS));
        }
        Ok(self.0)
    }
}

impl From<String> for SecretValue {
    /// Moves a text's buffer without copying it.
    fn from(text: String) -> Self {
        Self(Plaintext::from_string(text))
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(..)")
    }
}

impl<'de> Deserialize<'de> for SecretValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SecretVisitor;
        impl Visitor<'_> for SecretVisitor {
            type Value = SecretValue;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<SecretValue, E> {
                Ok(SecretValue::from(text.to_owned()))
            }
            fn visit_string<E: de::Error>(self, text: String) -> Result<SecretValue, E> {
                Ok(SecretValue::from(text))
            }
        }
        deserializer.deserialize_string(SecretVisitor)
    }
}

impl JsonSchema for SecretValue {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "writeOnly": true,
            "minLength": 1,
            "maxLength": limits::SECRET_BYTES,
            "pattern": FORM,
            "description": "A secret in plaintext, at most 32 KiB; sealed before it is stored. Not in \
                the form of a mask, and on one line without white space at its ends.",
        })
    }
}
