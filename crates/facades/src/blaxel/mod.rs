//! Blaxel: integration connections, `/v0/integrations`.
//!
//! Facts: names of at most 49 of `a-z`, `0-9` and hyphens; lists are bare arrays without pages; a
//! deletion answers with what was deleted; answers and errors from its public API reference, the
//! rest from its published clients.

mod catalogue;
mod edit;
mod handlers;
mod shapes;
mod show;

use axum::http::HeaderMap;
use axum::response::Response;
use ledger_contract::errors::{Class, Code, Problem};
use ledger_contract::records::Via;
use ledger_http::handler::{RequestId, refusal};
use ledger_providers::Facade;
use serde_json::json;

use crate::api::{FacadeApi, Method, Route};
use shapes::{ConnectionIn, ConnectionOut, ErrorOut, ProviderOut};

/// Blaxel's API.
pub(crate) static API: FacadeApi = FacadeApi {
    facade: Facade::Blaxel,
    via: Via::Blaxel,
    title: "Blaxel integration connections, served by Connection Ledger",
    about: "Integration connections as Blaxel's own clients use them. Secrets are shown as \
            `********`; sent back so, they stay.",
    key_header: "X-Blaxel-Authorization",
    workspace: |headers: &HeaderMap| headers.get("x-blaxel-workspace"),
    routes: &ROUTES,
    refuse,
    refusal: |schemas| schemas.subschema_for::<ErrorOut>(),
};

const CONNECTIONS: &str = "/v0/integrations/connections";
const CONNECTION: &str = "/v0/integrations/connections/{connectionName}";

const ROUTES: [Route; 9] = [
    Route {
        method: Method::Get,
        path: CONNECTIONS,
        id: "ListIntegrationConnections",
        summary: "Lists all connections, oldest first.",
        query: &[],
        body: None,
        success: (200, Some(schemars::SchemaGenerator::subschema_for::<Vec<ConnectionOut>>)),
        refusals: &[],
        handler: |asked| Box::pin(handlers::list(asked)),
    },
    Route {
        method: Method::Post,
        path: CONNECTIONS,
        id: "CreateIntegrationConnection",
        summary: "Makes a connection.",
        query: &[],
        body: Some(schemars::SchemaGenerator::subschema_for::<ConnectionIn>),
        success: (200, Some(schemars::SchemaGenerator::subschema_for::<ConnectionOut>)),
        refusals: &[409],
        handler: |asked| Box::pin(handlers::create(asked)),
    },
    Route {
        method: Method::Get,
        path: CONNECTION,
        id: "GetIntegrationConnection",
        summary: "Shows a connection.",
        query: &[],
        body: None,
        success: (200, Some(schemars::SchemaGenerator::subschema_for::<ConnectionOut>)),
        refusals: &[404],
        handler: |asked| Box::pin(handlers::get(asked)),
    },
    Route {
        method: Method::Put,
        path: CONNECTION,
        id: "UpdateIntegrationConnection",
        summary: "Changes a connection. What is left out stays.",
        query: &[],
        body: Some(schemars::SchemaGenerator::subschema_for::<ConnectionIn>),
        success: (200, Some(schemars::SchemaGenerator::subschema_for::<ConnectionOut>)),
        refusals: &[404],
        handler: |asked| Box::pin(handlers::update(asked)),
    },
    Route {
        method: Method::Delete,
        path: CONNECTION,
        id: "DeleteIntegrationConnection",
        summary: "Archives a connection and answers with it.",
        query: &[],
        body: None,
        success: (200, Some(schemars::SchemaGenerator::subschema_for::<ConnectionOut>)),
        refusals: &[404, 409],
        handler: |asked| Box::pin(handlers::delete(asked)),
    },
    Route {
        method: Method::Get,
        path: "/v0/integrations/connections/{connectionName}/models",
        id: "ListIntegrationConnectionModels",
        summary: "Lists the models that a connection reaches, as far as they are known.",
        query: &[],
        body: None,
        success: (200, None),
        refusals: &[404],
        handler: |asked| Box::pin(catalogue::models(asked)),
    },
    Route {
        method: Method::Get,
        path: "/v0/integrations/connections/{connectionName}/models/{modelId}",
        id: "GetIntegrationConnectionModel",
        summary: "Shows a model that a connection reaches.",
        query: &[],
        body: None,
        success: (200, None),
        refusals: &[404],
        handler: |asked| Box::pin(catalogue::model(asked)),
    },
    Route {
        method: Method::Get,
        path: "/v0/integrations/connections/{connectionName}/endpointConfigurations",
        id: "ListIntegrationConnectionEndpointConfigurations",
        summary: "Lists the endpoints of a connection's provider.",
        query: &[],
        body: None,
        success: (200, None),
        refusals: &[404],
        handler: |asked| Box::pin(catalogue::endpoints(asked)),
    },
    Route {
        method: Method::Get,
        path: "/v0/integrations/{integrationName}",
        id: "GetIntegration",
        summary: "Shows what is known of a provider.",
        query: &[],
        body: None,
        success: (200, Some(schemars::SchemaGenerator::subschema_for::<ProviderOut>)),
        refusals: &[404],
        handler: |asked| Box::pin(async move { catalogue::provider(&asked) }),
    },
];

/// Says no: the kind of error, the status once more, and a sentence.
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
