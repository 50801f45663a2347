//! The table of routes.

use axum::http::Method;
use ledger_http::toolkit::Operation;

use super::{catalogue, handlers, history};
use crate::api::{Refuses, Route};

macro_rules! path {
    ($rest:literal) => {
        concat!("/umbraco/ai/management/api/v1", $rest)
    };
}

fn get(path: &'static str, id: &'static str, summary: &'static str) -> Route {
    Route {
        method: Method::GET,
        path,
        id,
        summary,
        terms: Refuses(&[404]),
        operation: Operation::of(handlers::get),
    }
}

/// Returns every route.
pub(super) fn routes() -> Vec<Route> {
    [connections(), of_providers(), versions()].into_iter().flatten().collect()
}

/// Returns the routes of connections.
fn connections() -> Vec<Route> {
    vec![
        Route {
            terms: Refuses(&[]),
            operation: Operation::of(handlers::list),
            ..get(path!("/connections"), "GetConnections", "Lists connections by name.")
        },
        Route {
            method: Method::POST,
            terms: Refuses(&[]),
            operation: Operation::of(handlers::create),
            ..get(path!("/connections"), "CreateConnection", "Creates a connection.")
        },
        get(path!("/connections/{idOrAlias}"), "GetConnection", "Returns a connection."),
        Route {
            method: Method::PUT,
            operation: Operation::of(handlers::update),
            ..get(
                path!("/connections/{idOrAlias}"),
                "UpdateConnection",
                "Updates a connection. Omitted fields stay unchanged.",
            )
        },
        Route {
            method: Method::DELETE,
            operation: Operation::of(handlers::delete),
            ..get(path!("/connections/{idOrAlias}"), "DeleteConnection", "Archives a connection.")
        },
        Route {
            method: Method::POST,
            operation: Operation::of(catalogue::test),
            ..get(
                path!("/connections/{idOrAlias}/test"),
                "TestConnection",
                "Tests a connection: sends a request of the provider's own with its credentials.",
            )
        },
    ]
}

/// Returns the routes about providers, and about models and capabilities of connections.
fn of_providers() -> Vec<Route> {
    vec![
        Route {
            terms: Refuses(&[]),
            operation: Operation::of(catalogue::all_capabilities),
            ..get(
                path!("/connections/capabilities"),
                "GetCapabilities",
                "Lists the capabilities of all connections.",
            )
        },
        Route {
            operation: Operation::of(catalogue::with_capability),
            ..get(
                path!("/connections/capabilities/{capability}"),
                "GetConnectionsByCapability",
                "Lists the connections with a capability.",
            )
        },
        Route {
            operation: Operation::of(catalogue::models),
            ..get(
                path!("/connections/{idOrAlias}/models"),
                "GetConnectionModels",
                "Lists the models of a connection, as its provider does.",
            )
        },
        Route {
            operation: Operation::of(catalogue::capabilities),
            ..get(
                path!("/connections/{idOrAlias}/capabilities"),
                "GetConnectionCapabilities",
                "Lists the capabilities of a connection.",
            )
        },
        Route {
            terms: Refuses(&[]),
            operation: Operation::of(handlers::exists),
            ..get(
                path!("/connections/{idOrAlias}/exists"),
                "ConnectionAliasExists",
                "Returns whether an alias is taken.",
            )
        },
        Route {
            terms: Refuses(&[]),
            operation: Operation::of(catalogue::providers),
            ..get(path!("/providers"), "GetProviders", "Lists the known providers.")
        },
        Route {
            operation: Operation::of(catalogue::provider),
            ..get(path!("/providers/{id}"), "GetProvider", "Returns a provider and its settings.")
        },
    ]
}

/// Returns the routes of a connection's versions.
fn versions() -> Vec<Route> {
    vec![
        Route {
            operation: Operation::of(history::versions),
            ..get(
                path!("/versions/connection/{id}"),
                "GetVersions",
                "Lists the versions of a connection, newest first.",
            )
        },
        Route {
            operation: Operation::of(history::version),
            ..get(
                path!("/versions/connection/{id}/{version}"),
                "GetVersion",
                "Returns a connection as of a version.",
            )
        },
        Route {
            operation: Operation::of(history::compare),
            ..get(
                path!("/versions/connection/{id}/{version}/compare/{to}"),
                "CompareVersions",
                "Returns the differences between two versions.",
            )
        },
        Route {
            method: Method::POST,
            operation: Operation::of(history::rollback),
            ..get(
                path!("/versions/connection/{id}/{version}/rollback"),
                "RollbackVersion",
                "Restores an earlier version, including secrets, as a new version.",
            )
        },
    ]
}
