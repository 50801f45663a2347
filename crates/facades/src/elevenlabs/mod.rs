//! ElevenLabs: auth connections of a workspace, `/v1/workspace/auth-connections`.
//!
//! Facts from its published OpenAPI document and clients: seven kinds can be created, four changed
//! and thirteen shown; secrets are omitted from answers, not masked; its clients repeat a request
//! that was answered 409, so that status is never used.

mod describe;
mod edit;
mod handlers;
mod maps;
mod read;
mod show;
mod types;

use axum::http::{Method, StatusCode};
use axum::response::Response;
use ledger_contract::errors::{Class, Code, Problem};
use ledger_contract::records::Via;
use ledger_http::toolkit::{Operation, RequestId, json, refusal};
use ledger_providers::Facade;
use serde_json::{Value, json};

use crate::api::{FacadeApi, Refuses, Route};
use read::Complaint;

const CONNECTIONS: &str = "/v1/workspace/auth-connections";
const CONNECTION: &str = "/v1/workspace/auth-connections/{auth_connection_id}";
const UNPROCESSABLE: u16 = 422;

/// The API of ElevenLabs.
pub(crate) static API: FacadeApi = FacadeApi {
    facade: Facade::ElevenLabs,
    via: Via::ElevenLabs,
    title: "ElevenLabs workspace auth connections, served by Connection Ledger",
    about: "Auth connections for the clients of ElevenLabs. Answers omit secrets. \
    `custom_headers`, `extra_params` and `extra_headers` are shown in the clear and must \
    not hold secrets.",
    key_header: "xi-api-key",
    workspace: |_| None,
    field_names: &[("display_name", "name"), ("config", ""), ("secrets", "")],
    routes,
    refuse,
    refusal: describe::refusal,
    refusal_type: "application/json",
};

fn routes() -> Vec<Route> {
    vec![
        Route {
            method: Method::GET,
            path: CONNECTIONS,
            id: "list_auth_connections",
            summary: "Lists all auth connections, oldest first.",
            terms: Refuses(&[]),
            operation: Operation::of(handlers::list),
        },
        Route {
            method: Method::POST,
            path: CONNECTIONS,
            id: "create_auth_connection",
            summary: "Creates an auth connection.",
            terms: Refuses(&[UNPROCESSABLE]),
            operation: Operation::of(handlers::create),
        },
        Route {
            method: Method::PATCH,
            path: CONNECTION,
            id: "update_auth_connection",
            summary: "Updates an auth connection. Omitted and null fields stay unchanged.",
            terms: Refuses(&[404, UNPROCESSABLE]),
            operation: Operation::of(handlers::update),
        },
        Route {
            method: Method::DELETE,
            path: CONNECTION,
            id: "delete_auth_connection",
            summary: "Archives an auth connection.",
            terms: Refuses(&[404, UNPROCESSABLE]),
            operation: Operation::of(handlers::delete),
        },
    ]
}

/// Returns the answer for an error: a list of invalid fields for an invalid body, a message
/// otherwise.
fn refuse(problem: &Problem, _: &RequestId) -> Response {
    let (status, word) = match problem.code.class() {
        Class::Invalid | Class::Rejected | Class::Conflict
            if !matches!(
                problem.code,
                Code::MethodNotAllowed | Code::MediaTypeUnsupported | Code::VersionConflict
            ) =>
        {
            let place = problem.field.as_deref().into_iter();
            let loc: Vec<&str> = ["body"].into_iter().chain(place).collect();
            let detail = json!([{
                "loc": loc,
                "msg": problem.message,
                "type": problem.code.as_str(),
            }]);
            return detailed(problem, UNPROCESSABLE, &detail);
        }
        Class::Unauthenticated => (401, "invalid_api_key"),
        Class::NotFound => (404, "not_found"),
        _ => (problem.code.status(), problem.code.as_str()),
    };
    detailed(problem, status, &json!({ "status": word, "message": problem.message }))
}

fn detailed(problem: &Problem, status: u16, detail: &Value) -> Response {
    let body = json!({ "detail": detail }).to_string();
    refusal(problem, status, "application/json", body)
}

/// Returns the answer for an invalid body, with an entry for each invalid field.
fn unprocessable(complaints: &[Complaint]) -> Response {
    let detail: Vec<Value> = complaints
        .iter()
        .map(|complaint| {
            json!({
                "loc": ["body", complaint.field],
                "msg": complaint.message,
                "type": complaint.kind,
            })
        })
        .collect();
    let body = json!({ "detail": detail }).to_string();
    json(StatusCode::UNPROCESSABLE_ENTITY, body)
}
