//! The contracts as files: JSON Schemas of everything sent or stored, and an AsyncAPI document of
//! the subjects. They are generated from the types that read and write, so they cannot differ from
//! them.
//!
//! `cargo run -p ledger-contract --example write-schemas` writes them; a test compares.

use ledger_domain::{
    AlertEvent, ConsumerEvent, Event, HandoverEvent, LeaseEvent, LedgerEvent, PolicyEvent,
    PrincipalEvent, SecretRevealed, WorkspaceCreated,
};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, schema_for};
use serde_json::{Value, json};

use crate::backups::{BackupReport, BackupRequest};
use crate::commands::{KeyReasonBody, NewWorkspaceBody, Target, Verb};
use crate::errors::{Class, Code, ProblemBody, ProblemDetails};
use crate::master_keys::{RewrapReport, RewrapRequest, ShareReport, ShareRequest};
use crate::operations::{
    HealthAnswer, OPERATIONS, Progress, ReplayReport, ReplayRequest, StepDownReport,
    StepDownRequest,
};
use crate::queries::{QueryName, QuerySchemas};
use crate::reply::{
    AlertReceipt, ConnectReceipt, FeedPage, KeyReceipt, ModelsReceipt, Notification, Receipt,
    ReportReceipt, TestReceipt,
};
use crate::reveal::{LeaseAnswer, RevealAnswer};
use crate::sealed::{SealedAnswer, SealedRequest};
use crate::{records, subjects};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Description of the AsyncAPI document.
const DESCRIPTION: &str = "Commands and queries are request/reply; events are a JetStream stream. \
    Headers and bodies are shown as in the clear; any request with the header Ledger-Xkey is \
    sealed, and so is its answer: see messages/sealed.md.";

/// A generated file: its path below `schemas/` and its text.
pub type File = (String, String);

/// Returns every generated file.
pub fn files() -> Vec<File> {
    let mut files = Vec::new();
    for (verb, schema) in command_schemas() {
        files.push(file(format!("commands/{verb}.json"), &schema));
    }
    for (name, schema) in message_schemas() {
        files.push(file(format!("messages/{name}.json"), &schema));
    }
    for QuerySchemas { query, parameters, answer } in query_schemas() {
        let name = query.as_str();
        let parameters =
            parameters.map(|schema| file(format!("messages/{name}.query.json"), &schema));
        files.extend(parameters);
        files.push(file(format!("messages/{name}.answer.json"), &answer));
    }
    for name in event_types() {
        // Records of every version are in logs.
        for data in 1..=records::data_version(name) {
            let first = records::first_metadata_version(name, data);
            for metadata in first..=records::METADATA_VERSION {
                let path = match metadata {
                    1 => format!("events/{name}/v{data}.schema.json"),
                    _ => format!("events/{name}/v{data}.record{metadata}.schema.json"),
                };
                files.push(file(path, &record_schema(name, data, metadata)));
            }
        }
    }
    files.push(file("errors/codes.json".to_owned(), &error_codes()));
    files.push(file("asyncapi.json".to_owned(), &asyncapi()));
    files
}

/// Returns every stored type name.
pub fn event_types() -> impl Iterator<Item = &'static str> {
    Event::TYPE_NAMES
        .into_iter()
        .chain([WorkspaceCreated::TYPE_NAME, SecretRevealed::TYPE_NAME])
        .chain(ConsumerEvent::TYPE_NAMES)
        .chain(HandoverEvent::TYPE_NAMES)
        .chain(PolicyEvent::TYPE_NAMES)
        .chain(AlertEvent::TYPE_NAMES)
        .chain(LeaseEvent::TYPE_NAMES)
        .chain(PrincipalEvent::TYPE_NAMES)
        .chain(LedgerEvent::TYPE_NAMES)
}

fn file(path: String, value: &Value) -> File {
    let text = serde_json::to_string_pretty(value).expect("a value has a JSON form");
    (path, text + "\n")
}

/// Returns the schema of each verb's body.
pub fn command_schemas() -> Vec<(&'static str, Value)> {
    Verb::ALL.iter().map(|verb| (verb.as_str(), verb.schema())).collect()
}

/// Returns the schema of a verb's body over HTTP, where the path names the target.
pub fn http_body_schema(verb: Verb) -> Value {
    match verb.spec().target {
        Target::Key => return schema_for!(KeyReasonBody).to_value(),
        Target::NewWorkspace => return schema_for!(NewWorkspaceBody).to_value(),
        _ => {}
    }
    let mut schema = verb.schema();
    // Only the body can name a principal to create, so there the name is required.
    let making = verb.spec().target == Target::NewPrincipal;
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.remove(if making { "" } else { "principal" });
        properties.remove("connection");
        if making && let Some(name) = properties.get_mut("principal") {
            name["type"] = "string".into();
        }
    }
    if let (true, Some(Value::Array(required))) = (making, schema.get_mut("required")) {
        required.push("principal".into());
    }
    schema
}

/// Returns the schema of a type as it is serialized: fields that are always present are required.
pub(crate) fn answer<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// Returns the schemas of bodies and answers that only HTTP uses.
pub fn http_schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("problem-details", answer::<ProblemDetails>()),
        ("feed-page", answer::<FeedPage>()),
        ("health", answer::<HealthAnswer>()),
    ]
}

/// Returns the schemas of each query.
pub fn query_schemas() -> impl Iterator<Item = QuerySchemas> {
    QueryName::ALL.iter().map(|query| query.schemas())
}

/// Returns the schemas of replies, and of requests that are neither commands nor queries.
pub fn message_schemas() -> Vec<(&'static str, Value)> {
    fn of<T: JsonSchema>() -> Value {
        schema_for!(T).to_value()
    }
    vec![
        ("receipt", answer::<Receipt>()),
        ("key.receipt", answer::<KeyReceipt>()),
        ("alert.receipt", answer::<AlertReceipt>()),
        ("test.receipt", answer::<TestReceipt>()),
        ("report.receipt", answer::<ReportReceipt>()),
        ("models.receipt", answer::<ModelsReceipt>()),
        ("connect.receipt", answer::<ConnectReceipt>()),
        ("problem", answer::<ProblemBody>()),
        ("notification", answer::<Notification<'static>>()),
        ("reveal.answer", answer::<RevealAnswer>()),
        ("lease.answer", answer::<LeaseAnswer>()),
        ("sealed.request", of::<SealedRequest>()),
        ("sealed.answer", answer::<SealedAnswer>()),
        ("replay.request", of::<ReplayRequest>()),
        ("replay.answer", answer::<ReplayReport>()),
        ("backup.request", of::<BackupRequest>()),
        ("backup.answer", answer::<BackupReport>()),
        ("rewrap.request", of::<RewrapRequest>()),
        ("rewrap.answer", answer::<RewrapReport>()),
        ("give-share.request", of::<ShareRequest>()),
        ("give-share.answer", answer::<ShareReport>()),
        ("step-down.request", of::<StepDownRequest>()),
        ("step-down.answer", answer::<StepDownReport>()),
        ("progress", answer::<Progress>()),
    ]
}

/// What the name of every stream matches.
pub const STREAM_PATTERN: &str =
    "^(connection|workspace|principal|reveals|consumers|policies|alerts|leases|ledger)/";

/// Returns the schema of a whole stored record of one event type, with this version of metadata.
fn record_schema(type_name: &str, data_version: u32, metadata: u32) -> Value {
    let mut data =
        records::data_schema(type_name, data_version).map_or(json!({}), Schema::to_value);
    let definitions = data.as_object_mut().and_then(|data| {
        data.remove("$schema");
        data.remove("$defs")
    });
    let text = json!({ "type": "string" });
    let uuid = json!({ "type": "string", "format": "uuid" });
    let number = json!({ "type": "integer", "minimum": 1 });
    let mut schema = json!({
        "$schema": DIALECT,
        "title": format!("{type_name} v{data_version}"),
        "description": "A stored record. Fields come in this order and no others occur.",
        "type": "object",
        "additionalProperties": false,
        "required": [
            "position", "stream", "version", "event_id", "type", "schema", "workspace",
            "recorded_at", "actor", "via", "command_id", "data"
        ],
        "properties": {
            "position": number,
            "stream": {
                "type": "string",
                "pattern": STREAM_PATTERN,
            },
            "version": number,
            "event_id": uuid,
            "type": { "const": type_name },
            "schema": { "const": data_version },
            "workspace": text,
            "recorded_at": { "type": "string", "format": "date-time" },
            "actor": text,
            "via": { "enum": records::Via::ALL.map(records::Via::as_str) },
            "command_id": text,
            "correlation_id": text,
            "causation_id": text,
            "trace_id": text,
            "data": data,
        },
    });
    if metadata > 1 {
        add_later_metadata(&mut schema, metadata);
    }
    if let (Some(definitions), Some(schema)) = (definitions, schema.as_object_mut()) {
        schema.insert("$defs".to_owned(), definitions);
    }
    schema
}

/// Adds what later versions of the metadata have and version 1 has not.
fn add_later_metadata(schema: &mut Value, metadata: u32) {
    let title = schema.get("title").and_then(Value::as_str).unwrap_or_default();
    schema["title"] = format!("{title}, metadata v{metadata}").into();
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.insert(0, "record".into());
    }
    let properties = &mut schema["properties"];
    properties["record"] = json!({ "const": metadata });
    properties["epoch"] = json!({ "type": "integer", "minimum": 0 });
    properties["clock"] = json!({ "type": "string", "format": "date-time" });
    properties["key"] = json!({ "type": "string" });
    properties["address"] = json!({ "type": "string" });
    if metadata > 2 {
        let pattern = format!("^[A-Za-z0-9_-]{{{}}}$", records::FINGERPRINT_CHARS);
        properties["fingerprint"] = json!({ "type": "string", "pattern": pattern });
    }
}

fn error_codes() -> Value {
    let entry = |code: &Code| {
        let class: Class = code.class();
        json!({
            "code": code.as_str(),
            "class": class.as_str(),
            "status": code.status(),
            "retry": class.retry(),
            "summary": code.summary(),
            "page": format!("{}.md", code.as_str()),
        })
    };
    json!({ "codes": Code::ALL.iter().map(entry).collect::<Vec<_>>() })
}

/// An AsyncAPI 3 document of the subjects.
fn asyncapi() -> Value {
    let names = subjects::Subjects::default();
    let prefix = names.prefix();
    let sent_there = |verb: &&Verb| !verb.spec().answer.has_secrets();
    let verbs = Verb::ALL.iter().filter(sent_there).map(|verb| verb.as_str());
    let command_messages: serde_json::Map<String, Value> = verbs
        .clone()
        .map(|verb| (verb.to_owned(), message(&format!("commands/{verb}.json"))))
        .collect();
    let query_messages: serde_json::Map<String, Value> = query_schemas()
        .filter(|schemas| schemas.parameters.is_some())
        .map(|schemas| schemas.query.as_str())
        .map(|name| (name.to_owned(), message(&format!("messages/{name}.query.json"))))
        .collect();
    let operation_messages: serde_json::Map<String, Value> = OPERATIONS
        .iter()
        .map(|name| ((*name).to_owned(), message(&format!("messages/{name}.request.json"))))
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Connection Ledger over NATS",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "channels": {
            "commands": {
                "address": format!("{prefix}.cmd.{{workspace}}.{{verb}}"),
                "parameters": { "workspace": {}, "verb": { "enum": verbs.collect::<Vec<_>>() } },
                "messages": command_messages,
            },
            "queries": {
                "address": format!("{prefix}.query.{{workspace}}.{{name}}"),
                "parameters": {
                    "workspace": { "description": "A workspace, or _all" },
                    "name": { "enum": QueryName::names().collect::<Vec<_>>() },
                },
                "messages": query_messages,
            },
            "reveals": reveals(prefix),
            "leases": leases(prefix),
            "operations": {
                "address": format!("{prefix}.admin.{{operation}}"),
                "parameters": { "operation": { "enum": OPERATIONS } },
                "messages": operation_messages,
            },
            "events": {
                "address": format!("{prefix}.events.{{workspace}}.{{connection}}"),
                "parameters": { "workspace": {}, "connection": {} },
                "messages": { "event": message("messages/notification.json") },
                "bindings": { "nats": {} },
            },
            "replies": {
                "address": null,
                "messages": {
                    "receipt": message("messages/receipt.json"),
                    "problem": message("messages/problem.json"),
                },
            },
        },
        "operations": operations(),
    })
}

/// The channel of reveals.
fn reveals(prefix: &str) -> Value {
    json!({
        "address": format!("{prefix}.reveal.{{workspace}}.{{connection}}"),
        "parameters": { "workspace": {}, "connection": {} },
        "description": "Requests and replies are always sealed. `unwrap` is sent to the workspace \
            `_ledger`, in place of a connection.",
        "messages": {
            "reveal": message("commands/reveal-secret.json"),
            "unwrap": message("commands/unwrap.json"),
        },
    })
}

/// The channel of leases on secrets.
fn leases(prefix: &str) -> Value {
    json!({
        "address": format!("{prefix}.reveal.{{workspace}}.{{connection}}.{{verb}}"),
        "parameters": {
            "workspace": {},
            "connection": {},
            "verb": { "enum": ["lease-secrets", "read-leased-secrets"] },
        },
        "description": "Requests and replies are always sealed.",
        "messages": {
            "lease": message("commands/lease-secrets.json"),
            "read": message("commands/read-leased-secrets.json"),
        },
    })
}

fn message(path: &str) -> Value {
    let mut headers = json!({ "type": "object", "properties": {} });
    if let Some(properties) = headers.pointer_mut("/properties").and_then(Value::as_object_mut) {
        for name in headers_of(path) {
            properties.insert((*name).to_owned(), json!({ "type": "string" }));
        }
    }
    json!({ "headers": headers, "payload": { "$ref": path } })
}

fn headers_of(path: &str) -> &'static [&'static str] {
    use subjects as s;
    if path.starts_with("commands/") {
        &[
            s::AUTHORIZATION,
            s::COMMAND_ID,
            s::EXPECTED_VERSION,
            s::DEADLINE,
            s::CORRELATION_ID,
            s::CAUSATION_ID,
            s::TRACEPARENT,
            s::XKEY,
        ]
    } else if path.ends_with("notification.json") {
        &[
            s::POSITION,
            s::INCARNATION,
            s::URGENT,
            s::TRACEPARENT,
            "KV-Operation",
            "ce-id",
            "ce-source",
            "ce-type",
            "ce-time",
        ]
    } else if path.ends_with("receipt.json") {
        &[s::REPEATED, s::XKEY]
    } else if path.ends_with("problem.json") {
        &["Nats-Service-Error", "Nats-Service-Error-Code", s::ERROR_CODE, s::XKEY]
    } else {
        &[s::AUTHORIZATION, s::XKEY]
    }
}

fn operations() -> Value {
    let asked = |channel: &str| {
        json!({
            "action": "receive",
            "channel": { "$ref": format!("#/channels/{channel}") },
            "reply": { "channel": { "$ref": "#/channels/replies" } },
        })
    };
    json!({
        "execute": asked("commands"),
        "answer": asked("queries"),
        "operate": asked("operations"),
        "reveal": asked("reveals"),
        "publish": { "action": "send", "channel": { "$ref": "#/channels/events" } },
    })
}
