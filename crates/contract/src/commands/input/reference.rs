//! References in command bodies, which take the place of a secret's value.

use std::borrow::Cow;
use std::fmt;

use ledger_domain::{InvalidField, Line, Reference, ReferenceFormat, ReferenceKind, limits};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::text::entry;
use super::{Input, Rule, SecretValue};
use crate::commands::given::GivenSecret;

/// What a body gives a secret field: its value as text, or an object with a reference.
#[derive(Debug)]
pub enum SecretInput {
    /// A value.
    Value(SecretValue),
    /// Where the value is.
    Reference(ReferenceBody),
}

impl SecretInput {
    /// Checks what the secret field `name` is given.
    ///
    /// Errors: `field_invalid`, as [`SecretValue::check`] and [`ReferenceBody::check`] have it.
    pub fn check(self, name: &str) -> Result<GivenSecret, InvalidField> {
        match self {
            Self::Value(value) => value.check(name).map(GivenSecret::Value),
            Self::Reference(body) => {
                let field = format!("{}.reference", entry("secrets", name));
                body.check(&field).map(GivenSecret::Reference)
            }
        }
    }
}

impl From<SecretValue> for SecretInput {
    fn from(value: SecretValue) -> Self {
        Self::Value(value)
    }
}

impl<'de> Deserialize<'de> for SecretInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InputVisitor;
        impl<'de> Visitor<'de> for InputVisitor {
            type Value = SecretInput;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, or an object with a reference")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<SecretInput, E> {
                self.visit_string(text.to_owned())
            }
            fn visit_string<E: de::Error>(self, text: String) -> Result<SecretInput, E> {
                Ok(SecretInput::Value(SecretValue::from(text)))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SecretInput, A::Error> {
                let read = ReferenceHolder::deserialize(de::value::MapAccessDeserializer::new(map));
                read.map(|holder| SecretInput::Reference(holder.reference))
            }
        }
        deserializer.deserialize_any(InputVisitor)
    }
}

impl JsonSchema for SecretInput {
    fn schema_name() -> Cow<'static, str> {
        "SecretInput".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "oneOf": [
                generator.subschema_for::<SecretValue>(),
                generator.subschema_for::<ReferenceHolder>(),
            ],
        })
    }
}

/// A reference in place of a value.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SecretReferenceInput")]
struct ReferenceHolder {
    /// Where the value is.
    reference: ReferenceBody,
}

/// Where the value of a secret field is. The server follows it when the secret is revealed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = by_kind)]
pub struct ReferenceBody {
    /// `env`, an environment variable of the server; `file`, a file on its machine; `vault`, a
    /// secret in the KV engine, version 2, of Vault or OpenBao; `aws`, a secret in AWS Secrets
    /// Manager; or `connection`, a secret field of another connection in the workspace.
    pub kind: Input<KindRule>,
    /// Its name there: `OPENAI_KEY`, `/run/secrets/openai`, `kv/team/openai`, `team/openai` or an
    /// ARN, `openai-prod/api_key`.
    pub name: Input<ReferenceText>,
    /// The key of the value, if what is there is a JSON object, as a secret of `vault` always is.
    pub key: Option<Input<ReferenceText>>,
    /// `string` (default): the value is text. `json`: it is JSON, which is given out as it stands
    /// there.
    pub format: Option<Input<FormatRule>>,
}

impl ReferenceBody {
    /// Checks a reference. `field` names it in errors.
    ///
    /// Errors: `field_invalid`.
    pub fn check(self, field: &str) -> Result<Reference, InvalidField> {
        let kind = self.kind.check(&format!("{field}.kind"))?;
        let format = self.format.map(|format| format.check(&format!("{field}.format")));
        let format = format.transpose()?.unwrap_or_default();
        let name = self.name.check(&format!("{field}.name"))?;
        let key = self.key.map(|key| key.check(&format!("{field}.key"))).transpose()?;
        if let Some(key) = &key {
            Line::parse(&format!("{field}.key"), key, limits::REFERENCE_CHARS)?;
        }
        Reference::parse(&format!("{field}.name"), kind, &name, key.as_deref(), format)
    }
}

/// Says which form a name has for each kind.
fn by_kind(schema: &mut Schema) {
    let forms = ReferenceKind::ALL.map(|kind| {
        let (kind, name) = (json!({ "const": kind.as_str() }), json!({ "pattern": form(kind) }));
        json!({ "properties": { "kind": kind, "name": name } })
    });
    schema.insert("anyOf".to_owned(), json!(forms));
}

/// Returns the pattern of the names of a kind, as [`Reference::parse`] checks them.
fn form(kind: ReferenceKind) -> String {
    // Parts of a path other than `.` and `..`.
    let part = |start: &str, next: &str| {
        format!(r"([{start}][{next}]*|\.[{start}][{next}]*|\.\.[{next}]+)")
    };
    let path = |also: &str| part(&format!("A-Za-z0-9_{also}-"), &format!("A-Za-z0-9_{also}.-"));
    match kind {
        ReferenceKind::Environment => "^[A-Za-z_][A-Za-z0-9_]*$".to_owned(),
        ReferenceKind::File => {
            let not = r"/\u0000-\u001F\u007F-\u009F";
            format!("^(/{})+$", part(&format!("^.{not}"), &format!("^{not}")))
        }
        ReferenceKind::Vault => format!("^{part}(/{part})+$", part = path("")),
        ReferenceKind::Aws => format!("^{part}(/{part})*$", part = path("+=@:")),
        ReferenceKind::Connection => {
            format!("^[A-Za-z0-9_-]{{1,{}}}/[!-~]{{1,128}}$", limits::SLUG_CHARS)
        }
    }
}

/// The kind of a reference.
#[derive(Debug)]
pub enum KindRule {}

impl Rule for KindRule {
    type Raw = String;
    type Value = ReferenceKind;
    fn check(field: &str, raw: String) -> Result<ReferenceKind, InvalidField> {
        word(field, &raw, &ReferenceKind::ALL, ReferenceKind::as_str)
    }
    fn schema() -> Value {
        json!({ "type": "string", "enum": ReferenceKind::ALL.map(ReferenceKind::as_str) })
    }
}

/// The format of a reference.
#[derive(Debug)]
pub enum FormatRule {}

impl Rule for FormatRule {
    type Raw = String;
    type Value = ReferenceFormat;
    fn check(field: &str, raw: String) -> Result<ReferenceFormat, InvalidField> {
        word(field, &raw, &ReferenceFormat::ALL, ReferenceFormat::as_str)
    }
    fn schema() -> Value {
        json!({ "type": "string", "enum": ReferenceFormat::ALL.map(ReferenceFormat::as_str) })
    }
}

fn word<T: Copy>(
    field: &str,
    raw: &str,
    all: &[T],
    as_str: fn(T) -> &'static str,
) -> Result<T, InvalidField> {
    let known = all.iter().copied().find(|word| as_str(*word) == raw);
    known.ok_or_else(|| {
        let words: Vec<&str> = all.iter().map(|word| as_str(*word)).collect();
        InvalidField::new(field, format!("must be one of {}", words.join(", ")))
    })
}

/// A name or a key of a reference; its form depends on the kind.
#[derive(Debug)]
pub enum ReferenceText {}

impl Rule for ReferenceText {
    type Raw = String;
    type Value = String;
    fn check(_: &str, raw: String) -> Result<String, InvalidField> {
        Ok(raw)
    }
    fn schema() -> Value {
        json!({
            "type": "string",
            "minLength": 1,
            "maxLength": limits::REFERENCE_CHARS,
            "pattern": r"^[^\u0000-\u001F\u007F-\u009F]*$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<SecretInput, serde_json::Error> {
        serde_json::from_str(body)
    }

    fn field(body: &str) -> String {
        read(body).unwrap().check("api_key").expect_err(body).field
    }

    #[test]
    fn text_is_a_value_and_an_object_a_reference() {
        let value = read(r#""{\"reference\": {\"kind\": \"env\", \"name\": \"A\"}}""#).unwrap();
        assert!(matches!(value.check("k"), Ok(GivenSecret::Value(_))));
        let body =
            r#"{"reference": {"kind": "vault", "name": "kv/a", "key": "k", "format": "json"}}"#;
        match read(body).unwrap().check("k").unwrap() {
            GivenSecret::Reference(reference) => {
                assert_eq!(reference.to_string(), "vault:kv/a#k");
                assert_eq!(reference.format, ReferenceFormat::Json);
            }
            GivenSecret::Value(_) => panic!("a value"),
        }
        for bad in [
            "1",
            "[]",
            "{}",
            r#"{"reference": "env:A"}"#,
            r#"{"reference": {"kind": "env"}}"#,
            r#"{"reference": {"kind": "env", "name": "A"}, "value": "x"}"#,
            r#"{"reference": {"kind": "env", "name": "A", "url": "http://x"}}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_schema_says_which_names_each_kind_has() {
        let names = [
            "OPENAI_KEY",
            "_A1",
            "2A",
            "A-B",
            "",
            "/",
            "/run/a b",
            "/run/.a/..b/...",
            "/run//a",
            "/run/../a",
            "/run/.",
            "run/a",
            "/run/a\n",
            "kv",
            "kv/team/a.v1",
            "kv/../a",
            "kv/..a",
            "kv/a%2e",
            "team/a@b",
            "arn:aws:secretsmanager:eu-central-1:1:secret:a/b-1",
            "a b",
            "a/",
            "openai-prod/api_key",
            "openai-prod/a/b",
            "018f3d3e-0000-7000-8000-000000000001/k",
        ];
        for kind in ReferenceKind::ALL {
            let pattern = regex::Regex::new(&form(kind)).unwrap();
            for name in names {
                let parsed = Reference::parse("name", kind, name, None, ReferenceFormat::String);
                assert_eq!(pattern.is_match(name), parsed.is_ok(), "{kind:?} {name:?}");
            }
        }
    }

    #[test]
    fn an_error_names_the_part_that_is_wrong() {
        let parent = "secrets.api_key.reference";
        for (body, part) in [
            (r#"{"kind": "http", "name": "A"}"#, "kind"),
            (r#"{"kind": "env", "name": "A-B"}"#, "name"),
            (r#"{"kind": "env", "name": ""}"#, "name"),
            (r#"{"kind": "env", "name": "A", "key": ""}"#, "key"),
            (r#"{"kind": "env", "name": "A", "format": "yaml"}"#, "format"),
        ] {
            let body = format!("{{\"reference\": {body}}}");
            assert_eq!(field(&body), format!("{parent}.{part}"), "{body}");
        }
    }
}
