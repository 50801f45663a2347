//! Portkey: integrations, `/v1/integrations`, and the same as virtual keys and providers.
//!
//! Facts from its OpenAPI document and published clients: pages are counted from 0; every success
//! is a JSON object, because one client fails on anything else; values that are secret by their
//! provider's description are shown masked, under names that begin with `masked_`; clients repeat
//! a request that was answered with 5xx unless the answer has a trace id of Portkey's.

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
mod views;
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
    about: "Integrations for Portkey's own clients. The organisation is the whole ledger. \
    Virtual keys and providers are the same connections under other names. \
    Integrations belong to the workspace of the key and can be granted to others. A \
    workspace's id is its name or the version 5 UUID derived from it. \
    `create_default_provider`, `default_provider_slug` and `reset_usage` are checked but \
    have no effect: the ledger has no providers beside integrations and counts no usage.",
    key_header: "x-portkey-api-key",
    workspace: |_| None,
    field_names: &[
        ("display_name", "name"),
        ("provider", "ai_provider_id"),
        ("config", "configurations"),
        ("secrets", "configurations"),
        ("secret_references", "secret_mappings"),
        ("pricing", "pricing_adjustments"),
    ],
    routes: routes::routes,
    refuse,
    refusal: SchemaGenerator::subschema_for::<shapes::ErrorOut>,
    refusal_type: "application/json",
};

/// The header that tells clients not to repeat a request by themselves.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-portkey-request-id");

/// Returns the answer for an error. It holds the message and code twice, because one client reads
/// the whole body and another reads `error`.
fn refuse(problem: &Problem, id: &RequestId) -> Response {
    let code = problem.code;
    let status = match code.class() {
        Class::Rejected => 400,
        _ => code.status(),
    };
    // No codes of the product are known for other errors.
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
