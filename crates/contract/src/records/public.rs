//! Stored records as readers may see them: the same bytes without ciphertext, digests and
//! fingerprints, and with what is hidden by now replaced by a mask.

use std::borrow::Cow;
use std::fmt;

use ledger_domain::{Hint, Sealed};
use ledger_vault::plaintext_bytes;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The separator between metadata and event. The first occurrence is the right one: metadata
/// consist of numbers and strings, and in a JSON string every quote has a backslash before it.
const DATA: &str = ",\"data\":";

/// The field that nobody sees, as it begins. It is the last one before [`DATA`].
const HIDDEN: &str = ",\"fingerprint\":";

/// The fields that only auditors see, as they begin. They are the last ones before [`HIDDEN`].
const AUDITED: [&str; 2] = [",\"key\":", ",\"address\":"];

/// Returns the JSON text to show in place of a setting, given its name and its own text; `None` if
/// it is shown as it is.
pub type Hide<'a> = &'a dyn Fn(&str, &str) -> Option<String>;

/// Returns a stored record without ciphertext, digests of keys and the command's fingerprint, for
/// auditors. Other fields keep their order and text, except settings that are hidden.
pub fn public(record: &[u8], hide: Option<Hide<'_>>) -> Box<RawValue> {
    // A record that cannot be parsed is not shown at all.
    RawValue::from_string(shown(record, hide, |metadata| metadata))
        .unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// Returns the same for everybody who follows events: also without credential and address. It is
/// JSON if the record is.
pub fn announced(record: &[u8], hide: Option<Hide<'_>>) -> String {
    shown(record, hide, |metadata| {
        let audited = AUDITED.iter().filter_map(|field| metadata.find(field)).min();
        audited.and_then(|from| metadata.get(..from)).unwrap_or(metadata)
    })
}

fn shown(record: &[u8], hide: Option<Hide<'_>>, shorten: impl Fn(&str) -> &str) -> String {
    let text = std::str::from_utf8(record).ok();
    let text = text.and_then(|record| without_hidden_parts(record, hide, shorten));
    text.unwrap_or_else(|| RawValue::NULL.get().to_owned())
}

fn without_hidden_parts(
    record: &str,
    hide: Option<Hide<'_>>,
    shorten: impl Fn(&str) -> &str,
) -> Option<String> {
    let (metadata, data) = record.strip_suffix('}')?.split_once(DATA)?;
    let metadata = metadata.split_once(HIDDEN).map_or(metadata, |(shown, _)| shown);
    let metadata = shorten(metadata);
    // Records are compact, and in a JSON string every quote has a backslash before it, so that only
    // the name of a field looks like this.
    let mut data = Cow::Borrowed(data);
    if data.contains("\"secrets\":") {
        let edit = |field: &str, secrets| match field {
            "secrets" => edited(secrets, shown_secret),
            _ => Some(Cow::Borrowed(secrets)),
        };
        data = Cow::Owned(edited(&data, edit)?.into_owned());
    }
    if let Some(hide) = hide.filter(|_| data.contains("\"config\":")) {
        data = Cow::Owned(edited(&data, |field, value| hidden(field, value, hide))?.into_owned());
    }
    let data = if data.contains("\"digest\":") { without(&data, "digest")? } else { data };
    Some([metadata, DATA, &data, "}"].concat())
}

/// Returns a secret without its ciphertext, and without its hint if that shows more than is shown
/// today.
fn shown_secret<'a>(field: &str, secret: &'a str) -> Option<Cow<'a, str>> {
    if secret == "null" {
        return Some(Cow::Borrowed(secret));
    }
    let Fields(fields) = serde_json::from_str(secret).ok()?;
    let sealed = fields.iter().find(|(name, _)| name == "sealed");
    let sealed = sealed.and_then(|(_, text)| serde_json::from_str::<&str>(text.get()).ok());
    let bytes = sealed.and_then(|text| plaintext_bytes(&Sealed::from_text(text)));
    let is_shown = bytes.is_none_or(|bytes| Hint::is_shown(field, bytes));
    let kept = fields.into_iter().filter(|(name, value)| match name.as_ref() {
        "sealed" => false,
        "hint" => is_shown && value.get().is_ascii(),
        _ => true,
    });
    joined(secret.len(), kept.map(|(name, value)| Some((name, Cow::Borrowed(value.get())))))
        .map(Cow::Owned)
}

/// Returns a part of an event's data with the settings in it hidden.
fn hidden<'a>(field: &str, value: &'a str, hide: Hide<'_>) -> Option<Cow<'a, str>> {
    match field {
        "config" => edited(value, |name, setting| {
            let mask = hide(name, setting).filter(|_| setting != "null");
            Some(mask.map_or(Cow::Borrowed(setting), Cow::Owned))
        }),
        "details" => edited(value, |field, value| match field {
            "config" => hidden(field, value, hide),
            _ => Some(Cow::Borrowed(value)),
        }),
        _ => Some(Cow::Borrowed(value)),
    }
}

/// Returns an object without one of its fields; null, which marks a removed secret, stays.
fn without<'a>(object: &'a str, hidden: &str) -> Option<Cow<'a, str>> {
    if object == "null" {
        return Some(Cow::Borrowed(object));
    }
    let Fields(fields) = serde_json::from_str(object).ok()?;
    let kept = fields.into_iter().filter(|(field, _)| field != hidden);
    joined(object.len(), kept.map(|(field, value)| Some((field, Cow::Borrowed(value.get())))))
        .map(Cow::Owned)
}

/// Returns an object with every value replaced by the result of `edit`.
fn edited<'a>(
    object: &'a str,
    edit: impl Fn(&str, &'a str) -> Option<Cow<'a, str>>,
) -> Option<Cow<'a, str>> {
    let Fields(fields) = serde_json::from_str(object).ok()?;
    let edited = fields.into_iter().map(|(field, value)| {
        let value = edit(&field, value.get())?;
        Some((field, value))
    });
    joined(object.len(), edited).map(Cow::Owned)
}

/// Writes an object of fields whose values are JSON text.
fn joined<'a>(
    capacity: usize,
    fields: impl Iterator<Item = Option<(Cow<'a, str>, Cow<'a, str>)>>,
) -> Option<String> {
    let mut object = String::with_capacity(capacity);
    object.push('{');
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

/// The fields of an object in their order in the text, with values as text.
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
                while let Some(entry) =
                    map.next_entry::<super::decode::Word<'de>, &'de RawValue>()?
                {
                    fields.push((entry.0.0, entry.1));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a record with a secret of so many bytes, sealed by an earlier program with its hint.
    fn record(field: &str, bytes: usize) -> String {
        let body = "A".repeat((24 + bytes + 16).div_ceil(3) * 4);
        let sealed = format!("v1.{id}.{id}.{body}", id = "A".repeat(22));
        format!(
            "{{\"position\":1,\"data\":{{\"config\":{{\"note\":\"canary\"}},\"secrets\":{{\
             \"{field}\":{{\"sealed\":\"{sealed}\",\"hint\":{{\"prefix\":\"12\"}}}}}}}}}}"
        )
    }

    #[test]
    fn the_hint_of_an_earlier_program_shows_no_more_than_those_of_today() {
        for (field, bytes, shown) in
            [("api_key", 30, true), ("api_key", 9, false), ("password", 30, false)]
        {
            let text = announced(record(field, bytes).as_bytes(), None);
            assert_eq!(text.contains("\"12\""), shown, "{field} {bytes}: {text}");
            assert!(!text.contains("sealed"), "{text}");
        }
    }

    #[test]
    fn a_hidden_setting_is_replaced_in_the_form_that_readers_get() {
        let hide = |name: &str, _: &str| (name == "note").then(|| "\"***\"".to_owned());
        let text = announced(record("api_key", 30).as_bytes(), Some(&hide));
        assert!(text.contains("\"config\":{\"note\":\"***\"}"), "{text}");
    }
}
