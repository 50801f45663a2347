//! Blaxel's bodies.

use std::collections::BTreeMap;

use ledger_contract::commands::{SecretValue, nullable};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The path of a connection.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConnectionPath {
    pub(super) connection_name: String,
}

/// The path of a model that a connection reaches.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ModelPath {
    pub(super) connection_name: String,
    pub(super) model_id: String,
}

/// The path of a provider.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProviderPath {
    pub(super) integration_name: String,
}

/// A connection as callers write it. What only the server sets is not looked at.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "IntegrationConnectionInput")]
pub(super) struct ConnectionIn {
    /// What it is called.
    pub(super) metadata: MetadataIn,
    /// What it reaches.
    #[serde(default)]
    pub(super) spec: SpecIn,
}

/// What a connection is called.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "MetadataInput")]
#[expect(clippy::option_option, reason = "absent, null and a value are three things in JSON")]
#[serde(rename_all = "camelCase")]
pub(super) struct MetadataIn {
    /// At most 49 of `a-z`, `0-9` and hyphens; never changes.
    pub(super) name: String,
    /// At most 63 characters; null or empty clears it.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<String>")]
    pub(super) display_name: Option<Option<String>>,
    /// All labels.
    #[serde(default)]
    pub(super) labels: Option<BTreeMap<String, String>>,
    /// The caller's own id of it: at most 64 letters, digits and hyphens.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<String>")]
    pub(super) external_id: Option<Option<String>>,
}

/// What a connection reaches.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "SpecInput")]
pub(super) struct SpecIn {
    /// The provider.
    pub(super) integration: Option<String>,
    /// All settings that are not secret.
    pub(super) config: Option<BTreeMap<String, String>>,
    /// All secrets; `********` keeps one.
    pub(super) secret: Option<BTreeMap<String, SecretValue>>,
    /// Whether these are credentials for trials.
    pub(super) sandbox: Option<bool>,
}

/// A connection as it is shown.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IntegrationConnection")]
pub(super) struct ConnectionOut {
    /// What it is called.
    pub(super) metadata: MetadataOut,
    /// What it reaches.
    pub(super) spec: SpecOut,
}

/// What a connection is called, and who made and changed it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Metadata")]
#[serde(rename_all = "camelCase")]
pub(super) struct MetadataOut {
    /// The handle.
    pub(super) name: String,
    /// Name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) display_name: Option<String>,
    /// Labels.
    pub(super) labels: BTreeMap<String, String>,
    /// The caller's own id of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) external_id: Option<String>,
    /// The workspace it lives in.
    pub(super) workspace: String,
    /// When it was made.
    pub(super) created_at: String,
    /// Who made it.
    pub(super) created_by: String,
    /// When it was last changed.
    pub(super) updated_at: String,
    /// Who changed it last.
    pub(super) updated_by: String,
}

/// What a connection reaches.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Spec")]
pub(super) struct SpecOut {
    /// The provider.
    pub(super) integration: String,
    /// Settings that are not secret.
    pub(super) config: BTreeMap<String, String>,
    /// Secrets, each as `********`.
    pub(super) secret: BTreeMap<String, &'static str>,
    /// Whether these are credentials for trials.
    pub(super) sandbox: bool,
}

/// What is known of a provider.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Integration")]
#[serde(rename_all = "camelCase")]
pub(super) struct ProviderOut {
    /// Its name.
    pub(super) name: String,
    /// Its endpoints, by name.
    pub(super) endpoints: BTreeMap<&'static str, EndpointOut>,
    /// Headers it takes.
    pub(super) headers: BTreeMap<String, String>,
    /// Settings it takes, with what they mean.
    pub(super) params: BTreeMap<String, String>,
    /// Nothing: only Blaxel's own service knows any.
    pub(super) organizations: Vec<String>,
    /// Nothing: only Blaxel's own service knows any.
    pub(super) repositories: Vec<String>,
    /// What else is known.
    pub(super) additional_infos: BTreeMap<&'static str, String>,
}

/// An endpoint of a provider.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IntegrationEndpoint")]
pub(super) struct EndpointOut {
    /// HTTP method.
    pub(super) method: String,
    /// Address.
    pub(super) url: String,
}

/// A refusal.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Error")]
pub(super) struct ErrorOut {
    /// Stable word for the kind of error.
    pub(super) error: String,
    /// The HTTP status.
    pub(super) code: u16,
    /// A sentence on this very case.
    pub(super) message: String,
}
