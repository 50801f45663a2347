//! The JSON forms of domain types, kept out of the domain.
//!
//! [`Shape`] is implemented for domain types. `#[serde(with = "shape")]` uses it in structs that
//! mirror domain structs (`serde`'s remote derive), in both directions without a copy.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use ledger_domain::connection::{
    AuthMethod, Environment, HealthState, IdentityKind, Kind, Multiplier, Patch, RateCounts,
    RateUnit, TestOutcome, UsageUnit,
};
use ledger_domain::principal::{ApiKeyId, KeyDigest, PrincipalKind, Scope};
use ledger_domain::{
    Actor, AlertName, AlertReceiver, CheckedText, ConnectionId, ConsumerName, EventId, FieldName,
    Generation, HandoverId, Json, LeaseId, LedgerId, Line, MessageId, Micros, Position,
    PrincipalName, Prose, Sealed, SignatureScheme, Slug, Version, WorkspaceName,
};
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::time;

/// A domain type's JSON form.
pub(crate) trait Shape: Sized {
    /// Writes the JSON form.
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
    /// Reads the JSON form back.
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

/// Writes through [`Shape`]; the name is what `#[serde(with = ...)]` expects.
pub(crate) fn serialize<T: Shape, S: Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    value.write(serializer)
}

/// Reads through [`Shape`]; the name is what `#[serde(with = ...)]` expects.
pub(crate) fn deserialize<'de, T: Shape, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    T::read(deserializer)
}

/// Lets a container's element be written through [`Shape`].
pub(crate) struct Written<'a, T>(pub(crate) &'a T);

impl<T: Shape> Serialize for Written<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.write(serializer)
    }
}

/// Lets a container's element be read through [`Shape`].
pub(crate) struct Read<T>(pub(crate) T);

impl<'de, T: Shape> Deserialize<'de> for Read<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(deserializer).map(Read)
    }
}

/// Reads a string, borrowed or owned.
struct TextVisitor<T, F>(F, PhantomData<T>);

impl<T, F: FnOnce(&str) -> Result<T, String>> Visitor<'_> for TextVisitor<T, F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }
}

/// Reads a string and hands it to `parse`.
pub(crate) fn read_text<'de, T, D: Deserializer<'de>>(
    deserializer: D,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, D::Error> {
    deserializer.deserialize_str(TextVisitor(parse, PhantomData))
}

macro_rules! text_shapes {
    ($($name:ty),+) => {$(
        impl Shape for $name {
            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.text())
            }
            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                read_text(deserializer, |text| Ok(Self::stored(text.into())))
            }
        }
    )+};
}
text_shapes!(
    Actor,
    AlertName,
    ApiKeyId,
    ConsumerName,
    FieldName,
    HandoverId,
    KeyDigest,
    Line,
    MessageId,
    PrincipalName,
    Prose,
    Sealed,
    Slug,
    WorkspaceName
);

impl Shape for AlertReceiver {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_url())
    }
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_text(deserializer, |text| Ok(Self::stored(text)))
    }
}

macro_rules! word_shapes {
    ($($name:ty),+) => {$(
        impl Shape for $name {
            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                read_text(deserializer, |text| Self::parse(text).map_err(|error| error.problem))
            }
        }
    )+};
}
word_shapes!(
    AuthMethod,
    Environment,
    HealthState,
    IdentityKind,
    Kind,
    PrincipalKind,
    RateCounts,
    RateUnit,
    Scope,
    SignatureScheme,
    TestOutcome,
    UsageUnit
);

macro_rules! uuid_shapes {
    ($($name:ty),+) => {$(
        impl Shape for $name {
            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut text = uuid::Uuid::encode_buffer();
                serializer.serialize_str(self.uuid().hyphenated().encode_lower(&mut text))
            }
            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                read_text(deserializer, |text| {
                    uuid::Uuid::try_parse(text).map(Self::new).map_err(|_| "not a UUID".to_owned())
                })
            }
        }
    )+};
}
uuid_shapes!(ConnectionId, EventId, LeaseId, LedgerId);

macro_rules! counter_shapes {
    ($($name:ty),+) => {$(
        impl Shape for $name {
            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_u64(self.get())
            }
            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                u64::deserialize(deserializer).map(Self::new)
            }
        }
    )+};
}
counter_shapes!(Generation, Position, Version);

impl Shape for Micros {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&time::format(*self))
    }
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_text(deserializer, |text| time::parse("time", text).map_err(|error| error.problem))
    }
}

impl Shape for Json {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(self.text())
            .map_err(|_| serde::ser::Error::custom("the stored value is not JSON"))?;
        raw.serialize(serializer)
    }
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self::stored(Box::from(raw)))
    }
}

impl Shape for Multiplier {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.get())
    }
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = f64::deserialize(deserializer)?;
        Self::stored(value).ok_or_else(|| de::Error::custom("not a factor"))
    }
}

impl<T: Shape> Shape for Option<T> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_ref().map(Written).serialize(serializer)
    }
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<Read<T>>::deserialize(deserializer)?.map(|read| read.0))
    }
}

/// A patch is a field that may be absent (keep), null (clear) or present (set). The containing
/// struct handles absence: `#[serde(default, skip_serializing_if = "...")]`.
impl<T: Shape> Shape for Patch<T> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Set(value) => value.write(serializer),
            Self::Keep | Self::Clear => serializer.serialize_none(),
        }
    }
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Option::<T>::read(deserializer)? {
            Some(value) => Self::Set(value),
            None => Self::Clear,
        })
    }
}

/// Returns whether a patch can be omitted.
pub(crate) fn keeps<T>(patch: &Patch<T>) -> bool {
    matches!(patch, Patch::Keep)
}

impl<T: Shape> Shape for Box<T> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        T::write(self, serializer)
    }
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(deserializer).map(Box::new)
    }
}

impl<T: Shape> Shape for Vec<T> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.len()))?;
        for value in self {
            seq.serialize_element(&Written(value))?;
        }
        seq.end()
    }
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T>(PhantomData<T>);
        impl<'de, T: Shape> Visitor<'de> for ListVisitor<T> {
            type Value = Vec<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
                let mut values = Vec::new();
                while let Some(Read(value)) = seq.next_element()? {
                    values.push(value);
                }
                Ok(values)
            }
        }
        deserializer.deserialize_seq(ListVisitor(PhantomData))
    }
}

impl<T: Shape + Ord> Shape for BTreeSet<T> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Written))
    }
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::read(deserializer).map(Self::from_iter)
    }
}

impl<K: CheckedText + Shape + Ord, V: Shape> Shape for BTreeMap<K, V> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (key, value) in self {
            map.serialize_entry(key.text(), &Written(value))?;
        }
        map.end()
    }
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TreeVisitor<K, V>(PhantomData<(K, V)>);
        impl<'de, K: Shape + Ord, V: Shape> Visitor<'de> for TreeVisitor<K, V> {
            type Value = BTreeMap<K, V>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = BTreeMap::new();
                while let Some((Read(key), Read(value))) = map.next_entry()? {
                    entries.insert(key, value);
                }
                Ok(entries)
            }
        }
        deserializer.deserialize_map(TreeVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_stored_under_another_limit_is_read() {
        let read = |text| serde_json::from_str::<Read<Multiplier>>(text).map(|read| read.0.get());
        assert!(read("1e12").is_ok_and(|factor| factor > 1e9));
        assert!(read("-1").is_err());
        assert!(Multiplier::parse("factor", 1e12).is_err(), "new ones have a limit");
    }
}
