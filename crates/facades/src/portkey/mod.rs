//! Portkey: integrations, `/v1/integrations`.
//!
//! Facts from its OpenAPI document and published clients: pages are counted from 0; every success
//! is a JSON object, because a client fails on anything else; values that are secret by their
//! provider's description are shown masked, under names that begin with `masked_`; clients repeat
//! a request that was answered with 5xx unless the answer has an id of Portkey's.

mod check;
mod configurations;
mod edit;
mod handlers;
mod ids;
mod limits;
mod mappings;
mod models;
mod pricing;
mod routes;
mod shapes;
mod show;
mod workspaces;

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use ledger_contract::errors::{Class, Problem};
use ledger_contract::records::Via;
use ledger_http::toolkit::{RequestId, refusal, with};
use ledger_providers::Facade;
use schemars::SchemaGenerator;
use serde_json::json;

use crate::api::FacadeApi;

/// Portkey's API.
pub(crate) static API: FacadeApi = FacadeApi {
    facade: Facade::Portkey,
    via: Via::Portkey,
    title: "Portkey integrations, served by Connection Ledger",
    about: "Integrations as Portkey's own clients use them. The organisation is the whole ledger; \
            integrations live in the workspace of the key and are granted to others. A workspace's \
            id is its name, or the version 5 UUID made from it. `create_default_provider`, \
            `default_provider_slug` and `reset_usage` are checked and have no effect: the ledger \
            keeps no providers beside integrations, and counts no usage.",
    key_header: "x-portkey-api-key",
    workspace: |_| None,
    routes: routes::routes,
    refuse,
    refusal: SchemaGenerator::subschema_for::<shapes::ErrorOut>,
};

/// Tells clients that a request arrived, so that they do not repeat it by themselves.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-portkey-request-id");

/// Says no: once for the client that reads the whole body, once for the one that reads `error`.
fn refuse(problem: &Problem, id: &RequestId) -> Response {
    let code = problem.code;
    let status = match code.class() {
        Class::Rejected => 400,
        _ => code.status(),
    };
    // For the rest the product has no known code of its own.
    let word = match code.class() {
        Class::Invalid | Class::Rejected | Class::TooLarge => "AB01",
        Class::Forbidden => "AB03",
        Class::Conflict => "AB07",
        Class::NotFound => "AB08",
        Class::Unauthenticated | Class::Busy | Class::Unavailable | Class::Internal => {
            code.as_str()
        }
    };
    let message = &problem.message;
    let body = json!({
        "success": false,
        "errorCode": word,
        "message": message,
        "error": { "message": message, "code": word },
    });
    let response = refusal(problem, status, "application/json", body.to_string());
    match HeaderValue::from_str(id.as_str()) {
        Ok(id) => with(response, REQUEST_ID, id),
        Err(_) => response,
    }
}
