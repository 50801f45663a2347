//! The table of routes. Reads are also available below an organization and a project.

use axum::http::Method;
use ledger_http::toolkit::Operation;

use super::handlers;
use crate::api::{FacadeServer, Refuses, Route};

const CONNECTIONS: &str = "/v1/vault/connections";
const CONNECTION: &str = "/v1/vault/connections/{id}";

pub(super) fn routes() -> Vec<Route> {
    vec![
        list(CONNECTIONS, "listConnections", Operation::of(handlers::list)),
        Route {
            method: Method::POST,
            path: CONNECTIONS,
            id: "createConnection",
            summary: "Creates a connection. The credentials are not checked with its provider.",
            terms: Refuses(&[]),
            operation: Operation::of(handlers::create),
        },
        get(CONNECTION, "getConnection", Operation::of(handlers::get)),
        Route {
            method: Method::PATCH,
            path: CONNECTION,
            id: "updateConnection",
            summary: "Updates tags and name. Omitted fields stay unchanged.",
            terms: Refuses(&[404]),
            operation: Operation::of(handlers::update),
        },
        Route {
            method: Method::DELETE,
            path: CONNECTION,
            id: "deleteConnection",
            summary: "Archives a connection.",
            terms: Refuses(&[404]),
            operation: Operation::of(handlers::delete),
        },
        list(
            "/v1/vault/organizations/{organization}/connections",
            "listOrganizationConnections",
            Operation::of(handlers::list),
        ),
        get(
            "/v1/vault/organizations/{organization}/connections/{id}",
            "getOrganizationConnection",
            Operation::of(handlers::get),
        ),
        list(
            "/v1/vault/organizations/{organization}/projects/{project}/connections",
            "listProjectConnections",
            Operation::of(handlers::list_in_project),
        ),
        get(
            "/v1/vault/organizations/{organization}/projects/{project}/connections/{id}",
            "getProjectConnection",
            Operation::of(handlers::get_in_project),
        ),
    ]
}

fn list(path: &'static str, id: &'static str, operation: Operation<FacadeServer>) -> Route {
    Route {
        method: Method::GET,
        path,
        id,
        summary: "Lists the connections that match every given filter, oldest first.",
        terms: Refuses(&[404]),
        operation,
    }
}

fn get(path: &'static str, id: &'static str, operation: Operation<FacadeServer>) -> Route {
    Route {
        method: Method::GET,
        path,
        id,
        summary: "Returns a connection.",
        terms: Refuses(&[404]),
        operation,
    }
}
