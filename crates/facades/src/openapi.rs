//! The OpenAPI 3.1 document of a facade, generated from its table of routes.

use axum::http::Method;
use ledger_http::toolkit::{Parameter, Signature};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::api::{FacadeApi, Route};
use crate::request::DETACH_SECRETS;

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
        // A missing body is read as an object without members.
        let required = !accepts_empty(schemas, schema.as_value());
        let content = json!({ "application/json": { "schema": schema } });
        let body = json!({ "required": required, "content": content });
        operation.insert("requestBody".to_owned(), body);
    }
    operation
}

/// Returns whether a schema accepts an object without members.
fn accepts_empty(schemas: &SchemaGenerator, schema: &Value) -> bool {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return schemas.definitions().get(name).is_some_and(|found| accepts_empty(schemas, found));
    }
    let alternatives = schema.get("anyOf").or_else(|| schema.get("oneOf"));
    if let Some(alternatives) = alternatives.and_then(Value::as_array) {
        return alternatives.iter().any(|one| accepts_empty(schemas, one));
    }
    schema.get("required").and_then(Value::as_array).is_none_or(Vec::is_empty)
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
    let query = signature.query.iter().map(in_query);
    let detach = may_redirect(route).then(|| {
        json!({
            "name": DETACH_SECRETS,
            "in": "header",
            "description": "With `true`, a change of where secrets are sent removes them, which \
                            takes no right to reveal them.",
            "schema": { "enum": ["true", "false"] },
        })
    });
    Value::Array(path.chain(query).chain(detach).collect())
}

/// Returns whether a route changes a connection that exists, of which a version can be expected.
fn changes(route: &Route) -> bool {
    may_redirect(route) || route.method == Method::DELETE
}

/// Returns whether a route changes a connection that exists in ways that may send its secrets
/// elsewhere.
fn may_redirect(route: &Route) -> bool {
    matches!(route.method, Method::PUT | Method::PATCH) || route.path.ends_with("/rollback")
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
    let conflict = changes(route).then_some(&409);
    for status in ANYWHERE.iter().chain(route.terms.0).chain(conflict) {
        let content = json!({ api.refusal_type: { "schema": (api.refusal)(schemas) } });
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
    fn a_body_is_required_where_an_empty_object_is_refused() {
        let document = document(&crate::portkey::API);
        let is_required = |path: &str, method: &str| {
            document["paths"][path][method]["requestBody"]["required"].clone()
        };
        assert_eq!(is_required("/v1/integrations", "post"), true);
        assert_eq!(is_required("/v1/integrations/{slug}", "put"), false);
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
