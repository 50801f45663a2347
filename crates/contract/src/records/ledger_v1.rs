//! Version 1 of the JSON forms of the ledger's own events.

use ledger_domain::{LedgerEvent, MasterKeyId};
use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::shape::{self, Shape};

impl Shape for MasterKeyId {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        shape::read_text(deserializer, |text| {
            Self::from_ascii(text.as_bytes()).ok_or_else(|| "not the id of a master key".to_owned())
        })
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Rotated {
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    from: MasterKeyId,
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    to: MasterKeyId,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Rewrapped {
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    key: MasterKeyId,
    data_keys: u64,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Retired {
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    key: MasterKeyId,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Sealed {}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Unsealed {
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    key: MasterKeyId,
    shares: u8,
}

/// The `data` of one of the ledger's own events, to serialize.
pub(crate) struct LedgerOut<'a>(pub(crate) &'a LedgerEvent);

impl Serialize for LedgerOut<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match *self.0 {
            LedgerEvent::MasterKeyRotated { from, to } => Rotated { from, to }.serialize(s),
            LedgerEvent::DataKeysRewrapped { key, data_keys } => {
                Rewrapped { key, data_keys }.serialize(s)
            }
            LedgerEvent::MasterKeyRetired { key } => Retired { key }.serialize(s),
            LedgerEvent::Sealed => Sealed {}.serialize(s),
            LedgerEvent::Unsealed { key, shares } => Unsealed { key, shares }.serialize(s),
        }
    }
}

/// Returns whether events of a type are the ledger's own.
pub(crate) fn is_of_ledger(type_name: &str) -> bool {
    LedgerEvent::TYPE_NAMES.contains(&type_name)
}

/// Reads the `data` of one of the ledger's own events; `None` if the version is unknown.
pub(crate) fn read_ledger<'de, D: Deserializer<'de>>(
    type_name: &str,
    schema: u32,
    d: D,
) -> Result<Option<LedgerEvent>, D::Error> {
    Ok(Some(match (type_name, schema) {
        ("master_key_rotated", 1) => {
            let Rotated { from, to } = Rotated::deserialize(d)?;
            LedgerEvent::MasterKeyRotated { from, to }
        }
        ("data_keys_rewrapped", 1) => {
            let Rewrapped { key, data_keys } = Rewrapped::deserialize(d)?;
            LedgerEvent::DataKeysRewrapped { key, data_keys }
        }
        ("master_key_retired", 1) => {
            LedgerEvent::MasterKeyRetired { key: Retired::deserialize(d)?.key }
        }
        ("ledger_sealed", 1) => {
            let Sealed {} = Sealed::deserialize(d)?;
            LedgerEvent::Sealed
        }
        ("ledger_unsealed", 1) => {
            let Unsealed { key, shares } = Unsealed::deserialize(d)?;
            LedgerEvent::Unsealed { key, shares }
        }
        _ => return Ok(None),
    }))
}

/// Returns the schema of the `data` of these types.
pub(crate) fn ledger_schema(type_name: &str) -> Option<Schema> {
    Some(match type_name {
        "master_key_rotated" => schema_for!(Rotated),
        "data_keys_rewrapped" => schema_for!(Rewrapped),
        "master_key_retired" => schema_for!(Retired),
        "ledger_sealed" => schema_for!(Sealed),
        "ledger_unsealed" => schema_for!(Unsealed),
        _ => return None,
    })
}
