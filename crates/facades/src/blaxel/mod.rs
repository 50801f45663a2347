//! Blaxel: integration connections, `/v0/integrations`.
//!
//! Facts: names have at most 49 characters of `a-z`, `0-9` and hyphens; lists are bare arrays
//! without pages; a deletion returns the deleted connection. Answers and errors follow its public
//! API reference, the rest its published clients.

mod catalogue;
mod edit;
mod handlers;
mod shapes;
mod show;

use axum::http::{HeaderMap, Method};
use axum::response::Response;
use ledger_contract::errors::{Class, Code, Problem};
use ledger_contract::records::Via;
use ledger_http::toolkit::{Operation, RequestId, refusal};
use ledger_providers::Facade;
use serde_json::json;

use crate::api::{FacadeApi, Refuses, Route};
use shapes::ErrorOut;

/// Blaxel's API.
pub(crate) static API: FacadeApi = FacadeApi {
    facade: Facade::Blaxel,
    via: Via::Blaxel,
    title: "Blaxel integration connections, served by Connection Ledger",
    about: "Integration connections for Blaxel's own clients. Secrets are shown as `********`; a \
    secret sent back in that form stays unchanged.",
    key_header: "X-Blaxel-Authorization",
    workspace: |headers: &HeaderMap| headers.get("x-blaxel-workspace"),
    field_names: &[
        ("slug", "metadata.name"),
        ("display_name", "metadata.displayName"),
        ("labels", "metadata.labels"),
        ("provider", "spec.integration"),
        ("config", "spec.config"),
        ("secrets", "spec.secret"),
    ],
    routes,
    refuse,
    refusal: |schemas| schemas.subschema_for::<ErrorOut>(),
    refusal_type: "application/json",
};

const CONNECTIONS: &str = "/v0/integrations/connections";
const CONNECTION: &str = "/v0/integrations/connections/{connectionName}";

/// Returns every route.
fn routes() -> Vec<Route> {
    [connections(), of_providers()].into_iter().flatten().collect()
}

/// Returns the routes of connections.
fn connections() -> Vec<Route> {
    vec![
        Route {
            method: Method::GET,
            path: CONNECTIONS,
            id: "ListIntegrationConnections",
            summary: "Lists all connections, oldest first.",
            terms: Refuses(&[]),
            operation: Operation::of(handlers::list),
        },
        Route {
            method: Method::POST,
            path: CONNECTIONS,
            id: "CreateIntegrationConnection",
            summary: "Creates a connection.",
            terms: Refuses(&[409]),
            operation: Operation::of(handlers::create),
        },
        Route {
            method: Method::GET,
            path: CONNECTION,
            id: "GetIntegrationConnection",
            summary: "Returns a connection.",
            terms: Refuses(&[404]),
            operation: Operation::of(handlers::get),
        },
        Route {
            method: Method::PUT,
            path: CONNECTION,
            id: "UpdateIntegrationConnection",
            summary: "Updates a connection. Omitted fields stay unchanged.",
            terms: Refuses(&[404]),
            operation: Operation::of(handlers::update),
        },
        Route {
            method: Method::DELETE,
            path: CONNECTION,
            id: "DeleteIntegrationConnection",
            summary: "Archives a connection and returns it.",
            terms: Refuses(&[404, 409]),
            operation: Operation::of(handlers::delete),
        },
    ]
}

/// Returns the routes about providers and models.
fn of_providers() -> Vec<Route> {
    vec![
        Route {
            method: Method::GET,
            path: "/v0/integrations/connections/{connectionName}/models",
            id: "ListIntegrationConnectionModels",
            summary: "Lists the models of a connection, as its provider does.",
            terms: Refuses(&[404]),
            operation: Operation::of(catalogue::models),
        },
        Route {
            method: Method::GET,
            path: "/v0/integrations/connections/{connectionName}/models/{modelId}",
            id: "GetIntegrationConnectionModel",
            summary: "Returns a model of a connection.",
            terms: Refuses(&[404]),
            operation: Operation::of(catalogue::model),
        },
        Route {
            method: Method::GET,
            path: "/v0/integrations/connections/{connectionName}/endpointConfigurations",
            id: "ListIntegrationConnectionEndpointConfigurations",
            summary: "Lists the endpoints of a connection's provider.",
            terms: Refuses(&[404]),
            operation: Operation::of(catalogue::endpoints),
        },
        Route {
            method: Method::GET,
            path: "/v0/integrations/{integrationName}",
            id: "GetIntegration",
            summary: "Returns the description of a provider.",
            terms: Refuses(&[404]),
            operation: Operation::of(catalogue::provider),
        },
    ]
}

/// Returns the answer for an error: its code, the status, and a message.
fn refuse(problem: &Problem, _: &RequestId) -> Response {
    let code = problem.code;
    let status = match code.class() {
        Class::Rejected if code == Code::ConnectionInUse => 409,
        Class::Rejected => 400,
        _ => code.status(),
    };
    let body = json!({ "error": code.as_str(), "code": status, "message": problem.message });
    refusal(problem, status, "application/json", body.to_string())
}
