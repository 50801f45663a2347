//! Version 1 of the data of events about handovers, and the row of a handover.

use std::collections::BTreeMap;

use ledger_domain::principal::{ApiKeyId, KeyDigest};
use ledger_domain::{
    Actor, ConnectionId, Ended, FieldName, Generation, GivenOut, HandedOver, Handover,
    HandoverContent, HandoverEnd, HandoverEvent, HandoverId, KeyHandedOver, Line, Micros,
    PrincipalName, Prose, Sealed, WorkspaceName,
};
use schemars::{JsonSchema, Schema, schema_for};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::parts_v1::mirrors;
use crate::shape::{self, Read, Shape, Written};

mirrors!(
    HandedOverV1 => HandedOver,
    KeyHandedOverV1 => KeyHandedOver,
    StoredContent => HandoverContent,
    StoredEnd => Ended,
    StoredHandover => Handover,
);

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

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "KeyHandedOver")]
struct KeyHandedOverV1 {
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    handover: HandoverId,
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    digest: KeyDigest,
    /// Id of the key.
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    key: ApiKeyId,
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    until: Micros,
    /// The only principal that may use it.
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    receiver: Option<PrincipalName>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "HandoverContent", rename_all = "snake_case")]
enum StoredContent {
    Values {
        #[serde(with = "shape")]
        connection: ConnectionId,
        #[serde(with = "shape")]
        generations: BTreeMap<FieldName, Generation>,
        #[serde(with = "shape")]
        reason: Prose,
    },
    Key {
        #[serde(with = "shape")]
        principal: PrincipalName,
        #[serde(with = "shape")]
        key: ApiKeyId,
        #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
        sealed: Option<Sealed>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Handover")]
struct StoredHandover {
    #[serde(with = "shape")]
    id: HandoverId,
    #[serde(with = "shape")]
    digest: KeyDigest,
    #[serde(with = "shape")]
    content: HandoverContent,
    #[serde(with = "shape")]
    until: Micros,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    receiver: Option<PrincipalName>,
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
    let row = serde_json::from_slice::<Read<Handover>>(bytes).map(|read| read.0);
    row.or_else(|error| match serde_json::from_slice::<EarlierHandover>(bytes) {
        Ok(earlier) => Ok(earlier.into()),
        Err(_) => Err(error),
    })
}

/// A row from when only values of secrets could be handed over.
#[derive(Deserialize)]
struct EarlierHandover {
    made: Read<HandedOver>,
    connection: Read<ConnectionId>,
    workspace: Read<WorkspaceName>,
    made_by: Read<Actor>,
    made_at: Read<Micros>,
    #[serde(default)]
    ended: Option<Read<Ended>>,
}

impl From<EarlierHandover> for Handover {
    fn from(row: EarlierHandover) -> Self {
        let HandedOver { handover: id, digest, generations, reason, until, receiver, .. } =
            row.made.0;
        Self {
            id,
            digest,
            content: HandoverContent::Values { connection: row.connection.0, generations, reason },
            until,
            receiver,
            workspace: row.workspace.0,
            made_by: row.made_by.0,
            made_at: row.made_at.0,
            ended: row.ended.map(|ended| ended.0),
        }
    }
}

#[derive(Serialize)]
struct Out<'a> {
    handover: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    generations: Option<Written<'a, BTreeMap<FieldName, Generation>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Written<'a, ApiKeyId>>,
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
            HandoverEvent::KeyMade(made) => return made.write(s),
            HandoverEvent::Used { handover, given, from } => {
                let (generations, key) = match given {
                    GivenOut::Values(generations) => (Some(Written(generations)), None),
                    GivenOut::Key(key) => (None, Some(Written(key))),
                };
                let from = from.as_ref().map(Written);
                let handover = handover.as_str();
                Out { handover, generations, key, from, cause: None, reason: None }
            }
            HandoverEvent::Ended { handover, cause, reason } => Out {
                handover: handover.as_str(),
                generations: None,
                key: None,
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
    /// The fields, with the generation of each, unless it was a key.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, u64>>")]
    generations: Option<Read<BTreeMap<FieldName, Generation>>>,
    /// Id of the API key, if it was one.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    key: Option<Read<ApiKeyId>>,
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
        "api_key_handed_over" => HandoverEvent::KeyMade(Box::new(Shape::read(d)?)),
        "handover_used" => {
            let UsedIn { handover, generations, key, from } = UsedIn::deserialize(d)?;
            let given = match (generations, key) {
                (Some(generations), None) => GivenOut::Values(generations.0),
                (None, Some(key)) => GivenOut::Key(key.0),
                _ => return Err(D::Error::custom("needs either generations or a key")),
            };
            HandoverEvent::Used { handover: handover.0, given, from: from.map(|read| read.0) }
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
        "api_key_handed_over" => schema_for!(KeyHandedOverV1),
        "handover_used" => schema_for!(UsedIn),
        "handover_ended" => schema_for!(EndedIn),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handover_of_a_key_is_stored_and_read_unchanged() {
        let key = || ApiKeyId::parse("key", "k23456789abc").unwrap();
        let id = || HandoverId::parse("id", "k3x9a2bq71ce").unwrap();
        let sealed = Some(Sealed::from_text("t1.x"));
        let principal = PrincipalName::parse("principal", "eu-1").unwrap();
        let handover = Handover {
            id: id(),
            digest: KeyDigest::new("b3.x"),
            content: HandoverContent::Key { principal, key: key(), sealed },
            until: Micros::new(7),
            receiver: None,
            workspace: WorkspaceName::parse("workspace", "ops").unwrap(),
            made_by: Actor::new("user:ada"),
            made_at: Micros::new(1),
            ended: None,
        };
        let row = encode_handover_row(&handover);
        assert_eq!(decode_handover_row(&row).unwrap(), handover);

        let used = HandoverEvent::Used { handover: id(), given: GivenOut::Key(key()), from: None };
        let json = serde_json::to_string(&HandoverOut(&used)).unwrap();
        assert_eq!(json, r#"{"handover":"k3x9a2bq71ce","key":"k23456789abc"}"#);
        let reads =
            |json: &str| read("handover_used", &mut serde_json::Deserializer::from_str(json));
        assert_eq!(reads(&json).unwrap(), used);
        assert!(reads(r#"{"handover":"k3x9a2bq71ce"}"#).is_err(), "nothing was given out");
    }
}
