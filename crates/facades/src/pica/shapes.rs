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
    /// Rows on a page, 20 when absent, at most 150.
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
    /// The whole name.
    pub(super) name: Option<String>,
    /// Whom it is for.
    pub(super) identity: Option<String>,
    /// `user`, `team`, `organization` or `project`.
    pub(super) identity_type: Option<String>,
    /// Tags, any of them, separated by commas.
    pub(super) tags: Option<String>,
    /// `true` when absent: inactive ones are shown by `false` only.
    pub(super) active: Option<bool>,
}

/// A connection to be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "CreateConnection")]
#[serde(rename_all = "camelCase")]
pub(super) struct ConnectionIn {
    /// Which connector; the provider when `platform` is absent.
    pub(super) connection_definition_id: String,
    /// The provider.
    pub(super) platform: Option<String>,
    /// Credentials; each of these fields is kept secret.
    pub(super) auth_form_data: BTreeMap<String, SecretValue>,
    /// Whether it may be used.
    pub(super) active: bool,
    /// Whom it is for, at most 128 characters.
    pub(super) identity: Option<String>,
    /// `user` (default), `team`, `organization` or `project`.
    pub(super) identity_type: Option<String>,
    /// Free grouping.
    pub(super) group: Option<String>,
    /// Name for people.
    pub(super) name: Option<String>,
    /// Tags.
    pub(super) tags: Option<Vec<String>>,
}

/// Changes to a connection.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "UpdateConnection")]
pub(super) struct PatchIn {
    /// All tags.
    pub(super) tags: Option<Vec<String>>,
    /// The name; empty for none.
    pub(super) name: Option<String>,
}

/// A connection as it is shown.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Connection")]
#[serde(rename_all = "camelCase")]
pub(super) struct ConnectionOut {
    /// Stable identity.
    pub(super) id: String,
    /// Environment, platform, namespace and id, and after a bar whom it is for.
    pub(super) key: String,
    /// `test` or `live`.
    pub(super) environment: &'static str,
    /// The provider.
    pub(super) platform: String,
    /// Version of the provider's connector.
    pub(super) platform_version: String,
    /// Grows with each change.
    pub(super) version: String,
    /// Free text, or the provider's own description.
    pub(super) description: String,
    /// Name for people.
    pub(super) name: Option<String>,
    /// Sort of service.
    pub(super) r#type: &'static str,
    /// Whom it is for; made from the id when nothing was said.
    pub(super) identity: String,
    /// `user`, `team`, `organization` or `project`.
    pub(super) identity_type: &'static str,
    /// `operational`, `degraded`, `failed` or `unknown`.
    pub(super) state: &'static str,
    /// Tags.
    pub(super) tags: Vec<String>,
    /// Whether it may be used.
    pub(super) active: bool,
    /// When it was made.
    pub(super) created_at: String,
}

/// A page of connections.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ConnectionPage")]
pub(super) struct PageOut {
    /// The connections of this page.
    pub(super) rows: Vec<ConnectionOut>,
    /// How many fit in all.
    pub(super) total: u64,
    /// How many pages they fill.
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
    /// Stable word for the error.
    pub(super) key: String,
    /// A sentence on this very case.
    pub(super) message: String,
    /// The HTTP status.
    pub(super) status: u16,
    /// The HTTP status once more.
    pub(super) code: u16,
    /// The request, as the answer's `X-Request-Id` names it.
    pub(super) correlation_id: String,
    /// Nothing.
    pub(super) meta: BTreeMap<String, String>,
}
