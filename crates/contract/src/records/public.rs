//! Stored records as readers may see them: the same bytes, ciphertext left out.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::Happened;

/// Returns a stored record without its ciphertext. Fields keep their order and their text.
pub fn public(bytes: &[u8], happened: &Happened) -> Box<RawValue> {
    let text = if happened.holds_ciphertext() {
        without_ciphertext(bytes)
    } else {
        std::str::from_utf8(bytes).ok().map(str::to_owned)
    };
    // What cannot be shown for certain is not shown at all.
    let shown = text.and_then(|text| RawValue::from_string(text).ok());
    shown.unwrap_or_else(|| RawValue::NULL.to_owned())
}

fn without_ciphertext(record: &[u8]) -> Option<String> {
    edited(std::str::from_utf8(record).ok()?, |field, data| match field {
        "data" => edited(data, |field, secrets| match field {
            "secrets" => edited(secrets, |_, secret| without_sealed(secret)),
            _ => Some(secrets.to_owned()),
        }),
        _ => Some(data.to_owned()),
    })
}

/// Returns a secret without its `sealed` field; null, which marks a removed secret, stays.
fn without_sealed(secret: &str) -> Option<String> {
    if secret == "null" {
        return Some(secret.to_owned());
    }
    let Fields(fields) = serde_json::from_str(secret).ok()?;
    let kept = fields.into_iter().filter(|(field, _)| field != "sealed");
    joined(kept.map(|(field, value)| Some((field, Cow::Borrowed(value.get())))))
}

/// Returns an object with every value replaced by what `edit` makes of it.
fn edited(object: &str, edit: impl Fn(&str, &str) -> Option<String>) -> Option<String> {
    let Fields(fields) = serde_json::from_str(object).ok()?;
    joined(fields.into_iter().map(|(field, value)| {
        let value = edit(&field, value.get())?;
        Some((field, Cow::Owned(value)))
    }))
}

/// Writes an object of fields whose values are JSON text.
fn joined<'a>(
    fields: impl Iterator<Item = Option<(Cow<'a, str>, Cow<'a, str>)>>,
) -> Option<String> {
    let mut object = String::from("{");
    for field in fields {
        let (name, value) = field?;
        if object.len() > 1 {
            object.push(',');
        }
        object.push_str(&serde_json::to_string(&name).ok()?);
        object.push(':');
        object.push_str(&value);
    }
    object.push('}');
    Some(object)
}

/// The fields of an object in the order they are written, values as text.
struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(entry) = map.next_entry::<super::Word<'de>, &'de RawValue>()? {
                    fields.push((entry.0.0, entry.1));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}
