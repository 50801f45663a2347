//! What Portkey's API answers.

use schemars::SchemaGenerator;

use super::shapes::{
    CreatedOut, DoneOut, IntegrationChange, IntegrationDetail, IntegrationIn, PageOut,
};
use super::{handlers, models, workspaces};
use crate::api::{Method, Route};

const INTEGRATIONS: &str = "/v1/integrations";
const INTEGRATION: &str = "/v1/integrations/{slug}";
const MODELS: &str = "/v1/integrations/{slug}/models";
const WORKSPACES: &str = "/v1/integrations/{slug}/workspaces";

pub(super) const ROUTES: [Route; 10] = [
    Route {
        method: Method::Get,
        path: INTEGRATIONS,
        id: "listIntegrations",
        summary: "Lists integrations, oldest first.",
        query: &[
            ("current_page", "Number of the page, from 0."),
            ("page_size", "Integrations on a page, 100 when nothing is said."),
            ("workspace_id", "Only those that this workspace may use."),
            ("type", "`workspace`, `organisation` or `all` (default)."),
        ],
        body: None,
        success: (200, Some(SchemaGenerator::subschema_for::<PageOut>)),
        refusals: &[],
        handler: |asked| Box::pin(handlers::list(asked)),
    },
    Route {
        method: Method::Post,
        path: INTEGRATIONS,
        id: "createIntegration",
        summary: "Makes an integration.",
        query: &[],
        body: Some(SchemaGenerator::subschema_for::<IntegrationIn>),
        success: (200, Some(SchemaGenerator::subschema_for::<CreatedOut>)),
        refusals: &[409],
        handler: |asked| Box::pin(handlers::create(asked)),
    },
    Route {
        method: Method::Get,
        path: INTEGRATION,
        id: "getIntegration",
        summary: "Shows an integration.",
        query: &[],
        body: None,
        success: (200, Some(SchemaGenerator::subschema_for::<IntegrationDetail>)),
        refusals: &[404],
        handler: |asked| Box::pin(handlers::get(asked)),
    },
    Route {
        method: Method::Put,
        path: INTEGRATION,
        id: "updateIntegration",
        summary: "Changes an integration. What is left out stays, and so do secrets among \
                  `configurations` that are not named.",
        query: &[],
        body: Some(SchemaGenerator::subschema_for::<IntegrationChange>),
        success: (200, Some(SchemaGenerator::subschema_for::<DoneOut>)),
        refusals: &[404],
        handler: |asked| Box::pin(handlers::update(asked)),
    },
    Route {
        method: Method::Delete,
        path: INTEGRATION,
        id: "deleteIntegration",
        summary: "Archives an integration.",
        query: &[],
        body: None,
        success: (200, Some(SchemaGenerator::subschema_for::<DoneOut>)),
        refusals: &[404, 409],
        handler: |asked| Box::pin(handlers::delete(asked)),
    },
    Route {
        method: Method::Get,
        path: MODELS,
        id: "getIntegrationModels",
        summary: "Lists the models that something was said of.",
        query: &[],
        body: None,
        success: (200, Some(SchemaGenerator::subschema_for::<models::ModelsOut>)),
        refusals: &[404],
        handler: |asked| Box::pin(models::list(asked)),
    },
    Route {
        method: Method::Put,
        path: MODELS,
        id: "updateIntegrationModels",
        summary: "Says something of models; others stay as they are.",
        query: &[],
        body: Some(SchemaGenerator::subschema_for::<models::ModelsIn>),
        success: (200, Some(SchemaGenerator::subschema_for::<DoneOut>)),
        refusals: &[404, 409],
        handler: |asked| Box::pin(models::update(asked)),
    },
    Route {
        method: Method::Delete,
        path: MODELS,
        id: "deleteIntegrationModels",
        summary: "Takes back what was said of models.",
        query: &[("slugs", "Their names, separated by commas.")],
        body: None,
        success: (200, Some(SchemaGenerator::subschema_for::<DoneOut>)),
        refusals: &[404, 409],
        handler: |asked| Box::pin(models::delete(asked)),
    },
    Route {
        method: Method::Get,
        path: WORKSPACES,
        id: "getIntegrationWorkspaces",
        summary: "Lists the home of an integration, and the workspaces that something was said of.",
        query: &[],
        body: None,
        success: (200, Some(SchemaGenerator::subschema_for::<workspaces::WorkspacesOut>)),
        refusals: &[404],
        handler: |asked| Box::pin(workspaces::list(asked)),
    },
    Route {
        method: Method::Put,
        path: WORKSPACES,
        id: "updateIntegrationWorkspaces",
        summary: "Grants an integration to workspaces, or takes grants back.",
        query: &[],
        body: Some(SchemaGenerator::subschema_for::<workspaces::WorkspacesIn>),
        success: (200, Some(SchemaGenerator::subschema_for::<DoneOut>)),
        refusals: &[404],
        handler: |asked| Box::pin(workspaces::update(asked)),
    },
];
