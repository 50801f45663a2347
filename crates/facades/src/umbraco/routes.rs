//! The table of routes.

use super::shapes::{
    CompareOut, ConnectionIn, ConnectionOut, ItemOut, ListOut, ModelOut, PatchIn, ProviderItemOut,
    ProviderOut, TestOut, VersionOut, VersionsOut,
};
use super::{catalogue, handlers, history};
use crate::api::{Method, Route, SchemaOf};

macro_rules! path {
    ($rest:literal) => {
        concat!("/umbraco/ai/management/api/v1", $rest)
    };
}

const SHOWN: SchemaOf = |schemas| schemas.subschema_for::<ConnectionOut>();
const NAMES: SchemaOf = |schemas| schemas.subschema_for::<Vec<String>>();

const PAGE: [(&str, &str); 2] =
    [("skip", "How many to leave out, 0 when absent."), ("take", "How many to show at most.")];

const FILTERS: [(&str, &str); 5] = [
    ("filter", "Text in the name, without regard to case."),
    ("providerId", "The provider."),
    ("capability", "What the provider can be used for."),
    ("skip", "How many to leave out, 0 when absent."),
    ("take", "How many to show, 100 when absent."),
];

const fn get(path: &'static str, id: &'static str, summary: &'static str) -> Route {
    Route {
        method: Method::Get,
        path,
        id,
        summary,
        query: &[],
        body: None,
        success: (200, Some(SHOWN)),
        refusals: &[404],
        handler: |asked| Box::pin(handlers::get(asked)),
    }
}

pub(super) const ROUTES: [Route; 17] = [
    Route {
        query: &FILTERS,
        success: (200, Some(schemars::SchemaGenerator::subschema_for::<ListOut>)),
        refusals: &[],
        handler: |asked| Box::pin(handlers::list(asked)),
        ..get(path!("/connections"), "GetConnections", "Lists connections by name.")
    },
    Route {
        method: Method::Post,
        body: Some(schemars::SchemaGenerator::subschema_for::<ConnectionIn>),
        success: (201, Some(SHOWN)),
        refusals: &[],
        handler: |asked| Box::pin(handlers::create(asked)),
        ..get(path!("/connections"), "CreateConnection", "Makes a connection.")
    },
    get(path!("/connections/{idOrAlias}"), "GetConnection", "Shows a connection."),
    Route {
        method: Method::Put,
        body: Some(schemars::SchemaGenerator::subschema_for::<PatchIn>),
        handler: |asked| Box::pin(handlers::update(asked)),
        ..get(
            path!("/connections/{idOrAlias}"),
            "UpdateConnection",
            "Changes a connection. What is left out stays.",
        )
    },
    Route {
        method: Method::Delete,
        success: (200, None),
        handler: |asked| Box::pin(handlers::delete(asked)),
        ..get(path!("/connections/{idOrAlias}"), "DeleteConnection", "Archives a connection.")
    },
    Route {
        method: Method::Post,
        success: (200, Some(schemars::SchemaGenerator::subschema_for::<TestOut>)),
        handler: |asked| Box::pin(catalogue::test(asked)),
        ..get(
            path!("/connections/{idOrAlias}/test"),
            "TestConnection",
            "Checks that required settings are there. The provider is not called.",
        )
    },
    Route {
        success: (200, Some(NAMES)),
        refusals: &[],
        handler: |asked| Box::pin(catalogue::all_capabilities(asked)),
        ..get(
            path!("/connections/capabilities"),
            "GetCapabilities",
            "Lists what the providers of all connections can be used for.",
        )
    },
    Route {
        success: (200, Some(schemars::SchemaGenerator::subschema_for::<Vec<ItemOut>>)),
        handler: |asked| Box::pin(catalogue::with_capability(asked)),
        ..get(
            path!("/connections/capabilities/{capability}"),
            "GetConnectionsByCapability",
            "Lists connections whose provider can be used for something.",
        )
    },
    Route {
        query: &[("capability", "What the models can be used for.")],
        success: (200, Some(schemars::SchemaGenerator::subschema_for::<Vec<ModelOut>>)),
        handler: |asked| Box::pin(catalogue::models(asked)),
        ..get(
            path!("/connections/{idOrAlias}/models"),
            "GetConnectionModels",
            "Lists the models that a connection is known to reach.",
        )
    },
    Route {
        success: (200, Some(NAMES)),
        handler: |asked| Box::pin(catalogue::capabilities(asked)),
        ..get(
            path!("/connections/{idOrAlias}/capabilities"),
            "GetConnectionCapabilities",
            "Lists what a connection's provider can be used for.",
        )
    },
    Route {
        query: &[("excludeId", "A connection that does not count.")],
        success: (200, Some(schemars::SchemaGenerator::subschema_for::<bool>)),
        refusals: &[],
        handler: |asked| Box::pin(handlers::exists(asked)),
        ..get(
            path!("/connections/{idOrAlias}/exists"),
            "ConnectionAliasExists",
            "Tells whether an alias is taken.",
        )
    },
    Route {
        success: (200, Some(schemars::SchemaGenerator::subschema_for::<Vec<ProviderItemOut>>)),
        refusals: &[],
        handler: |asked| Box::pin(async move { Ok(catalogue::providers(&asked)) }),
        ..get(path!("/providers"), "GetProviders", "Lists the known providers.")
    },
    Route {
        success: (200, Some(schemars::SchemaGenerator::subschema_for::<ProviderOut>)),
        handler: |asked| Box::pin(async move { catalogue::provider(&asked) }),
        ..get(path!("/providers/{id}"), "GetProvider", "Shows a provider and its settings.")
    },
    Route {
        query: &PAGE,
        success: (200, Some(schemars::SchemaGenerator::subschema_for::<VersionsOut>)),
        handler: |asked| Box::pin(history::versions(asked)),
        ..get(
            path!("/versions/connection/{id}"),
            "GetVersions",
            "Lists the versions of a connection, newest first.",
        )
    },
    Route {
        success: (200, Some(schemars::SchemaGenerator::subschema_for::<VersionOut>)),
        handler: |asked| Box::pin(history::version(asked)),
        ..get(
            path!("/versions/connection/{id}/{version}"),
            "GetVersion",
            "Shows a connection as it was at a version.",
        )
    },
    Route {
        success: (200, Some(schemars::SchemaGenerator::subschema_for::<CompareOut>)),
        handler: |asked| Box::pin(history::compare(asked)),
        ..get(
            path!("/versions/connection/{id}/{version}/compare/{to}"),
            "CompareVersions",
            "Tells what differs between two versions.",
        )
    },
    Route {
        method: Method::Post,
        handler: |asked| Box::pin(history::rollback(asked)),
        ..get(
            path!("/versions/connection/{id}/{version}/rollback"),
            "RollbackVersion",
            "Brings an earlier version back, secrets included, as a new version.",
        )
    },
];
