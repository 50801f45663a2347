//! Parts of a connection's details.

use ledger_domain::connection::{Identity, IdentityKind, SecretReference};
use ledger_domain::{InvalidField, Json, Line, limits};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::commands::input::{
    Checked as _, FieldNameRule, Input, LineRule, MapInput, ProseRule, Rule, SecretInput, WordRule,
    list,
};

/// Settings by field.
pub type Config<V> = MapInput<FieldNameRule, V, { limits::CONFIG_FIELDS }>;
/// Secrets by field.
pub type Secrets<V = SecretInput> = MapInput<FieldNameRule, V, { limits::SECRET_FIELDS }>;
/// Labels by key.
pub type Labels<V, const MAX: usize> = MapInput<LineRule<{ limits::LABEL_KEY_CHARS }>, V, MAX>;
/// Annotations by key.
pub type Annotations<V> =
    MapInput<LineRule<{ limits::ANNOTATION_KEY_CHARS }>, V, { limits::ANNOTATIONS }>;

/// The user, team, organization or project that a connection is for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityBody {
    /// `user`, `team`, `organization` or `project`.
    pub r#type: Input<WordRule<IdentityKind>>,
    /// The caller's own id for that party, at most 128 characters.
    pub value: Input<LineRule<{ limits::IDENTITY_CHARS }>>,
}

impl IdentityBody {
    pub(crate) fn check(self) -> Result<Identity, InvalidField> {
        Ok(Identity {
            kind: self.r#type.check("identity.type")?,
            value: self.value.check("identity.value")?,
        })
    }
}

/// Text of a reference.
type ReferenceText = Input<LineRule<{ limits::REFERENCE_CHARS }>>;

/// A field whose value lives in an external secret store.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretReferenceBody {
    /// The field that gets the value.
    pub target: ReferenceText,
    /// Id, path or slug of the value in the external store.
    pub reference: ReferenceText,
    /// Which part of the external value to use, if it has several.
    pub key: Option<ReferenceText>,
    /// `json` or `string`.
    pub format: Option<Input<ReferenceFormat>>,
}

/// The format of an external value.
#[derive(Debug)]
pub enum ReferenceFormat {}

const REFERENCE_FORMATS: [&str; 2] = ["json", "string"];

impl Rule for ReferenceFormat {
    type Raw = String;
    type Value = Line;
    fn check(field: &str, raw: String) -> Result<Line, InvalidField> {
        if !REFERENCE_FORMATS.contains(&raw.as_str()) {
            return Err(InvalidField::new(field, "must be json or string"));
        }
        Line::parse(field, &raw, limits::REFERENCE_CHARS)
    }
    fn schema() -> Value {
        json!({ "type": "string", "enum": REFERENCE_FORMATS })
    }
}

impl SecretReferenceBody {
    /// Checks a reference.
    ///
    /// Errors: `field_invalid`.
    pub fn check(self) -> Result<SecretReference, InvalidField> {
        let format = self.format.check("secret_references.format")?;
        Ok(SecretReference {
            target: self.target.check("secret_references.target")?,
            reference: self.reference.check("secret_references.reference")?,
            key: self.key.check("secret_references.key")?,
            format,
        })
    }
}

/// Checks references.
///
/// Errors: `field_invalid`.
pub fn secret_references(
    bodies: Vec<SecretReferenceBody>,
) -> Result<Vec<SecretReference>, InvalidField> {
    bodies.into_iter().map(SecretReferenceBody::check).collect()
}

/// Converts a value into the canonical text form: compact, with sorted keys.
pub fn json(value: &Value) -> Json {
    Json::from_canonical(value.to_string())
}

/// A tag.
pub type Tag = Input<LineRule<{ limits::TAG_CHARS }>>;

/// Checks tags and removes duplicates, keeping the first of each.
///
/// Errors: `field_invalid`.
pub fn tags(inputs: Vec<Tag>) -> Result<Vec<Line>, InvalidField> {
    let mut tags: Vec<Line> = Vec::new();
    for tag in list("tags", inputs)? {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    Ok(tags)
}

/// The value of a label.
pub type LabelValue = Input<ProseRule<{ limits::LABEL_VALUE_CHARS }>>;
