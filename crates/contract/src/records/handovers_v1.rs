//! Version 1 of the data of events about handovers, and the row of a handover.

use std::collections::BTreeMap;

use ledger_domain::principal::KeyDigest;
use ledger_domain::{
    Actor, ConnectionId, Ended, FieldName, Generation, HandedOver, Handover, HandoverEnd,
    HandoverEvent, HandoverId, Line, Micros, PrincipalName, Prose, WorkspaceName,
};
use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::parts_v1::mirrors;
use crate::shape::{self, Read, Shape, Written};

mirrors!(HandedOverV1 => HandedOver, StoredHandover => Handover, StoredEnd => Ended);

impl Shape for HandoverEnd {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        shape::read_text(deserializer, |text| {
            let known = Self::ALL.into_iter().find(|cause| cause.as_str() == text);
            known.ok_or_else(|| "not an end of a handover".to_owned())
        })
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "HandedOver")]
struct HandedOverV1 {
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    handover: HandoverId,
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    digest: KeyDigest,
    #[serde(with = "shape")]
    #[schemars(with = "BTreeMap<String, u64>")]
    generations: BTreeMap<FieldName, Generation>,
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    reason: Prose,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    from: Option<Line>,
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    until: Micros,
    /// The only principal that may use it.
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    receiver: Option<PrincipalName>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Handover")]
struct StoredHandover {
    #[serde(with = "shape")]
    made: HandedOver,
    #[serde(with = "shape")]
    connection: ConnectionId,
    #[serde(with = "shape")]
    workspace: WorkspaceName,
    #[serde(with = "shape")]
    made_by: Actor,
    #[serde(with = "shape")]
    made_at: Micros,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    ended: Option<Ended>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Ended")]
struct StoredEnd {
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    unused: Option<HandoverEnd>,
    #[serde(with = "shape")]
    at: Micros,
    #[serde(with = "shape")]
    by: Actor,
}

/// Returns the stored bytes of a handover's row.
pub fn encode_handover_row(handover: &Handover) -> Vec<u8> {
    serde_json::to_vec(&Written(handover)).expect("checked values always have a JSON form")
}

/// Parses the stored bytes of a handover's row.
pub fn decode_handover_row(bytes: &[u8]) -> Result<Handover, serde_json::Error> {
    serde_json::from_slice::<Read<Handover>>(bytes).map(|read| read.0)
}

#[derive(Serialize)]
struct Out<'a> {
    handover: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    generations: Option<Written<'a, BTreeMap<FieldName, Generation>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Written<'a, Line>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Written<'a, Prose>>,
}

/// The data of an event about a handover, to serialize.
pub(super) struct HandoverOut<'a>(pub(super) &'a HandoverEvent);

impl Serialize for HandoverOut<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            HandoverEvent::Made(made) => return made.write(s),
            HandoverEvent::Used { handover, generations, from } => Out {
                handover: handover.as_str(),
                generations: Some(Written(generations)),
                from: from.as_ref().map(Written),
                cause: None,
                reason: None,
            },
            HandoverEvent::Ended { handover, cause, reason } => Out {
                handover: handover.as_str(),
                generations: None,
                from: None,
                cause: Some(cause.as_str()),
                reason: reason.as_ref().map(Written),
            },
        }
        .serialize(s)
    }
}

#[derive(Deserialize, JsonSchema)]
struct UsedIn {
    #[schemars(with = "String")]
    handover: Read<HandoverId>,
    #[schemars(with = "BTreeMap<String, u64>")]
    generations: Read<BTreeMap<FieldName, Generation>>,
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    from: Option<Read<Line>>,
}

#[derive(Deserialize, JsonSchema)]
struct EndedIn {
    #[schemars(with = "String")]
    handover: Read<HandoverId>,
    /// `expired` or `revoked`.
    #[schemars(with = "String")]
    cause: Read<HandoverEnd>,
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    reason: Option<Read<Prose>>,
}

/// Returns whether [`read`] reads the data of an event type in a version.
pub(super) fn is_known(type_name: &str, schema: u32) -> bool {
    HandoverEvent::TYPE_NAMES.contains(&type_name) && schema == 1
}

/// Reads the data of an event about a handover.
pub(super) fn read<'de, D>(type_name: &str, d: D) -> Result<HandoverEvent, D::Error>
where
    D: Deserializer<'de>,
{
    Ok(match type_name {
        "secret_handed_over" => HandoverEvent::Made(Box::new(Shape::read(d)?)),
        "handover_used" => {
            let UsedIn { handover, generations, from } = UsedIn::deserialize(d)?;
            let from = from.map(|read| read.0);
            HandoverEvent::Used { handover: handover.0, generations: generations.0, from }
        }
        _ => {
            let EndedIn { handover, cause, reason } = EndedIn::deserialize(d)?;
            let reason = reason.map(|read| read.0);
            HandoverEvent::Ended { handover: handover.0, cause: cause.0, reason }
        }
    })
}

/// Returns the schema of the data of such an event.
pub(super) fn schema(type_name: &str) -> Option<Schema> {
    Some(match type_name {
        "secret_handed_over" => schema_for!(HandedOverV1),
        "handover_used" => schema_for!(UsedIn),
        "handover_ended" => schema_for!(EndedIn),
        _ => return None,
    })
}
