//! Reading stored records of every version, in one pass.

use std::borrow::Cow;
use std::fmt;

use ledger_domain::Position;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::event_v1::DataSeed;
use super::versions::METADATA_VERSION;
use super::{Metadata, Provenance, Record, RecordError};
use crate::shape::{Read, Shape};

/// Parses a stored record. `position` is where the bytes were found and must match the record.
pub fn decode(position: Position, bytes: &[u8]) -> Result<Record, RecordError> {
    decode_versioned(position, bytes).map(|Versioned { record, .. }| record)
}

/// A record, and the version of the metadata that it was stored with.
pub(super) struct Versioned {
    pub(super) metadata_version: u32,
    pub(super) record: Record,
}

/// Does the same as [`decode`].
pub(super) fn decode_versioned(position: Position, bytes: &[u8]) -> Result<Versioned, RecordError> {
    let versioned: Versioned =
        serde_json::from_slice(bytes).map_err(|source| RecordError { position, source })?;
    let record = &versioned.record;
    if record.metadata.position == position {
        return Ok(versioned);
    }
    let source = de::Error::custom(format!(
        "the record says it belongs at position {}",
        record.metadata.position
    ));
    Err(RecordError { position, source })
}

impl<'de> Deserialize<'de> for Versioned {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RecordVisitor)
    }
}

/// Reads a record in one pass, which the fixed field order allows: `type` comes before `data`.
struct RecordVisitor;

impl<'de> Visitor<'de> for RecordVisitor {
    type Value = Versioned;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Versioned, A::Error> {
        let (metadata_version, position) = first_fields(&mut map)?;
        let stream = required(&mut map, "stream")?;
        let version = required(&mut map, "version")?;
        let event_id = required(&mut map, "event_id")?;
        expect_key(&mut map, "type")?;
        let Word(type_name) = map.next_value()?;
        expect_key(&mut map, "schema")?;
        let schema: u32 = map.next_value()?;
        let workspace = required(&mut map, "workspace")?;
        let recorded_at = required(&mut map, "recorded_at")?;
        let actor = required(&mut map, "actor")?;
        let via = required(&mut map, "via")?;
        let command_id = required(&mut map, "command_id")?;
        let (mut correlation_id, mut causation_id, mut trace_id) = (None, None, None);
        // What records of earlier versions do not have stays absent.
        let (mut epoch, mut clock, mut key, mut address) = (None, None, None, None);
        let mut fingerprint = None;
        let data = DataSeed { type_name: &type_name, schema };
        let happened = loop {
            let field = map.next_key::<Word<'de>>()?;
            match (field.as_ref().map(|field| field.0.as_ref()), metadata_version) {
                (Some("correlation_id"), _) => correlation_id = Some(read(&mut map)?),
                (Some("causation_id"), _) => causation_id = Some(read(&mut map)?),
                (Some("trace_id"), _) => trace_id = Some(read(&mut map)?),
                (Some("epoch"), 2..) => epoch = Some(map.next_value()?),
                (Some("clock"), 2..) => clock = Some(read(&mut map)?),
                (Some("key"), 2..) => key = Some(read(&mut map)?),
                (Some("address"), 2..) => address = Some(map.next_value()?),
                (Some("fingerprint"), 3..) => fingerprint = Some(read(&mut map)?),
                (Some("data"), _) => break map.next_value_seed(data)?,
                (Some(_), _) => return Err(de::Error::custom("unexpected field in a record")),
                (None, _) => return Err(de::Error::missing_field("data")),
            }
        };
        let metadata = Metadata {
            position,
            stream,
            version,
            event_id,
            workspace,
            recorded_at,
            clock,
            epoch,
            actor,
            provenance: Provenance {
                via,
                command_id,
                correlation_id,
                causation_id,
                trace_id,
                key,
                address,
            },
            fingerprint,
        };
        Ok(Versioned { metadata_version, record: Record { metadata, happened } })
    }
}

/// A string that borrows from the input if it has no escapes.
#[derive(Deserialize)]
pub(super) struct Word<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// Reads the version of the metadata and the position. Records of version 1 begin with the latter.
fn first_fields<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(u32, Position), A::Error> {
    match map.next_key::<Word<'de>>()? {
        Some(Word(key)) if key == "position" => Ok((1, read(map)?)),
        Some(Word(key)) if key == "record" => match map.next_value()? {
            version @ 2..=METADATA_VERSION => Ok((version, required(map, "position")?)),
            other => {
                Err(de::Error::custom(format!("the record's metadata has unknown version {other}")))
            }
        },
        _ => Err(de::Error::missing_field("position")),
    }
}

/// Reads the next key, which must be `name`.
fn expect_key<'de, A: MapAccess<'de>>(map: &mut A, name: &'static str) -> Result<(), A::Error> {
    match map.next_key::<Word<'de>>()? {
        Some(Word(key)) if key == name => Ok(()),
        _ => Err(de::Error::missing_field(name)),
    }
}

/// Reads the next field, which must be `name`.
fn required<'de, T: Shape, A: MapAccess<'de>>(
    map: &mut A,
    name: &'static str,
) -> Result<T, A::Error> {
    expect_key(map, name)?;
    read(map)
}

/// Reads the value of the key just read.
fn read<'de, T: Shape, A: MapAccess<'de>>(map: &mut A) -> Result<T, A::Error> {
    map.next_value::<Read<T>>().map(|read| read.0)
}
