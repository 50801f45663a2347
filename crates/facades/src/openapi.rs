//! The OpenAPI 3.1 document of a facade, made from its table of routes.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::api::{FacadeApi, Route};

/// Where the document keeps its schemas.
const SCHEMAS: &str = "/components/schemas";

/// Statuses with which every route may refuse.
const ANYWHERE: [u16; 4] = [400, 401, 403, 429];

/// Returns the document.
pub(crate) fn document(api: &FacadeApi) -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = SCHEMAS.into();
    let mut schemas = settings.into_generator();
    let mut paths: Map<String, Value> = Map::new();
    for route in api.routes {
        let operation = operation(api, route, &mut schemas);
        let place = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Value::Object(place) = place {
            place.insert(route.method.as_str().to_ascii_lowercase(), operation);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": api.title,
            "version": env!("CARGO_PKG_VERSION"),
            "description": api.about,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas.take_definitions(true),
            "securitySchemes": {
                "key": { "type": "apiKey", "in": "header", "name": api.key_header },
            },
        },
    })
}

fn operation(api: &FacadeApi, route: &Route, schemas: &mut SchemaGenerator) -> Value {
    let mut operation = json!({
        "operationId": route.id,
        "summary": route.summary,
        "security": [{ "key": [] }],
        "parameters": parameters(route),
        "responses": responses(api, route, schemas),
    });
    if let (Some(body), Value::Object(operation)) = (route.body, &mut operation) {
        let schema = body(schemas);
        let content = json!({ "application/json": { "schema": schema } });
        operation.insert("requestBody".to_owned(), json!({ "required": true, "content": content }));
    }
    operation
}

fn parameters(route: &Route) -> Value {
    let in_path =
        route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path = in_path.map(|name| {
        json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
    });
    let query = route.query.iter().map(|(name, about)| {
        json!({ "name": name, "in": "query", "description": about, "schema": { "type": "string" } })
    });
    Value::Array(in_path.chain(query).collect())
}

fn responses(api: &FacadeApi, route: &Route, schemas: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    let (status, body) = route.success;
    let mut success = json!({ "description": "Done." });
    if let (Some(body), Value::Object(success)) = (body, &mut success) {
        let content = json!({ "application/json": { "schema": body(schemas) } });
        success.insert("content".to_owned(), content);
    }
    responses.insert(status.to_string(), success);
    for status in ANYWHERE.iter().chain(route.refusals) {
        let content = json!({ "application/json": { "schema": (api.refusal)(schemas) } });
        let refusal = json!({ "description": "Refused.", "content": content });
        responses.insert(status.to_string(), refusal);
    }
    Value::Object(responses)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{FACADES, openapi_documents};

    #[test]
    fn the_written_documents_are_fresh() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/facades");
        for (facade, document) in openapi_documents() {
            let path = format!("{folder}/{}.json", facade.as_str());
            let written = std::fs::read_to_string(path).unwrap_or_default();
            let fresh = serde_json::to_string_pretty(&document).unwrap() + "\n";
            assert!(
                written == fresh,
                "run `cargo run -p ledger-facades --example write-openapi` and commit the files"
            );
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_operation_has_its_own_name() {
        for api in FACADES {
            let document = document(api);
            let text = document.to_string();
            for reference in text.split("\"$ref\":\"#").skip(1) {
                let place = reference.split('"').next().unwrap();
                assert!(document.pointer(place).is_some(), "{}: {place}", api.facade.as_str());
            }
            let names: BTreeSet<_> = api.routes.iter().map(|route| route.id).collect();
            assert_eq!(names.len(), api.routes.len(), "{}", api.facade.as_str());
        }
    }

    #[test]
    fn no_two_facades_have_a_path_in_common() {
        let mut owners = std::collections::BTreeMap::new();
        for api in FACADES {
            for route in api.routes {
                let first = owners.insert(route.path, api.facade);
                assert!(first.is_none_or(|first| first == api.facade), "{}", route.path);
            }
        }
    }
}
