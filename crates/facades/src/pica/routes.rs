//! The table of routes. The same questions are answered below an organization and a project.

use schemars::SchemaGenerator;

use super::handlers;
use super::shapes::{ConnectionIn, ConnectionOut, PageOut, PatchIn};
use crate::api::{Method, Route, SchemaOf};

const CONNECTIONS: &str = "/v1/vault/connections";
const CONNECTION: &str = "/v1/vault/connections/{id}";

const FILTERS: [(&str, &str); 12] = [
    ("key", "Connection keys, any of them, separated by commas."),
    ("keys", "The same as `key`."),
    ("platform", "The provider."),
    ("platformVersion", "Version of the provider's connector."),
    ("name", "The whole name."),
    ("identity", "Whom it is for."),
    ("identityType", "`user`, `team`, `organization` or `project`."),
    ("tags", "Tags, any of them, separated by commas."),
    ("active", "`true` when absent: inactive ones are shown by `false` only."),
    ("limit", "Rows on a page, 20 when absent, at most 150."),
    ("page", "Number of the page, from 1."),
    ("skip", "Rows to skip; instead of `page`."),
];

const SHOWN: SchemaOf = |schemas: &mut SchemaGenerator| schemas.subschema_for::<ConnectionOut>();

const fn list(path: &'static str, id: &'static str) -> Route {
    Route {
        method: Method::Get,
        path,
        id,
        summary: "Lists connections that fit every filter given, oldest first.",
        query: &FILTERS,
        body: None,
        success: (200, Some(schemars::SchemaGenerator::subschema_for::<PageOut>)),
        refusals: &[404],
        handler: |asked| Box::pin(handlers::list(asked)),
    }
}

const fn get(path: &'static str, id: &'static str) -> Route {
    Route {
        method: Method::Get,
        path,
        id,
        summary: "Shows a connection.",
        query: &[],
        body: None,
        success: (200, Some(SHOWN)),
        refusals: &[404],
        handler: |asked| Box::pin(handlers::get(asked)),
    }
}

pub(super) const ROUTES: [Route; 9] = [
    list(CONNECTIONS, "listConnections"),
    Route {
        method: Method::Post,
        path: CONNECTIONS,
        id: "createConnection",
        summary: "Makes a connection. Its provider is not asked whether the credentials are good.",
        query: &[],
        body: Some(schemars::SchemaGenerator::subschema_for::<ConnectionIn>),
        success: (200, Some(SHOWN)),
        refusals: &[],
        handler: |asked| Box::pin(handlers::create(asked)),
    },
    get(CONNECTION, "getConnection"),
    Route {
        method: Method::Patch,
        path: CONNECTION,
        id: "updateConnection",
        summary: "Changes tags and name. What is left out stays.",
        query: &[],
        body: Some(schemars::SchemaGenerator::subschema_for::<PatchIn>),
        success: (200, Some(SHOWN)),
        refusals: &[404],
        handler: |asked| Box::pin(handlers::update(asked)),
    },
    Route {
        method: Method::Delete,
        path: CONNECTION,
        id: "deleteConnection",
        summary: "Archives a connection.",
        query: &[],
        body: None,
        success: (200, None),
        refusals: &[404],
        handler: |asked| Box::pin(handlers::delete(asked)),
    },
    list("/v1/vault/organizations/{organization}/connections", "listOrganizationConnections"),
    get("/v1/vault/organizations/{organization}/connections/{id}", "getOrganizationConnection"),
    list(
        "/v1/vault/organizations/{organization}/projects/{project}/connections",
        "listProjectConnections",
    ),
    get(
        "/v1/vault/organizations/{organization}/projects/{project}/connections/{id}",
        "getProjectConnection",
    ),
];
