//! Checked inputs: types that carry a field's check and its JSON Schema together.
//!
//! A body is read in two steps. Deserializing accepts any value of the right JSON type and fails
//! with `body_malformed`. [`Input::check`] then checks the value against its rule and fails with
//! `field_invalid`, which names the field and never repeats the value.

mod generation;
mod map;
mod number;
mod reference;
mod secret;
mod text;
mod whole;
mod word;

use std::borrow::Cow;
use std::fmt;

use ledger_domain::InvalidField;
use ledger_domain::connection::Patch;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

pub use generation::{GenerationNumber, GenerationRule};
pub use map::{Key, MapInput};
pub use number::{AmountRule, AtLeastOne, Factor, VersionNumber, whole_tokens};
pub use reference::{ReferenceBody, SecretInput};
pub use secret::SecretValue;
pub use text::entry;
pub use text::{
    ApiKeyIdRule, ConnectionRule, ConsumerRule, FieldNameRule, GrantToRule, HandoverIdRule,
    KeyEndRule, LeaseRule, LineRule, MasterKeyIdRule, MomentRule, PrincipalRule, ProseRule,
    ProviderRule, ReasonRule, ResetRule, SlugRule, TimeRule, WorkspaceRule,
};
pub use whole::WholeRule;
pub use word::{Word, WordRule};

/// The rule for a field: its JSON type, its domain type and its check.
pub trait Rule {
    /// The JSON type, as it is deserialized.
    type Raw: for<'de> Deserialize<'de>;
    /// The domain's type.
    type Value;

    /// Checks a value. `field` names it in the error.
    ///
    /// Errors: the field and what would be valid; never the value, which may be a misplaced secret.
    fn check(field: &str, raw: Self::Raw) -> Result<Self::Value, InvalidField>;

    /// Returns the JSON Schema that is equivalent to [`Self::check`].
    fn schema() -> Value;
}

/// A field as it was sent: of the right JSON type, but not checked yet.
pub struct Input<R: Rule>(R::Raw);

impl<R: Rule> Input<R> {
    /// Returns the value as it was sent.
    pub const fn as_sent(&self) -> &R::Raw {
        &self.0
    }

    /// Checks the value against its rule. `field` names it in the error.
    ///
    /// Errors: those of the rule.
    pub fn check(self, field: &str) -> Result<R::Value, InvalidField> {
        R::check(field, self.0)
    }
}

/// Wraps text that was read elsewhere.
impl<R: Rule<Raw = String>> From<String> for Input<R> {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// Never prints the value, which may be a misplaced secret.
impl<R: Rule> fmt::Debug for Input<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Input(..)")
    }
}

impl<'de, R: Rule> Deserialize<'de> for Input<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        R::Raw::deserialize(deserializer).map(Self)
    }
}

impl<R: Rule> JsonSchema for Input<R> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Input".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        Schema::try_from(R::schema()).expect("the schema of a rule is an object")
    }
}

/// A field that may be absent.
pub trait Checked {
    /// The domain type of a checked field.
    type Value;

    /// Checks the value if there is one. `field` names it in the error.
    ///
    /// Errors: those of the rule.
    fn check(self, field: &str) -> Result<Option<Self::Value>, InvalidField>;
}

impl<R: Rule> Checked for Option<Input<R>> {
    type Value = R::Value;

    fn check(self, field: &str) -> Result<Option<R::Value>, InvalidField> {
        self.map(|input| input.check(field)).transpose()
    }
}

/// Checks every element of a list. `field` names the list in errors.
pub(crate) fn list<R: Rule>(
    field: &str,
    inputs: Vec<Input<R>>,
) -> Result<Vec<R::Value>, InvalidField> {
    inputs.into_iter().map(|input| input.check(field)).collect()
}

/// Keeps the difference between an absent field (outer `None`) and a null (inner `None`), as
/// `#[serde(default, deserialize_with = "nullable")]`.
///
/// Errors: those of `T`.
pub fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// Converts an absent, null or present field to a patch.
///
/// Errors: those of the rule.
pub fn patch<R: Rule>(
    field: &str,
    input: Option<Option<Input<R>>>,
) -> Result<Patch<R::Value>, InvalidField> {
    Ok(match input {
        None => Patch::Keep,
        Some(None) => Patch::Clear,
        Some(Some(value)) => Patch::Set(value.check(field)?),
    })
}
