//! The JSON forms of the domain's words and of maps by product.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ledger_domain::connection::{AuthMethod, Kind, TestOutcome};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::words::{Capability, Facade};

/// A word of the domain that can be serialized, parsed and described as JSON.
pub(crate) trait Word: Copy + 'static {
    const ALL: &'static [Self];
    const NAME: &'static str;
    fn text(self) -> &'static str;
}

impl Word for AuthMethod {
    const ALL: &'static [Self] = Self::ALL;
    const NAME: &'static str = "AuthMethod";
    fn text(self) -> &'static str {
        self.as_str()
    }
}

impl Word for Kind {
    const ALL: &'static [Self] = Self::ALL;
    const NAME: &'static str = "Kind";
    fn text(self) -> &'static str {
        self.as_str()
    }
}

impl Word for TestOutcome {
    const ALL: &'static [Self] = Self::ALL;
    const NAME: &'static str = "TestOutcome";
    fn text(self) -> &'static str {
        self.as_str()
    }
}

/// Serializes and deserializes a [`Word`].
pub(crate) struct Worded<T>(pub(crate) T);

impl<T: Word> Serialize for Worded<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.text())
    }
}

impl<'de, T: Word> Deserialize<'de> for Worded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        T::ALL.iter().copied().find(|word| word.text() == text).map(Self).ok_or_else(|| {
            let all: Vec<_> = T::ALL.iter().map(|word| word.text()).collect();
            de::Error::custom(format!("must be one of {}", all.join(" ")))
        })
    }
}

impl<T: Word> JsonSchema for Worded<T> {
    fn schema_name() -> Cow<'static, str> {
        T::NAME.into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let all: Vec<_> = T::ALL.iter().map(|word| word.text()).collect();
        json_schema!({ "type": "string", "enum": all })
    }
}

/// For `#[serde(with = "shape::word")]`.
pub(crate) mod word {
    use super::{Deserialize, Deserializer, Serialize, Serializer, Word, Worded};

    pub(crate) fn serialize<T: Word, S: Serializer>(word: &T, to: S) -> Result<S::Ok, S::Error> {
        Worded(*word).serialize(to)
    }

    pub(crate) fn deserialize<'de, T: Word, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
        Worded::deserialize(from).map(|worded| worded.0)
    }
}

/// For `#[serde(with = "shape::word_list")]`.
pub(crate) mod word_list {
    use super::{Deserialize, Deserializer, Serializer, Word, Worded};

    pub(crate) fn serialize<T: Word, S: Serializer>(
        words: &[T],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(words.iter().map(|word| Worded(*word)))
    }

    pub(crate) fn deserialize<'de, T: Word, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<T>, D::Error> {
        let words = Vec::<Worded<T>>::deserialize(deserializer)?;
        Ok(words.into_iter().map(|worded| worded.0).collect())
    }
}

/// For `#[serde(with = "shape::word_map")]`.
pub(crate) mod word_map {
    use super::{BTreeMap, Deserialize, Deserializer, Serializer, Word, Worded};

    pub(crate) fn serialize<T: Word, S: Serializer>(
        words: &BTreeMap<String, T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(words.iter().map(|(key, word)| (key, Worded(*word))))
    }

    pub(crate) fn deserialize<'de, T: Word, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<String, T>, D::Error> {
        let words = BTreeMap::<String, Worded<T>>::deserialize(deserializer)?;
        Ok(words.into_iter().map(|(key, worded)| (key, worded.0)).collect())
    }
}

/// Returns the schema of a map by product, with one optional text for each.
pub(crate) fn by_facade(_: &mut SchemaGenerator) -> Schema {
    each_facade(&json_schema!({ "type": "string" }))
}

/// Returns the schema of a map by product, with one optional list of capabilities for each.
pub(crate) fn capabilities_by_facade(generator: &mut SchemaGenerator) -> Schema {
    each_facade(&generator.subschema_for::<Vec<Capability>>())
}

fn each_facade(value: &Schema) -> Schema {
    let values =
        Facade::ALL.iter().map(|facade| (facade.as_str().to_owned(), value.clone().to_value()));
    let values: serde_json::Map<_, _> = values.collect();
    json_schema!({ "type": "object", "properties": values, "additionalProperties": false })
}
