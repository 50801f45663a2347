//! Pica's bodies.

use std::collections::BTreeMap;

use ledger_contract::commands::SecretValue;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The path of a connection.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ConnectionPath {
    pub(super) id: String,
}

/// The path of a project's connections.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ProjectPath {
    pub(super) project: String,
}

/// The path of a connection of a project.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ProjectConnectionPath {
    pub(super) project: String,
    pub(super) id: String,
}

/// Which connections to list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Filters {
    /// Rows per page, 20 by default, at most 150.
    pub(super) limit: Option<u64>,
    /// Number of the page, from 1.
    pub(super) page: Option<u64>,
    /// Rows to skip; instead of `page`.
    pub(super) skip: Option<u64>,
    /// Connection keys, any of them, separated by commas.
    pub(super) key: Option<String>,
    /// The same as `key`.
    pub(super) keys: Option<String>,
    /// The provider.
    pub(super) platform: Option<String>,
    /// Version of the provider's connector.
    pub(super) platform_version: Option<String>,
    /// The exact name.
    pub(super) name: Option<String>,
    /// The owner.
    pub(super) identity: Option<String>,
    /// `user`, `team`, `organization` or `project`.
    pub(super) identity_type: Option<String>,
    /// Tags, any of them, separated by commas.
    pub(super) tags: Option<String>,
    /// `true` by default; `false` lists inactive connections.
    pub(super) active: Option<bool>,
}

/// A new connection.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "CreateConnection")]
#[serde(rename_all = "camelCase")]
pub(super) struct ConnectionIn {
    /// The connector; the provider if `platform` is absent.
    pub(super) connection_definition_id: String,
    /// The provider.
    pub(super) platform: Option<String>,
    /// Credentials; every field is kept secret.
    pub(super) auth_form_data: BTreeMap<String, SecretValue>,
    /// Whether it may be used.
    pub(super) active: bool,
    /// The owner, at most 128 characters.
    pub(super) identity: Option<String>,
    /// `user` (default), `team`, `organization` or `project`.
    pub(super) identity_type: Option<String>,
    /// Free grouping.
    pub(super) group: Option<String>,
    /// Display name.
    pub(super) name: Option<String>,
    /// Tags.
    pub(super) tags: Option<Vec<String>>,
}

/// Changes to a connection.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "UpdateConnection")]
pub(super) struct PatchIn {
    /// All tags; they replace the present ones.
    pub(super) tags: Option<Vec<String>>,
    /// The name; an empty name removes it.
    pub(super) name: Option<String>,
    /// Whether it may be used.
    pub(super) active: Option<bool>,
    /// The version that the change is based on, as it was shown.
    pub(super) version: Option<String>,
    /// Must be as shown.
    pub(super) platform: Option<String>,
    /// Must be as shown.
    pub(super) environment: Option<String>,
    /// Must be as shown.
    pub(super) state: Option<String>,
    /// Must be as shown.
    pub(super) identity: Option<String>,
    /// Must be as shown.
    #[serde(rename = "identityType")]
    pub(super) identity_type: Option<String>,
    /// Must be as shown.
    pub(super) description: Option<String>,
}

/// A connection in answers.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Connection")]
#[serde(rename_all = "camelCase")]
pub(super) struct ConnectionOut {
    /// Stable id.
    pub(super) id: String,
    /// Environment, platform, namespace and id, followed by a bar and the owner.
    pub(super) key: String,
    /// `test` or `live`.
    pub(super) environment: &'static str,
    /// The provider.
    pub(super) platform: String,
    /// Version of the provider's connector.
    pub(super) platform_version: String,
    /// Increases with each change.
    pub(super) version: String,
    /// Free text, or the provider's own description.
    pub(super) description: String,
    /// Display name.
    pub(super) name: Option<String>,
    /// The kind of service.
    pub(super) r#type: &'static str,
    /// The owner; derived from the id if none was given.
    pub(super) identity: String,
    /// `user`, `team`, `organization` or `project`.
    pub(super) identity_type: &'static str,
    /// `operational`, `degraded`, `failed` or `unknown`.
    pub(super) state: &'static str,
    /// Tags.
    pub(super) tags: Vec<String>,
    /// Whether it may be used.
    pub(super) active: bool,
    /// Time of creation.
    pub(super) created_at: String,
}

/// A page of connections.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ConnectionPage")]
pub(super) struct PageOut {
    /// The connections of this page.
    pub(super) rows: Vec<ConnectionOut>,
    /// Number of matches on all pages.
    pub(super) total: u64,
    /// Number of pages.
    pub(super) pages: u64,
    /// The number of this page.
    pub(super) page: u64,
}

/// A refusal.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Error")]
#[serde(rename_all = "camelCase")]
pub(super) struct ErrorOut {
    /// Kind of error.
    pub(super) r#type: String,
    /// Stable code of the error.
    pub(super) key: String,
    /// A message about this case.
    pub(super) message: String,
    /// The HTTP status.
    pub(super) status: u16,
    /// The HTTP status, repeated.
    pub(super) code: u16,
    /// The id of the request, as in the header `X-Request-Id`.
    pub(super) correlation_id: String,
    /// Always null.
    pub(super) meta: BTreeMap<String, String>,
}
