//! Version 1 of the data of events about consumers of a connection, and the row of a consumer.

use std::collections::BTreeMap;

use ledger_domain::{
    Actor, Consumer, ConsumerEvent, ConsumerName, FieldName, Generation, Micros, Position, Version,
};
use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::parts_v1::mirrors;
use crate::shape::{self, Read, Shape, Written};

mirrors!(StoredConsumer => Consumer);

#[derive(Serialize, Deserialize)]
#[serde(remote = "Consumer")]
struct StoredConsumer {
    #[serde(with = "shape")]
    generations: BTreeMap<FieldName, Generation>,
    #[serde(with = "shape")]
    actor: Actor,
    #[serde(with = "shape")]
    confirmed_at: Micros,
    #[serde(with = "shape")]
    position: Position,
    #[serde(with = "shape")]
    version: Version,
}

/// Returns the stored bytes of a consumer's row.
pub fn encode_consumer_row(consumer: &Consumer) -> Vec<u8> {
    serde_json::to_vec(&Written(consumer)).expect("checked values always have a JSON form")
}

/// Parses the stored bytes of a consumer's row.
pub fn decode_consumer_row(bytes: &[u8]) -> Result<Consumer, serde_json::Error> {
    serde_json::from_slice::<Read<Consumer>>(bytes).map(|read| read.0)
}

#[derive(Serialize)]
struct Out<'a> {
    consumer: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    generations: Option<Written<'a, BTreeMap<FieldName, Generation>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<&'a str>,
}

/// The data of an event about a consumer, to serialize.
pub(super) struct ConsumerOut<'a>(pub(super) &'a ConsumerEvent);

impl Serialize for ConsumerOut<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            ConsumerEvent::Confirmed { consumer, generations, replaces } => Out {
                consumer: consumer.as_str(),
                generations: Some(Written(generations)),
                replaces: replaces.as_ref().map(ConsumerName::as_str),
            },
            ConsumerEvent::Removed { consumer } => {
                Out { consumer: consumer.as_str(), generations: None, replaces: None }
            }
        }
        .serialize(s)
    }
}

#[derive(Deserialize, JsonSchema)]
struct ConfirmedIn {
    #[schemars(with = "String")]
    consumer: Read<ConsumerName>,
    #[schemars(with = "BTreeMap<String, u64>")]
    generations: Read<BTreeMap<FieldName, Generation>>,
    /// A consumer that was gone and had to make room.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    replaces: Option<Read<ConsumerName>>,
}

#[derive(Deserialize, JsonSchema)]
struct RemovedIn {
    #[schemars(with = "String")]
    consumer: Read<ConsumerName>,
}

/// Returns whether [`read`] reads the data of an event type in a version.
pub(super) fn is_known(type_name: &str, schema: u32) -> bool {
    ConsumerEvent::TYPE_NAMES.contains(&type_name) && schema == 1
}

/// Reads the data of an event about a consumer.
pub(super) fn read<'de, D>(type_name: &str, d: D) -> Result<ConsumerEvent, D::Error>
where
    D: Deserializer<'de>,
{
    if type_name == "consumer_removed" {
        return RemovedIn::deserialize(d)
            .map(|read| ConsumerEvent::Removed { consumer: read.consumer.0 });
    }
    let ConfirmedIn { consumer, generations, replaces } = ConfirmedIn::deserialize(d)?;
    let replaces = replaces.map(|read| read.0);
    Ok(ConsumerEvent::Confirmed { consumer: consumer.0, generations: generations.0, replaces })
}

/// Returns the schema of the data of such an event.
pub(super) fn schema(type_name: &str) -> Option<Schema> {
    Some(match type_name {
        "secret_confirmed" => schema_for!(ConfirmedIn),
        "consumer_removed" => schema_for!(RemovedIn),
        _ => return None,
    })
}
