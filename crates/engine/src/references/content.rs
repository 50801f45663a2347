//! Makes a value of what a reference leads to.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ledger_domain::{Reference, ReferenceFormat, limits};
use ledger_vault::{Disclosure, Plaintext};
use serde_json::value::RawValue;

use super::ReferenceProblem;

/// Returns the value that a reference selects of what is at its place.
pub(super) fn value(
    reference: &Reference,
    content: &Plaintext,
    recorded: &Disclosure,
) -> Result<Plaintext, ReferenceProblem> {
    let wrong = ReferenceProblem::unusable;
    let text = std::str::from_utf8(content.expose(recorded))
        .map_err(|_| wrong("what is there is not text in UTF-8"))?;
    let value = match &reference.key {
        None if reference.format == ReferenceFormat::String => text.to_owned(),
        None => json(text).ok_or_else(|| wrong("what is there is not JSON"))?.to_owned(),
        Some(key) => selected(text, key.as_str(), reference.format, recorded)?,
    };
    let value = Plaintext::from_string(value);
    match value.len_bytes() {
        0 => Err(wrong("the value there is empty")),
        bytes if bytes > limits::SECRET_BYTES => {
            Err(wrong("the value there is larger than 32 KiB"))
        }
        _ => Ok(value),
    }
}

/// Returns the text of one JSON value without white space around it.
fn json(text: &str) -> Option<&str> {
    serde_json::from_str::<&RawValue>(text).ok().map(RawValue::get)
}

/// Returns what a JSON object has under a key. Only what is returned is copied.
fn selected(
    text: &str,
    key: &str,
    format: ReferenceFormat,
    recorded: &Disclosure,
) -> Result<String, ReferenceProblem> {
    let wrong = ReferenceProblem::unusable;
    let object: BTreeMap<Cow<'_, str>, &RawValue> =
        serde_json::from_str(text).map_err(|_| wrong("what is there is not a JSON object"))?;
    let found = object.get(key).ok_or_else(|| wrong("the JSON object there lacks the key"))?;
    let raw = found.get();
    let text = raw.starts_with('"').then(|| serde_json::from_str::<String>(raw).ok()).flatten();
    match (format, text) {
        (ReferenceFormat::String, Some(text)) => Ok(text),
        (ReferenceFormat::String, None) => match raw.as_bytes().first() {
            Some(b'{' | b'[' | b'n') | None => {
                Err(wrong("under the key there is no text, number or boolean"))
            }
            Some(_) => Ok(raw.to_owned()),
        },
        (ReferenceFormat::Json, None) => Ok(raw.to_owned()),
        (ReferenceFormat::Json, Some(text)) => {
            let text = Plaintext::from_string(text);
            let inner = std::str::from_utf8(text.expose(recorded)).ok().and_then(json);
            inner.map(str::to_owned).ok_or_else(|| wrong("the text under the key is not JSON"))
        }
    }
}

#[cfg(test)]
mod tests {
    use ledger_domain::{EventId, ReferenceKind};

    use super::*;

    fn ask(content: &[u8], key: Option<&str>, format: ReferenceFormat) -> Result<String, String> {
        let recorded = Disclosure::recorded(EventId::from_bytes([1; 16]));
        let reference =
            Reference::parse("k", ReferenceKind::Environment, "A", key, format).unwrap();
        let found = value(&reference, &Plaintext::new(content), &recorded);
        let text = |value: Plaintext| String::from_utf8(value.expose(&recorded).to_vec()).unwrap();
        found.map(text).map_err(|problem| problem.cause)
    }

    #[test]
    fn a_key_and_a_format_select_the_value() {
        use ReferenceFormat::{Json, String as Text};
        let object =
            br#" {"a": "x\n\"y", "n": 1.50, "t": true, "o": { "b": [1] }, "j": "{\"c\":2}",
            "z": null, "e": ""} "#;
        for (content, key, format, expected) in [
            (&b"plain canary"[..], None, Text, "plain canary"),
            (b" {\"a\": 1}\n", None, Json, "{\"a\": 1}"),
            (object, Some("a"), Text, "x\n\"y"),
            (object, Some("n"), Text, "1.50"),
            (object, Some("t"), Text, "true"),
            (object, Some("o"), Json, "{ \"b\": [1] }"),
            (object, Some("j"), Json, "{\"c\":2}"),
            (object, Some("j"), Text, "{\"c\":2}"),
            (object, Some("n"), Json, "1.50"),
        ] {
            assert_eq!(ask(content, key, format).as_deref(), Ok(expected), "{key:?} {format:?}");
        }
        let too_long = vec![b'c'; limits::SECRET_BYTES + 1];
        for (content, key, format, part) in [
            (&b"canary\xff"[..], None, Text, "not text in UTF-8"),
            (b"canary {", None, Json, "not JSON"),
            (b"canary", Some("a"), Text, "not a JSON object"),
            (b"[\"canary\"]", Some("a"), Text, "not a JSON object"),
            (object, Some("canary"), Text, "lacks the key"),
            (object, Some("o"), Text, "no text, number or boolean"),
            (object, Some("z"), Text, "no text, number or boolean"),
            (object, Some("a"), Json, "is not JSON"),
            (object, Some("e"), Text, "is empty"),
            (b"", None, Text, "is empty"),
            (&too_long, None, Text, "larger than 32 KiB"),
        ] {
            let cause = ask(content, key, format).unwrap_err();
            assert!(cause.contains(part) && !cause.contains("canary"), "{cause}");
        }
    }
}
