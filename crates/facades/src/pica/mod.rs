//! Pica (later One): connections of a vault, `/v1/vault/connections`.
//!
//! Facts from its documentation, its open-source server and its published clients: secrets are
//! never shown; a connection has a key of four parts; lists page by number or by rows to skip and
//! hide inactive connections; one client loops until it has as many rows as `total` says.

mod edit;
mod handlers;
mod key;
mod routes;
mod shapes;
mod show;

use axum::http::HeaderMap;
use axum::response::Response;
use ledger_contract::errors::{Class, Code, Problem};
use ledger_contract::records::Via;
use ledger_http::toolkit::{RequestId, refusal};
use ledger_providers::Facade;
use serde_json::json;

use crate::api::FacadeApi;

/// Pica's API.
pub(crate) static API: FacadeApi = FacadeApi {
    facade: Facade::Pica,
    via: Via::Pica,
    title: "Pica vault connections, served by Connection Ledger",
    about: "Vault connections for Pica's own clients. Secrets are accepted and never shown. An \
    organization is the whole ledger, a project is a workspace.",
    key_header: "x-pica-secret",
    workspace: |headers: &HeaderMap| headers.get("x-one-project-id"),
    field_names: &[("display_name", "name"), ("provider", "platform"), ("secrets", "authFormData")],
    routes: routes::routes,
    refuse,
    refusal: |schemas| schemas.subschema_for::<shapes::ErrorOut>(),
    refusal_type: "application/json",
};

/// Returns the answer for an error, with the members of the older and the newer server.
fn refuse(problem: &Problem, id: &RequestId) -> Response {
    let code = problem.code;
    let status = match code.class() {
        Class::Rejected | Class::Conflict if code != Code::VersionConflict => 400,
        _ => code.status(),
    };
    let kind = match status {
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        405 => "MethodNotAllowed",
        413 | 414 => "PayloadTooLarge",
        429 => "TooManyRequests",
        500.. if code.class() == Class::Unavailable => "ServiceUnavailable",
        500.. => "InternalError",
        _ => "BadRequest",
    };
    let body = json!({
        "type": kind,
        "key": format!("err::ledger::{code}"),
        "message": problem.message,
        "status": status,
        "code": status,
        "correlationId": id.as_str(),
        "meta": {},
    });
    refusal(problem, status, "application/json", body.to_string())
}

/// Returns the error for a missing connection, the same for every way to name it.
fn unknown() -> Problem {
    Problem::new(Code::ConnectionUnknown)
}
