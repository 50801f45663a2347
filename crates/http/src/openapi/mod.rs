//! The OpenAPI 3.1 document, generated from the table of routes and the schemas of the contract.

mod operation;
mod schemas;

use serde_json::{Map, Value, json};

use crate::api::routes::routes;

/// The descriptions of the groups of routes.
const TAGS: [(&str, &str); 9] = [
    ("workspaces", "Namespaces for connections."),
    ("connections", "Creating, reading, listing and updating connections."),
    ("commands", "All other commands to a connection."),
    ("history", "The events of connections: who changed what, and when."),
    ("events", "The live feed of events."),
    ("log", "The tree over all events: checkpoints, tiles and proofs."),
    ("principals", "Principals, their permissions and their keys."),
    ("operation", "Status, health checks, replay and backup."),
    ("description", "The API's description of itself."),
];

const ABOUT: &str = "\
A store of connections in which every change is an event. A command is answered once its change is \
durable; repeating it with the same `Idempotency-Key` returns the first receipt. Only \
`reveal-secret` returns secret values, and it is recorded first. Errors are problem details (RFC \
9457) with a stable `code`, which `connledger explain <code>` explains.";

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
        let place = paths.entry(route.documented_path()).or_insert_with(|| json!({}));
        if let Value::Object(place) = place {
            let method = route.method.as_str().to_ascii_lowercase();
            place.insert(method, operation::of(route));
        }
    }
    Value::Object(paths)
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
    fn every_reference_resolves() {
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
            let operation = &document["paths"][route.documented_path()][&method];
            assert_eq!(operation["operationId"], route.id);
            tags.insert(route.terms.tag);
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
            let operation = &document["paths"][route.documented_path()][&method];
            let scope = route.terms.scope.map(ledger_domain::principal::Scope::as_str);
            assert_eq!(operation["x-required-scope"].as_str(), scope, "{}", route.id);
            for status in ["401", "403"] {
                let told = operation["responses"].get(status).is_some();
                // A page says so of a person who denied access.
                let is_of_page = route.id == "finishConnect" && status == "403";
                assert_eq!(told, route.needs_key() || is_of_page, "{}: {status}", route.id);
            }
        }
    }
}
