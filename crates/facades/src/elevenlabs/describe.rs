//! The bodies and their JSON Schemas, which are generated from the table of kinds.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::read;
use super::types::{self, AuthType, Field, Form};

/// The path of a connection.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ConnectionPath {
    pub(super) auth_connection_id: String,
}

/// The body of a creation.
#[derive(Debug, Deserialize)]
pub(super) struct CreationIn(pub(super) read::Body);

/// The body of a change.
#[derive(Debug, Deserialize)]
pub(super) struct RevisionIn(pub(super) read::Body);

/// A connection in answers.
#[derive(Debug, Serialize)]
pub(super) struct ConnectionOut(pub(super) Value);

/// All connections.
#[derive(Debug, Serialize)]
pub(super) struct ListOut {
    pub(super) auth_connections: Vec<ConnectionOut>,
}

/// Implements schemas that are generated from the table.
macro_rules! described {
    ($($shape:ident by $schema:ident),*) => {
        $(
            impl JsonSchema for $shape {
                fn inline_schema() -> bool {
                    true
                }

                fn schema_name() -> Cow<'static, str> {
                    stringify!($shape).into()
                }

                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    $schema()
                }
            }
        )*
    };
}

described! {
    CreationIn by creation,
    RevisionIn by revision,
    ConnectionOut by connection,
    ListOut by list
}

fn creation() -> Schema {
    let kinds = types::all().filter(|kind| kind.creatable);
    union(kinds.map(|kind| {
        let fields: Vec<_> = kind.fields.iter().collect();
        let required = fields.iter().filter(|field| field.is_required()).map(|field| field.name);
        let required: Vec<_> =
            ["auth_type", "name", "provider"].into_iter().chain(required).collect();
        object(kind, &["name", "provider"], &fields, &required)
    }))
}

fn revision() -> Schema {
    let kinds = types::all().filter(|kind| kind.updatable);
    union(kinds.map(|kind| {
        let changeable = |field: &&Field| field.is != types::Is::Fixed;
        let fields: Vec<_> = kind.fields.iter().filter(changeable).collect();
        object(kind, &["name", "provider"], &fields, &[])
    }))
}

fn connection() -> Schema {
    union(types::all().map(shown))
}

fn list() -> Schema {
    let kinds: Vec<_> = types::all().map(shown).collect();
    schema(json!({
        "type": "object",
        "required": ["auth_connections"],
        "properties": { "auth_connections": { "type": "array", "items": { "oneOf": kinds } } },
    }))
}

/// A refusal.
pub(super) fn refusal(_: &mut SchemaGenerator) -> Schema {
    schema(json!({
        "type": "object",
        "required": ["detail"],
        "properties": { "detail": { "oneOf": [
            {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["loc", "msg", "type"],
                    "properties": {
                        "loc": { "type": "array", "items": { "type": ["string", "integer"] } },
                        "msg": { "type": "string" },
                        "type": { "type": "string" },
                    },
                },
            },
            {
                "type": "object",
                "required": ["status", "message"],
                "properties": {
                    "status": { "type": "string" },
                    "message": { "type": "string" },
                },
            },
        ] } },
    }))
}

fn shown(kind: &AuthType) -> Value {
    let fields: Vec<_> = kind.fields.iter().filter(|field| !field.is_secret()).collect();
    let required = ["auth_type", "id", "name", "provider", "status", "used_by"];
    object(kind, &["id", "name", "provider", "status"], &fields, &required)
}

fn object(kind: &AuthType, texts: &[&str], fields: &[&Field], required: &[&str]) -> Value {
    let mut properties = Map::new();
    properties.insert("auth_type".to_owned(), json!({ "const": kind.word }));
    for name in texts {
        properties.insert((*name).to_owned(), json!({ "type": "string" }));
    }
    for field in fields {
        properties.insert(field.name.to_owned(), form(field));
    }
    json!({ "type": "object", "properties": properties, "required": required })
}

fn form(field: &Field) -> Value {
    let mut schema = match field.form {
        Form::Text => json!({ "type": "string" }),
        Form::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Form::Map => {
            json!({ "type": "object", "additionalProperties": { "type": ["string", "null"] } })
        }
        Form::Switch => json!({ "type": "boolean" }),
        Form::Whole { least, most, default } => {
            json!({ "type": "integer", "minimum": least, "maximum": most, "default": default })
        }
        Form::Word(words) => json!({ "enum": words }),
    };
    if let (true, Value::Object(schema)) = (field.is_secret(), &mut schema) {
        schema.insert("writeOnly".to_owned(), true.into());
    }
    if field.is_required() {
        return schema;
    }
    json!({ "anyOf": [schema, { "type": "null" }] })
}

fn union(kinds: impl Iterator<Item = Value>) -> Schema {
    schema(json!({ "oneOf": kinds.collect::<Vec<_>>() }))
}

fn schema(value: Value) -> Schema {
    Schema::try_from(value).expect("an object is a schema")
}
