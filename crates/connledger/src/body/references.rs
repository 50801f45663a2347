//! `--secret-ref` flags: where the value of a secret field is. No message repeats what was given,
//! which may be a value by mistake.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use ledger_domain::{InvalidField, Reference, ReferenceFormat, ReferenceKind};
use serde_json::{Value, json};

use super::{Body, insert_under};
use crate::failure::Failure;

const FORM: &str = "must be like FIELD=env:NAME, FIELD=file:/PATH, FIELD=vault:MOUNT/PATH#KEY, \
                    FIELD=aws:NAME#KEY or FIELD=connection:SLUG/FIELD";

/// `FIELD=KIND:NAME`, with `#KEY` behind it for a key of a JSON object, and `+json` behind the kind
/// for a value that is JSON. It is read later, because the parser of the command line would repeat
/// it in errors.
#[derive(Clone)]
pub(crate) struct ReferenceArg(String);

impl FromStr for ReferenceArg {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for ReferenceArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReferenceArg(..)")
    }
}

impl ReferenceArg {
    /// Returns the field and its reference.
    fn read(&self) -> Result<(&str, Reference), InvalidField> {
        let wrong = || InvalidField::new("--secret-ref", FORM);
        let (field, place) = self.0.split_once('=').ok_or_else(wrong)?;
        let (kind, name) = place.split_once(':').ok_or_else(wrong)?;
        let (kind, format) = match kind.strip_suffix("+json") {
            Some(kind) => (kind, ReferenceFormat::Json),
            None => (kind, ReferenceFormat::String),
        };
        let kind = ReferenceKind::ALL.into_iter().find(|known| known.as_str() == kind);
        let kind = kind.ok_or_else(wrong)?;
        let (name, key) = match name.rsplit_once('#') {
            Some((name, key)) => (name, Some(key)),
            None => (name, None),
        };
        Ok((field, Reference::parse("--secret-ref", kind, name, key, format)?))
    }
}

/// Puts references into `secrets` of the body.
pub(crate) fn put_references(args: &[ReferenceArg], body: &mut Body) -> Result<(), Failure> {
    for arg in args {
        let (field, reference) =
            arg.read().map_err(|invalid| Failure::usage(invalid.to_string()))?;
        let Reference { kind, name, key, format } = reference;
        let mut shown = json!({ "kind": kind.as_str(), "name": name.as_str() });
        if let Some(key) = key {
            insert(&mut shown, "key", key.as_str());
        }
        if format != ReferenceFormat::default() {
            insert(&mut shown, "format", format.as_str());
        }
        insert_under(body, "secrets", field.to_owned(), json!({ "reference": shown }));
    }
    Ok(())
}

fn insert(object: &mut Value, name: &str, text: &str) {
    if let Value::Object(entries) = object {
        entries.insert(name.to_owned(), text.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Value {
        let mut body = Body::new();
        put_references(&[text.parse().unwrap()], &mut body).unwrap();
        Value::Object(body)
    }

    #[test]
    fn a_reference_is_written_as_a_kind_a_name_and_a_key() {
        for (text, reference) in [
            ("k=env:OPENAI_KEY", json!({ "kind": "env", "name": "OPENAI_KEY" })),
            ("k=file:/run/secrets/a=b", json!({ "kind": "file", "name": "/run/secrets/a=b" })),
            (
                "k=vault+json:kv/team/a#account",
                json!({ "kind": "vault", "name": "kv/team/a", "key": "account", "format": "json" }),
            ),
            (
                "k=aws:arn:aws:secretsmanager:eu-central-1:111122223333:secret:a-b#k",
                json!({
                    "kind": "aws", "key": "k",
                    "name": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:a-b",
                }),
            ),
            ("k=connection:main/api_key", json!({ "kind": "connection", "name": "main/api_key" })),
        ] {
            assert_eq!(body(text), json!({ "secrets": { "k": { "reference": reference } } }));
        }
        for bad in
            ["canary", "k=canary", "k=http:canary", "k=env:A-canary", "k=vault:canary", "k=env:A#"]
        {
            let arg: ReferenceArg = bad.parse().unwrap();
            let refused = put_references(std::slice::from_ref(&arg), &mut Body::new()).unwrap_err();
            let said = format!("{arg:?} {}", refused.lines().join("\n"));
            assert!(said.contains("--secret-ref") && !said.contains("canary"), "{said}");
        }
    }
}
