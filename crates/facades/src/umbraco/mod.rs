//! Umbraco.AI: the connections of its Management API, `/umbraco/ai/management/api/v1`.
//!
//! Facts from its documentation and the public source of its server and backoffice. Where these
//! disagree, answers suit both: a creation returns the whole connection and a `Location`, and lists
//! of names are bare arrays.

mod catalogue;
mod edit;
mod find;
mod handlers;
mod history;
mod routes;
mod settings;
mod shapes;
mod show;

use axum::response::Response;
use ledger_contract::errors::{Class, Code, PROBLEM_JSON, Problem};
use ledger_contract::records::Via;
use ledger_http::toolkit::{Refusal, RequestId, refusal};
use ledger_providers::Facade;
use serde_json::json;

use crate::api::FacadeApi;

/// The API of Umbraco.AI.
pub(crate) static API: FacadeApi = FacadeApi {
    facade: Facade::Umbraco,
    via: Via::Umbraco,
    title: "Umbraco.AI connections, served by Connection Ledger",
    about: "The connections of Umbraco.AI's Management API. Secrets are shown masked, as in \
    `sk-***`; a mask that is sent back leaves the secret unchanged. Text that begins with \
    `$` is a reference into configuration, not a secret.",
    key_header: "Authorization",
    workspace: |_| None,
    field_names: &[
        ("slug", "alias"),
        ("display_name", "name"),
        ("provider", "providerId"),
        ("config", "settings"),
        ("secrets", "settings"),
        ("secret_references", "settings"),
    ],
    routes: routes::routes,
    refuse,
    refusal: |schemas| schemas.subschema_for::<shapes::ProblemOut>(),
    refusal_type: PROBLEM_JSON,
};

/// Returns the answer for an error, as problem details with the product's titles.
fn refuse(problem: &Problem, _: &RequestId) -> Response {
    let code = problem.code;
    let status = match (code.class(), code) {
        (_, Code::VersionUnknown) => 404,
        (_, Code::VersionConflict) => code.status(),
        (Class::Rejected | Class::Conflict, _) => 400,
        _ => code.status(),
    };
    let (title, detail) = match code {
        Code::ConnectionUnknown => {
            ("Connection not found", "The specified connection could not be found.")
        }
        Code::VersionUnknown => ("Version not found", problem.message.as_str()),
        Code::ConnectionInUse => ("Connection in use", problem.message.as_str()),
        Code::SlugTaken => ("Alias already exists", problem.message.as_str()),
        Code::FieldInvalid | Code::BodyMalformed => ("Invalid request", problem.message.as_str()),
        _ => (code.summary(), problem.message.as_str()),
    };
    let body = json!({
        "type": format!("urn:connledger:error:{code}"),
        "title": title,
        "status": status,
        "detail": detail,
    });
    refusal(problem, status, PROBLEM_JSON, body.to_string())
}

/// Returns an error with a title and detail of the product's own.
fn refused(status: u16, title: &str, detail: &str) -> Refusal {
    let code = if status == 404 { Code::RouteUnknown } else { Code::FieldInvalid };
    let body = json!({
        "type": format!("urn:connledger:error:{code}"),
        "title": title,
        "status": status,
        "detail": detail,
    });
    let response = refusal(&Problem::new(code), status, PROBLEM_JSON, body.to_string());
    Refusal::Worded(code, Box::new(response))
}
