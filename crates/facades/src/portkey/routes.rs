//! What Portkey's API answers.

use axum::http::Method;

use super::{handlers, models, workspaces};
use crate::api::{Route, operation};

const INTEGRATIONS: &str = "/v1/integrations";
const INTEGRATION: &str = "/v1/integrations/{slug}";
const MODELS: &str = "/v1/integrations/{slug}/models";
const WORKSPACES: &str = "/v1/integrations/{slug}/workspaces";

/// Returns every route.
pub(super) fn routes() -> Vec<Route> {
    [integrations(), models(), workspaces()].into_iter().flatten().collect()
}

/// Returns the routes of integrations.
fn integrations() -> Vec<Route> {
    vec![
        Route {
            method: Method::GET,
            path: INTEGRATIONS,
            id: "listIntegrations",
            summary: "Lists integrations, oldest first.",
            refusals: &[],
            operation: operation(handlers::list),
        },
        Route {
            method: Method::POST,
            path: INTEGRATIONS,
            id: "createIntegration",
            summary: "Makes an integration.",
            refusals: &[409],
            operation: operation(handlers::create),
        },
        Route {
            method: Method::GET,
            path: INTEGRATION,
            id: "getIntegration",
            summary: "Shows an integration.",
            refusals: &[404],
            operation: operation(handlers::get),
        },
        Route {
            method: Method::PUT,
            path: INTEGRATION,
            id: "updateIntegration",
            summary: "Changes an integration. What is left out stays, and so do secrets among \
                  `configurations` that are not named.",
            refusals: &[404],
            operation: operation(handlers::update),
        },
        Route {
            method: Method::DELETE,
            path: INTEGRATION,
            id: "deleteIntegration",
            summary: "Archives an integration.",
            refusals: &[404, 409],
            operation: operation(handlers::delete),
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
            summary: "Lists the models that something was said of.",
            refusals: &[404],
            operation: operation(models::list),
        },
        Route {
            method: Method::PUT,
            path: MODELS,
            id: "updateIntegrationModels",
            summary: "Says something of models; others stay as they are.",
            refusals: &[404, 409],
            operation: operation(models::update),
        },
        Route {
            method: Method::DELETE,
            path: MODELS,
            id: "deleteIntegrationModels",
            summary: "Takes back what was said of models.",
            refusals: &[404, 409],
            operation: operation(models::delete),
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
            summary: "Lists the home of an integration, and the workspaces that something was said of.",
            refusals: &[404],
            operation: operation(workspaces::list),
        },
        Route {
            method: Method::PUT,
            path: WORKSPACES,
            id: "updateIntegrationWorkspaces",
            summary: "Grants an integration to workspaces, or takes grants back.",
            refusals: &[404],
            operation: operation(workspaces::update),
        },
    ]
}
