//! The OpenAPI 3.1 document, made from the table of routes and the schemas of the contract.

mod operation;
mod schemas;

use std::sync::LazyLock;

use axum::body::Bytes;
use serde_json::{Map, Value, json};

use crate::api::routes::routes;

/// What is said about groups of routes.
const TAGS: [(&str, &str); 8] = [
    ("workspaces", "The scopes that connections live in."),
    ("connections", "Made, shown, listed and changed."),
    ("commands", "Every further verb of a connection's life."),
    ("history", "Who did what, and when."),
    ("events", "What happens, as it happens."),
    ("principals", "Who may ask, with which keys, and what for."),
    ("operation", "How the ledger is, and what operators ask of it."),
    ("description", "The API about itself."),
];

const ABOUT: &str = "\
A store of connections in which every change is an event. Commands are answered when they are \
durable; the same `Idempotency-Key` gives the same answer, forever. Secrets come out by \
`reveal-secret` alone, which is recorded first. Errors are problem details (RFC 9457) with a stable `code`; `connledger explain <code>` shows \
its page.";

/// Returns the document.
pub fn document() -> Value {
    let tags = TAGS.map(|(name, about)| json!({ "name": name, "description": about }));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Connection Ledger",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "paths": paths(),
        "components": {
            "schemas": schemas::all(),
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key, `sk_live_...` or `sk_test_...`, or an access token of the configured issuer.",
                },
            },
        },
    })
}

fn paths() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in routes() {
        let place = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Value::Object(place) = place {
            let method = route.method.as_str().to_ascii_lowercase();
            place.insert(method, operation::of(route));
        }
    }
    Value::Object(paths)
}

/// Returns the document as it is served.
pub(crate) fn bytes() -> Bytes {
    static BYTES: LazyLock<Bytes> = LazyLock::new(|| document().to_string().into());
    BYTES.clone()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Returns every `$ref` below a value.
    fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::String(text) if name == "$ref" => {
                            found.insert(text);
                        }
                        _ => references(value, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        assert!(found.len() > 20, "{found:?}");
        for reference in found {
            let place = reference.strip_prefix('#').expect("nothing outside of the document");
            assert!(document.pointer(place).is_some(), "{reference}");
        }
    }

    #[test]
    fn every_route_is_described_and_every_tag_is_used() {
        let document = document();
        let mut tags = BTreeSet::new();
        for route in routes() {
            let method = route.method.as_str().to_ascii_lowercase();
            let operation = &document["paths"][route.path][&method];
            assert_eq!(operation["operationId"], route.id);
            tags.insert(route.tag);
        }
        assert_eq!(tags, TAGS.into_iter().map(|(name, _)| name).collect());
    }

    #[test]
    fn the_written_document_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/openapi.json");
        let written = std::fs::read_to_string(path).unwrap_or_default();
        let fresh = serde_json::to_string_pretty(&document()).unwrap() + "\n";
        assert!(
            written == fresh,
            "run `cargo run -p ledger-http --example write-openapi` and commit the file"
        );
    }

    #[test]
    fn a_body_over_http_does_not_name_what_the_path_names() {
        let document = document();
        let schema = |name: &str| &document["components"]["schemas"][name];
        for (name, place) in [
            ("UpdateBody", "connection"),
            ("ReasonBody", "connection"),
            ("RotateSecretBody", "connection"),
            ("UpdatePrincipalBody", "principal"),
            ("IssueKeyBody", "principal"),
        ] {
            assert_eq!(schema(name)["additionalProperties"], false, "{name}");
            assert!(schema(name)["properties"].get(place).is_none(), "{name}");
        }
        assert_eq!(schema("CreatePrincipalBody")["required"], json!(["kind", "principal"]));
    }

    #[test]
    fn an_operation_says_which_scope_it_takes() {
        let document = document();
        for route in routes() {
            let method = route.method.as_str().to_ascii_lowercase();
            let operation = &document["paths"][route.path][&method];
            let scope = route.scope.map(ledger_domain::principal::Scope::as_str);
            assert_eq!(operation["x-required-scope"].as_str(), scope, "{}", route.id);
            for status in ["401", "403"] {
                let told = operation["responses"].get(status).is_some();
                assert_eq!(told, route.needs_key(), "{}: {status}", route.id);
            }
        }
    }
}
