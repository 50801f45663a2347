//! The OpenAPI 3.1 document of a facade, generated from its table of routes.

use ledger_http::toolkit::{Parameter, Signature};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::api::{FacadeApi, Route};

/// The path of the schemas in the document.
const SCHEMAS: &str = "/components/schemas";

/// Error statuses of every route.
const ANYWHERE: [u16; 4] = [400, 401, 403, 429];

/// Returns the document.
pub(crate) fn document(api: &FacadeApi) -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = SCHEMAS.into();
    let mut schemas = settings.into_generator();
    let mut paths: Map<String, Value> = Map::new();
    for route in (api.routes)() {
        let operation = operation(api, &route, &mut schemas);
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
    let signature = route.operation.signature(schemas);
    let mut operation = json!({
        "operationId": route.id,
        "summary": route.summary,
        "security": [{ "key": [] }],
        "parameters": parameters(route, &signature),
        "responses": responses(api, route, &signature, schemas),
    });
    if let (Some(schema), Value::Object(operation)) = (signature.body, &mut operation) {
        let content = json!({ "application/json": { "schema": schema } });
        operation.insert("requestBody".to_owned(), json!({ "required": true, "content": content }));
    }
    operation
}

fn parameters(route: &Route, signature: &Signature) -> Value {
    let text = json!({ "type": "string" });
    let in_path =
        |name: &str| json!({ "name": name, "in": "path", "required": true, "schema": text });
    let in_query = |parameter: &Parameter| {
        let Parameter { name, about } = parameter;
        json!({ "name": name, "in": "query", "description": about, "schema": text })
    };
    let path = route.path_parameters().map(in_path);
    Value::Array(path.chain(signature.query.iter().map(in_query)).collect())
}

fn responses(
    api: &FacadeApi,
    route: &Route,
    signature: &Signature,
    schemas: &mut SchemaGenerator,
) -> Value {
    let mut responses = Map::new();
    let mut success = json!({ "description": "Done." });
    if let (Some(schema), Value::Object(success)) = (&signature.answer, &mut success) {
        let content = json!({ "application/json": { "schema": schema } });
        success.insert("content".to_owned(), content);
    }
    responses.insert(signature.status.as_str().to_owned(), success);
    for status in ANYWHERE.iter().chain(route.terms.0) {
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
                "run `cargo run -p ledger-facades --example write-facade-openapi` and commit the files"
            );
        }
    }

    #[test]
    fn every_reference_resolves_and_operation_ids_are_unique() {
        for api in FACADES {
            let document = document(api);
            let text = document.to_string();
            for reference in text.split("\"$ref\":\"#").skip(1) {
                let place = reference.split('"').next().unwrap();
                assert!(document.pointer(place).is_some(), "{}: {place}", api.facade.as_str());
            }
            let routes = (api.routes)();
            let names: BTreeSet<_> = routes.iter().map(|route| route.id).collect();
            assert_eq!(names.len(), routes.len(), "{}", api.facade.as_str());
        }
    }

    #[test]
    fn handlers_read_only_parameters_of_their_path() {
        for api in FACADES {
            for route in (api.routes)() {
                let signature = route.operation.signature(&mut SchemaGenerator::default());
                let named: Vec<_> = route.path_parameters().collect();
                for read in signature.path {
                    assert!(named.contains(&read.name.as_str()), "{}: {}", route.id, read.name);
                }
            }
        }
    }

    #[test]
    fn no_two_facades_have_a_path_in_common() {
        let mut owners = std::collections::BTreeMap::new();
        for api in FACADES {
            for route in (api.routes)() {
                let first = owners.insert(route.path, api.facade);
                assert!(first.is_none_or(|first| first == api.facade), "{}", route.path);
            }
        }
    }
}
