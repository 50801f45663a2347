//! The JSON forms of secrets in events and rows.
//!
//! | Version of the event's data | A secret has |
//! |---|---|
//! | before references (1; of `secret_rotated` 1 and 2) | `sealed` |
//! | with them | either `sealed` or `reference` |

use ledger_domain::{
    EventId, Former, FormerEnd, Generation, Held, Hint, Line, Micros, NewSecret, Reference,
    ReferenceFormat, ReferenceKind, Sealed, Secret,
};
use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use super::parts_v1::{is_default, mirrors};
use crate::shape::{self, Read, Shape, Written};

mirrors!(HintV1 => Hint, ReferenceV1 => Reference);

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Hint")]
pub(super) struct HintV1 {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    prefix: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    suffix: String,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Reference")]
struct ReferenceV1 {
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    kind: ReferenceKind,
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    name: Line,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    key: Option<Line>,
    #[serde(with = "shape", default, skip_serializing_if = "is_default")]
    #[schemars(with = "String")]
    format: ReferenceFormat,
}

macro_rules! word {
    ($name:ty, $what:literal) => {
        impl Shape for $name {
            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                shape::read_text(deserializer, |text| {
                    let known = Self::ALL.into_iter().find(|word| word.as_str() == text);
                    known.ok_or_else(|| concat!("not ", $what).to_owned())
                })
            }
        }
    };
}
word!(ReferenceKind, "a kind of reference");
word!(ReferenceFormat, "the format of a reference");

/// The parts of what a field holds, of which there is one.
type Parts<'a> = (Option<Written<'a, Sealed>>, Option<Written<'a, Reference>>);

fn parts(held: &Held) -> Parts<'_> {
    (held.sealed().map(Written), held.reference().map(Written))
}

fn held<E: serde::de::Error>(
    sealed: Option<Read<Sealed>>,
    reference: Option<Read<Reference>>,
) -> Result<Held, E> {
    match (sealed, reference) {
        (Some(sealed), None) => Ok(Held::Sealed(sealed.0)),
        (None, Some(reference)) => Ok(Held::Reference(Box::new(reference.0))),
        _ => Err(E::custom("a secret has either `sealed` or `reference`")),
    }
}

#[derive(Serialize)]
struct NewSecretOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sealed: Option<Written<'a, Sealed>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<Written<'a, Reference>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<Written<'a, Hint>>,
}

#[derive(Deserialize)]
struct NewSecretIn {
    #[serde(default)]
    sealed: Option<Read<Sealed>>,
    #[serde(default)]
    reference: Option<Read<Reference>>,
    #[serde(default)]
    hint: Option<Read<Hint>>,
}

/// A hint to be written, unless it is empty.
fn hint(hint: &Hint) -> Option<Written<'_, Hint>> {
    (!is_default(hint)).then_some(Written(hint))
}

fn hint_in(hint: Option<Read<Hint>>) -> Hint {
    hint.map(|read| read.0).unwrap_or_default()
}

impl Shape for NewSecret {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (sealed, reference) = parts(&self.held);
        NewSecretOut { sealed, reference, hint: hint(&self.hint) }.serialize(serializer)
    }
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let NewSecretIn { sealed, reference, hint } = NewSecretIn::deserialize(deserializer)?;
        Ok(Self { held: held::<D::Error>(sealed, reference)?, hint: hint_in(hint) })
    }
}

#[derive(Serialize)]
struct SecretOut<'a> {
    generation: Written<'a, Generation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sealed: Option<Written<'a, Sealed>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<Written<'a, Reference>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<Written<'a, Hint>>,
    set_at: Written<'a, Micros>,
    set_by: Written<'a, EventId>,
    // Only in rows and snapshots, like those below; what an event restores has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    came_back_of: Option<Written<'a, Generation>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    former: Option<Written<'a, Former>>,
    #[serde(skip_serializing_if = "is_default")]
    overdue: bool,
}

#[derive(Deserialize)]
struct SecretIn {
    generation: Read<Generation>,
    #[serde(default)]
    sealed: Option<Read<Sealed>>,
    #[serde(default)]
    reference: Option<Read<Reference>>,
    #[serde(default)]
    hint: Option<Read<Hint>>,
    set_at: Read<Micros>,
    set_by: Read<EventId>,
    #[serde(default)]
    came_back_of: Option<Read<Generation>>,
    #[serde(default)]
    former: Option<Read<Former>>,
    #[serde(default)]
    overdue: bool,
}

impl Shape for Secret {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (sealed, reference) = parts(&self.held);
        SecretOut {
            generation: Written(&self.generation),
            sealed,
            reference,
            hint: hint(&self.hint),
            set_at: Written(&self.set_at),
            set_by: Written(&self.set_by),
            came_back_of: self.came_back_of.as_ref().map(Written),
            former: self.former.as_deref().map(Written),
            overdue: self.overdue,
        }
        .serialize(serializer)
    }
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = SecretIn::deserialize(deserializer)?;
        Ok(Self {
            generation: read.generation.0,
            held: held::<D::Error>(read.sealed, read.reference)?,
            hint: hint_in(read.hint),
            set_at: read.set_at.0,
            set_by: read.set_by.0,
            came_back_of: read.came_back_of.map(|read| read.0),
            former: read.former.map(|former| Box::new(former.0)),
            overdue: read.overdue,
        })
    }
}

#[derive(Serialize)]
struct FormerOut<'a> {
    generation: Written<'a, Generation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sealed: Option<Written<'a, Sealed>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<Written<'a, Reference>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<Written<'a, Hint>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    came_back_of: Option<Written<'a, Generation>>,
    end: Written<'a, FormerEnd>,
}

#[derive(Deserialize)]
struct FormerIn {
    generation: Read<Generation>,
    #[serde(default)]
    sealed: Option<Read<Sealed>>,
    #[serde(default)]
    reference: Option<Read<Reference>>,
    #[serde(default)]
    hint: Option<Read<Hint>>,
    #[serde(default)]
    came_back_of: Option<Read<Generation>>,
    end: Read<FormerEnd>,
}

impl Shape for Former {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (sealed, reference) = parts(&self.held);
        FormerOut {
            generation: Written(&self.generation),
            sealed,
            reference,
            hint: hint(&self.hint),
            came_back_of: self.came_back_of.as_ref().map(Written),
            end: Written(&self.end),
        }
        .serialize(serializer)
    }
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = FormerIn::deserialize(deserializer)?;
        Ok(Self {
            generation: read.generation.0,
            held: held::<D::Error>(read.sealed, read.reference)?,
            hint: hint_in(read.hint),
            came_back_of: read.came_back_of.map(|read| read.0),
            end: read.end.0,
        })
    }
}

// Describes a new secret before there were references.
#[derive(JsonSchema)]
#[schemars(rename = "NewSecret")]
#[expect(dead_code, reason = "it only describes")]
pub(super) struct NewSecretV1 {
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    sealed: Sealed,
    #[serde(with = "shape", default, skip_serializing_if = "is_default")]
    #[schemars(with = "HintV1")]
    hint: Hint,
}

// Describes a secret before there were references.
#[derive(JsonSchema)]
#[schemars(rename = "Secret")]
#[expect(dead_code, reason = "it only describes")]
pub(super) struct SecretV1 {
    #[serde(with = "shape")]
    #[schemars(with = "u64")]
    generation: Generation,
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    sealed: Sealed,
    #[serde(with = "shape", default, skip_serializing_if = "is_default")]
    #[schemars(with = "HintV1")]
    hint: Hint,
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    set_at: Micros,
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    set_by: EventId,
}

/// Returns the schema of data whose secrets may be references, given that of data from before.
pub(super) fn with_references(mut schema: Schema) -> Schema {
    let mut reference = schema_for!(ReferenceV1).to_value();
    if let Some(reference) = reference.as_object_mut() {
        reference.retain(|name, _| name != "$schema" && name != "title");
    }
    let defs = schema.ensure_object().get_mut("$defs").and_then(Value::as_object_mut);
    let Some(defs) = defs else { return schema };
    for name in ["NewSecret", "Secret"] {
        let Some(secret) = defs.get_mut(name).and_then(Value::as_object_mut) else { continue };
        if let Some(required) = secret.get_mut("required").and_then(Value::as_array_mut) {
            required.retain(|field| field != "sealed");
        }
        if let Some(properties) = secret.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert("reference".to_owned(), json!({ "$ref": "#/$defs/Reference" }));
        }
        let one = json!([{ "required": ["sealed"] }, { "required": ["reference"] }]);
        secret.insert("oneOf".to_owned(), one);
    }
    defs.insert("Reference".to_owned(), reference);
    schema
}
