//! The table of routes. Reads are also available below an organization and a project.

use axum::http::Method;
use ledger_http::toolkit::Operation;

use super::handlers;
use crate::api::{Refusal, Route, operation};
use crate::request::FacadeRequest;

const CONNECTIONS: &str = "/v1/vault/connections";
const CONNECTION: &str = "/v1/vault/connections/{id}";

pub(super) fn routes() -> Vec<Route> {
    vec![
        list(CONNECTIONS, "listConnections", operation(handlers::list)),
        Route {
            method: Method::POST,
            path: CONNECTIONS,
            id: "createConnection",
            summary: "Creates a connection. The credentials are not checked with its provider.",
            refusals: &[],
            operation: operation(handlers::create),
        },
        get(CONNECTION, "getConnection", operation(handlers::get)),
        Route {
            method: Method::PATCH,
            path: CONNECTION,
            id: "updateConnection",
            summary: "Updates tags and name. Omitted fields stay unchanged.",
            refusals: &[404],
            operation: operation(handlers::update),
        },
        Route {
            method: Method::DELETE,
            path: CONNECTION,
            id: "deleteConnection",
            summary: "Archives a connection.",
            refusals: &[404],
            operation: operation(handlers::delete),
        },
        list(
            "/v1/vault/organizations/{organization}/connections",
            "listOrganizationConnections",
            operation(handlers::list),
        ),
        get(
            "/v1/vault/organizations/{organization}/connections/{id}",
            "getOrganizationConnection",
            operation(handlers::get),
        ),
        list(
            "/v1/vault/organizations/{organization}/projects/{project}/connections",
            "listProjectConnections",
            operation(handlers::list_in_project),
        ),
        get(
            "/v1/vault/organizations/{organization}/projects/{project}/connections/{id}",
            "getProjectConnection",
            operation(handlers::get_in_project),
        ),
    ]
}

fn list(
    path: &'static str,
    id: &'static str,
    operation: Operation<FacadeRequest, Refusal>,
) -> Route {
    Route {
        method: Method::GET,
        path,
        id,
        summary: "Lists the connections that match every given filter, oldest first.",
        refusals: &[404],
        operation,
    }
}

fn get(
    path: &'static str,
    id: &'static str,
    operation: Operation<FacadeRequest, Refusal>,
) -> Route {
    Route {
        method: Method::GET,
        path,
        id,
        summary: "Returns a connection.",
        refusals: &[404],
        operation,
    }
}
