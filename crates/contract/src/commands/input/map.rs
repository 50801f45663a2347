//! Maps with checked keys.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use ledger_domain::InvalidField;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The rule for the keys of a map.
pub trait Key {
    /// The domain's type.
    type Value: Ord;

    /// Checks a key. `field` names the map in the error.
    fn check(field: &str, name: &str) -> Result<Self::Value, InvalidField>;

    /// Returns the schema of the keys, for `propertyNames`.
    fn schema() -> Value;
}

/// A map as it was sent, with its keys not checked yet. The schema documents `MAX` entries; the
/// limit is enforced on the whole connection, not here.
pub struct MapInput<K, V, const MAX: usize> {
    entries: BTreeMap<String, V>,
    key: PhantomData<K>,
}

impl<K: Key, V, const MAX: usize> MapInput<K, V, MAX> {
    /// Checks every key and value. `field` names the map in errors about keys; `value` gets the key
    /// as it was sent.
    ///
    /// Errors: those of the keys' rule and of `value`.
    pub fn check<W>(
        self,
        field: &str,
        value: impl Fn(&str, V) -> Result<W, InvalidField>,
    ) -> Result<BTreeMap<K::Value, W>, InvalidField> {
        let mut checked = BTreeMap::new();
        for (name, entry) in self.entries {
            checked.insert(K::check(field, &name)?, value(&name, entry)?);
        }
        Ok(checked)
    }
}

impl<K, V, const MAX: usize> Default for MapInput<K, V, MAX> {
    fn default() -> Self {
        BTreeMap::new().into()
    }
}

impl<K, V, const MAX: usize> From<BTreeMap<String, V>> for MapInput<K, V, MAX> {
    fn from(entries: BTreeMap<String, V>) -> Self {
        Self { entries, key: PhantomData }
    }
}

impl<K, V: fmt::Debug, const MAX: usize> fmt::Debug for MapInput<K, V, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MapInput({} entries)", self.entries.len())
    }
}

impl<'de, K, V: Deserialize<'de>, const MAX: usize> Deserialize<'de> for MapInput<K, V, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(deserializer).map(Self::from)
    }
}

impl<K: Key, V: JsonSchema, const MAX: usize> JsonSchema for MapInput<K, V, MAX> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Map".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = json_schema!({
            "type": "object",
            "additionalProperties": generator.subschema_for::<V>(),
            "propertyNames": K::schema(),
        });
        if MAX < usize::MAX {
            schema.insert("maxProperties".to_owned(), MAX.into());
        }
        schema
    }
}
