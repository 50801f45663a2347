//! The table of routes.

use axum::http::Method;
use ledger_http::toolkit::Operation;

use super::views::{providers, virtual_keys};
use super::{handlers, models, workspaces};
use crate::api::{Refuses, Route};

const INTEGRATIONS: &str = "/v1/integrations";
const INTEGRATION: &str = "/v1/integrations/{slug}";
const MODELS: &str = "/v1/integrations/{slug}/models";
const WORKSPACES: &str = "/v1/integrations/{slug}/workspaces";
const VIRTUAL_KEYS: &str = "/v1/virtual-keys";
const VIRTUAL_KEY: &str = "/v1/virtual-keys/{slug}";
const PROVIDERS: &str = "/v1/providers";
const PROVIDER: &str = "/v1/providers/{slug}";

/// Returns every route.
pub(super) fn routes() -> Vec<Route> {
    let all = [integrations(), models(), workspaces(), virtual_keys(), providers()];
    all.into_iter().flatten().collect()
}

/// Returns the routes of integrations.
fn integrations() -> Vec<Route> {
    vec![
        Route {
            method: Method::GET,
            path: INTEGRATIONS,
            id: "listIntegrations",
            summary: "Lists integrations, oldest first.",
            terms: Refuses(&[]),
            operation: Operation::of(handlers::list),
        },
        Route {
            method: Method::POST,
            path: INTEGRATIONS,
            id: "createIntegration",
            summary: "Creates an integration.",
            terms: Refuses(&[409]),
            operation: Operation::of(handlers::create),
        },
        Route {
            method: Method::GET,
            path: INTEGRATION,
            id: "getIntegration",
            summary: "Returns an integration.",
            terms: Refuses(&[404]),
            operation: Operation::of(handlers::get),
        },
        Route {
            method: Method::PUT,
            path: INTEGRATION,
            id: "updateIntegration",
            summary: "Updates an integration. Omitted fields stay unchanged, and so do omitted \
                      secrets in `configurations`.",
            terms: Refuses(&[404]),
            operation: Operation::of(handlers::update),
        },
        Route {
            method: Method::DELETE,
            path: INTEGRATION,
            id: "deleteIntegration",
            summary: "Archives an integration.",
            terms: Refuses(&[404, 409]),
            operation: Operation::of(handlers::delete),
        },
    ]
}

/// Returns the routes of an integration's models.
fn models() -> Vec<Route> {
    vec![
        Route {
            method: Method::GET,
            path: MODELS,
            id: "getIntegrationModels",
            summary: "Lists the models with an entry.",
            terms: Refuses(&[404]),
            operation: Operation::of(models::list),
        },
        Route {
            method: Method::PUT,
            path: MODELS,
            id: "updateIntegrationModels",
            summary: "Sets the entries of models; others stay unchanged.",
            terms: Refuses(&[404, 409]),
            operation: Operation::of(models::update),
        },
        Route {
            method: Method::DELETE,
            path: MODELS,
            id: "deleteIntegrationModels",
            summary: "Removes the entries of models.",
            terms: Refuses(&[404, 409]),
            operation: Operation::of(models::delete),
        },
    ]
}

/// Returns the routes of an integration's workspaces.
fn workspaces() -> Vec<Route> {
    vec![
        Route {
            method: Method::GET,
            path: WORKSPACES,
            id: "getIntegrationWorkspaces",
            summary: "Lists the workspace of an integration, and those with a grant or a denial.",
            terms: Refuses(&[404]),
            operation: Operation::of(workspaces::list),
        },
        Route {
            method: Method::PUT,
            path: WORKSPACES,
            id: "updateIntegrationWorkspaces",
            summary: "Grants an integration to workspaces, or revokes grants.",
            terms: Refuses(&[404]),
            operation: Operation::of(workspaces::update),
        },
    ]
}

/// Returns the routes of virtual keys.
fn virtual_keys() -> Vec<Route> {
    vec![
        Route {
            method: Method::GET,
            path: VIRTUAL_KEYS,
            id: "listVirtualKeys",
            summary: "Lists virtual keys, oldest first.",
            terms: Refuses(&[]),
            operation: Operation::of(virtual_keys::list),
        },
        Route {
            method: Method::POST,
            path: VIRTUAL_KEYS,
            id: "createVirtualKey",
            summary: "Creates a virtual key.",
            terms: Refuses(&[409]),
            operation: Operation::of(virtual_keys::create),
        },
        Route {
            method: Method::GET,
            path: VIRTUAL_KEY,
            id: "getVirtualKey",
            summary: "Returns a virtual key.",
            terms: Refuses(&[404]),
            operation: Operation::of(virtual_keys::get),
        },
        Route {
            method: Method::PUT,
            path: VIRTUAL_KEY,
            id: "updateVirtualKey",
            summary: "Updates a virtual key. Omitted fields stay unchanged.",
            terms: Refuses(&[404]),
            operation: Operation::of(virtual_keys::update),
        },
        Route {
            method: Method::DELETE,
            path: VIRTUAL_KEY,
            id: "deleteVirtualKey",
            summary: "Archives a virtual key.",
            terms: Refuses(&[404, 409]),
            operation: Operation::of(virtual_keys::delete),
        },
    ]
}

/// Returns the routes of providers.
fn providers() -> Vec<Route> {
    vec![
        Route {
            method: Method::GET,
            path: PROVIDERS,
            id: "listProviders",
            summary: "Lists providers, oldest first.",
            terms: Refuses(&[]),
            operation: Operation::of(providers::list),
        },
        Route {
            method: Method::POST,
            path: PROVIDERS,
            id: "createProvider",
            summary: "Lets a workspace use an integration.",
            terms: Refuses(&[404]),
            operation: Operation::of(providers::create),
        },
        Route {
            method: Method::GET,
            path: PROVIDER,
            id: "getProvider",
            summary: "Returns a provider.",
            terms: Refuses(&[404]),
            operation: Operation::of(providers::get),
        },
        Route {
            method: Method::PUT,
            path: PROVIDER,
            id: "updateProvider",
            summary: "Updates a provider. Omitted fields stay unchanged.",
            terms: Refuses(&[404]),
            operation: Operation::of(providers::update),
        },
        Route {
            method: Method::DELETE,
            path: PROVIDER,
            id: "deleteProvider",
            summary: "Takes an integration from a workspace; archives it in its own.",
            terms: Refuses(&[404, 409]),
            operation: Operation::of(providers::delete),
        },
    ]
}
