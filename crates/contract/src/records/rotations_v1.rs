//! Version 1 of the data of events about former generations.

use std::collections::BTreeMap;

use ledger_domain::connection::RetiredBy;
use ledger_domain::{Event, FieldName, Generation, Micros};
use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::parts_v1::is_default;
use crate::shape::{self, Read, Shape, Written};

impl Shape for RetiredBy {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        shape::read_text(deserializer, |text| {
            let known = Self::ALL.into_iter().find(|cause| cause.as_str() == text);
            known.ok_or_else(|| "not a cause of a retirement".to_owned())
        })
    }
}

#[derive(Serialize)]
struct Out<'a> {
    generations: Written<'a, BTreeMap<FieldName, Generation>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Written<'a, RetiredBy>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Written<'a, Micros>>,
    #[serde(skip_serializing_if = "is_default")]
    health_unknown: bool,
}

/// The data of an event about former generations, to serialize. Other events are not written here.
pub(super) struct FormersOut<'a>(pub(super) &'a Event);

impl Serialize for FormersOut<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let (generations, cause, until, health_unknown) = match self.0 {
            Event::FormerRetired { generations, cause } => (generations, Some(cause), None, false),
            Event::FormerEndSet { generations, until } => (generations, None, Some(until), false),
            Event::RotationCancelled { generations, health_unknown } => {
                (generations, None, None, *health_unknown)
            }
            _ => return Err(serde::ser::Error::custom("not an event about former generations")),
        };
        let generations = Written(generations);
        let (cause, until) = (cause.map(Written), until.map(Written));
        Out { generations, cause, until, health_unknown }.serialize(s)
    }
}

#[derive(Deserialize, JsonSchema)]
struct RetiredIn {
    #[schemars(with = "BTreeMap<String, u64>")]
    generations: Read<BTreeMap<FieldName, Generation>>,
    /// `command`, `deadline` or `confirmation`.
    #[schemars(with = "String")]
    cause: Read<RetiredBy>,
}

#[derive(Deserialize, JsonSchema)]
struct EndSetIn {
    #[schemars(with = "BTreeMap<String, u64>")]
    generations: Read<BTreeMap<FieldName, Generation>>,
    #[schemars(with = "String")]
    until: Read<Micros>,
}

#[derive(Deserialize, JsonSchema)]
struct CancelledIn {
    #[schemars(with = "BTreeMap<String, u64>")]
    generations: Read<BTreeMap<FieldName, Generation>>,
    #[serde(default)]
    health_unknown: bool,
}

/// Returns whether [`read`] reads the data of an event type in a version.
pub(super) fn is_known(type_name: &str, schema: u32) -> bool {
    matches!((type_name, schema), ("former_retired" | "former_end_set" | "rotation_cancelled", 1))
}

/// Reads the data of an event about former generations.
pub(super) fn read<'de, D: Deserializer<'de>>(type_name: &str, d: D) -> Result<Event, D::Error> {
    Ok(match type_name {
        "former_retired" => {
            let RetiredIn { generations, cause } = RetiredIn::deserialize(d)?;
            Event::FormerRetired { generations: generations.0, cause: cause.0 }
        }
        "former_end_set" => {
            let EndSetIn { generations, until } = EndSetIn::deserialize(d)?;
            Event::FormerEndSet { generations: generations.0, until: until.0 }
        }
        _ => {
            let CancelledIn { generations, health_unknown } = CancelledIn::deserialize(d)?;
            Event::RotationCancelled { generations: generations.0, health_unknown }
        }
    })
}

/// Returns the schema of the data of such an event.
pub(super) fn schema(type_name: &str) -> Option<Schema> {
    Some(match type_name {
        "former_retired" => schema_for!(RetiredIn),
        "former_end_set" => schema_for!(EndSetIn),
        "rotation_cancelled" => schema_for!(CancelledIn),
        _ => return None,
    })
}
