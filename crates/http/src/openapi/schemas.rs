//! Schemas of the contract as components of the document.

use ledger_contract::commands::Verb;
use ledger_contract::schemas::{
    STREAM_PATTERN, event_types, http_body_schema, http_schemas, message_schemas, query_schemas,
};
use serde_json::{Map, Value, json};

/// Returns every component schema by name, which is the name of its type.
pub(super) fn all() -> Value {
    let mut components = Map::new();
    for verb in Verb::ALL {
        add(&mut components, http_body_schema(*verb));
    }
    for (_, schema) in message_schemas().into_iter().chain(http_schemas()) {
        add(&mut components, schema);
    }
    for query in query_schemas() {
        query.parameters.into_iter().chain([query.answer]).for_each(|schema| {
            add(&mut components, schema);
        });
    }
    components.insert("Record".to_owned(), record());
    components.insert("OpenApi".to_owned(), json!({ "type": "object", "required": ["openapi"] }));
    let mut components = Value::Object(components);
    // Records are passed through as stored text, so their Rust type does not describe them.
    let record = json!({ "$ref": "#/components/schemas/Record" });
    for place in ["/Notification/properties/event", "/HistoryPage/properties/events/items"] {
        if let Some(schema) = components.pointer_mut(place) {
            *schema = record.clone();
        }
    }
    components
}

/// Adds a schema and its definitions.
fn add(components: &mut Map<String, Value>, mut schema: Value) {
    let Value::Object(fields) = &mut schema else { return };
    fields.remove("$schema");
    let definitions = fields.remove("$defs");
    let name = fields.get("title").and_then(Value::as_str).map(str::to_owned);
    relink(&mut schema);
    if let Some(name) = name {
        components.entry(name).or_insert(schema);
    }
    if let Some(Value::Object(definitions)) = definitions {
        for (name, mut definition) in definitions {
            relink(&mut definition);
            components.entry(name).or_insert(definition);
        }
    }
}

/// Rewrites references to definitions as references to components.
fn relink(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "$ref" => {
                        *text = text.replace("#/$defs/", "#/components/schemas/");
                    }
                    _ => relink(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(relink),
        _ => {}
    }
}

/// Returns the schema of stored records of any type; `schemas/events` has one schema per type.
fn record() -> Value {
    let text = json!({ "type": "string" });
    let number = json!({ "type": "integer", "minimum": 1 });
    let uuid = json!({ "type": "string", "format": "uuid" });
    json!({
        "title": "Record",
        "description": "A stored record, without ciphertext.",
        "type": "object",
        "required": [
            "position", "stream", "version", "event_id", "type", "schema", "workspace",
            "recorded_at", "actor", "via", "command_id", "data"
        ],
        "properties": {
            "position": number,
            "stream": { "type": "string", "pattern": STREAM_PATTERN },
            "version": number,
            "event_id": uuid,
            "type": { "type": "string", "enum": event_types().collect::<Vec<_>>() },
            "schema": {
                "type": "integer",
                "minimum": 0,
                "description": "The version of `data`. 0 is what is left of an event whose \
                                connection was erased.",
            },
            "workspace": text,
            "recorded_at": { "type": "string", "format": "date-time" },
            "actor": text,
            "via": text,
            "command_id": text,
            "correlation_id": text,
            "causation_id": text,
            "trace_id": text,
            "data": { "type": "object" },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of two types with the same name, one would hide the other.
    #[test]
    fn one_name_means_one_schema() {
        let mut seen: Map<String, Value> = Map::new();
        let bodies = Verb::ALL.iter().map(|verb| http_body_schema(*verb));
        let queries =
            query_schemas().flat_map(|query| query.parameters.into_iter().chain([query.answer]));
        let others = message_schemas().into_iter().chain(http_schemas()).map(|(_, schema)| schema);
        for schema in bodies.chain(others).chain(queries) {
            let Some(Value::Object(definitions)) = schema.get("$defs") else { continue };
            for (name, definition) in definitions {
                let known = seen.entry(name.clone()).or_insert_with(|| definition.clone());
                assert_eq!(known, definition, "{name}");
            }
        }
        assert!(seen.contains_key("Secret"), "{:?}", seen.keys());
    }
}
