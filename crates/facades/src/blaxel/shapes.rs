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

/// The path of a model of a connection.
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

/// A connection in requests. Fields that only the server sets are ignored.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "IntegrationConnectionInput")]
pub(super) struct ConnectionIn {
    /// Name and labels.
    pub(super) metadata: MetadataIn,
    /// Provider, settings and secrets.
    #[serde(default)]
    pub(super) spec: SpecIn,
}

/// Name and labels of a connection.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "MetadataInput")]
#[expect(clippy::option_option, reason = "absent, null and a value are three things in JSON")]
#[serde(rename_all = "camelCase")]
pub(super) struct MetadataIn {
    /// At most 49 characters of `a-z`, `0-9` and hyphens; cannot be changed.
    pub(super) name: String,
    /// At most 63 characters; null or empty clears it.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<String>")]
    pub(super) display_name: Option<Option<String>>,
    /// All labels.
    #[serde(default)]
    pub(super) labels: Option<BTreeMap<String, String>>,
    /// The caller's own id: at most 64 letters, digits and hyphens.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<String>")]
    pub(super) external_id: Option<Option<String>>,
}

/// Provider, settings and secrets of a connection.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "SpecInput")]
pub(super) struct SpecIn {
    /// The provider.
    pub(super) integration: Option<String>,
    /// All settings that are not secret.
    pub(super) config: Option<BTreeMap<String, String>>,
    /// All secrets; `********` keeps the present value.
    pub(super) secret: Option<BTreeMap<String, SecretValue>>,
    /// Whether these are test credentials.
    pub(super) sandbox: Option<bool>,
}

/// A connection in answers.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IntegrationConnection")]
pub(super) struct ConnectionOut {
    /// Name and labels.
    pub(super) metadata: MetadataOut,
    /// Provider, settings and secrets.
    pub(super) spec: SpecOut,
}

/// Name and labels of a connection, and the authors of its changes.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Metadata")]
#[serde(rename_all = "camelCase")]
pub(super) struct MetadataOut {
    /// Name of the connection.
    pub(super) name: String,
    /// Display name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) display_name: Option<String>,
    /// Labels.
    pub(super) labels: BTreeMap<String, String>,
    /// The caller's own id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) external_id: Option<String>,
    /// The workspace.
    pub(super) workspace: String,
    /// Time of creation.
    pub(super) created_at: String,
    /// The creator.
    pub(super) created_by: String,
    /// Time of the last change.
    pub(super) updated_at: String,
    /// The author of the last change.
    pub(super) updated_by: String,
}

/// Provider, settings and secrets of a connection.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Spec")]
pub(super) struct SpecOut {
    /// The provider.
    pub(super) integration: String,
    /// Settings that are not secret.
    pub(super) config: BTreeMap<String, String>,
    /// Secrets, each as `********`.
    pub(super) secret: BTreeMap<String, &'static str>,
    /// Whether these are test credentials.
    pub(super) sandbox: bool,
}

/// A provider as the catalogue describes it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Integration")]
#[serde(rename_all = "camelCase")]
pub(super) struct ProviderOut {
    /// Its name.
    pub(super) name: String,
    /// Its endpoints, by name.
    pub(super) endpoints: BTreeMap<&'static str, EndpointOut>,
    /// Headers that it accepts.
    pub(super) headers: BTreeMap<String, String>,
    /// Settings that it accepts, with their descriptions.
    pub(super) params: BTreeMap<String, String>,
    /// Always null: only Blaxel's own service has a value.
    pub(super) organizations: Vec<String>,
    /// Always null: only Blaxel's own service has a value.
    pub(super) repositories: Vec<String>,
    /// Further facts.
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
    /// Stable code of the error.
    pub(super) error: String,
    /// The HTTP status.
    pub(super) code: u16,
    /// A message about this case.
    pub(super) message: String,
}
