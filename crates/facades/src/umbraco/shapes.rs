//! The bodies of Umbraco.AI.

use ledger_contract::commands::nullable;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Settings by name.
pub(super) type Settings = Map<String, Value>;

/// The path of a connection.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConnectionPath {
    pub(super) id_or_alias: String,
}

/// The path of the connections with a capability.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct CapabilityPath {
    pub(super) capability: String,
}

/// The path of a provider.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ProviderPath {
    pub(super) id: String,
}

/// The path of a connection's versions.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct VersionsPath {
    pub(super) id: String,
}

/// The path of a version of a connection.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct VersionPath {
    pub(super) id: String,
    pub(super) version: String,
}

/// The path of the differences between two versions.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ComparePath {
    pub(super) id: String,
    pub(super) version: String,
    pub(super) to: String,
}

/// Which connections to list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Filters {
    /// Number of rows to return, 100 by default.
    pub(super) take: Option<u64>,
    /// Number of rows to skip, 0 by default.
    pub(super) skip: Option<u64>,
    /// Text in the name; case is ignored.
    pub(super) filter: Option<String>,
    /// The provider.
    pub(super) provider_id: Option<String>,
    /// A capability of the provider.
    pub(super) capability: Option<String>,
}

/// The part of a list to return.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Page {
    /// Number of rows to skip, 0 by default.
    pub(super) skip: Option<u64>,
    /// Largest number of rows to return.
    pub(super) take: Option<u64>,
}

/// Which models to list.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ModelFilter {
    /// A capability of the models.
    pub(super) capability: Option<String>,
}

/// The connection to ignore.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Exclusion {
    /// The id of the connection to ignore.
    pub(super) exclude_id: Option<String>,
}

/// A new connection.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "CreateConnection")]
#[serde(rename_all = "camelCase")]
pub(super) struct ConnectionIn {
    /// Handle, unique regardless of case; at most 100 characters.
    pub(super) alias: String,
    /// Display name, at most 255 characters.
    pub(super) name: String,
    /// The provider.
    pub(super) provider_id: String,
    /// Whether it may be used; true by default.
    pub(super) is_active: Option<bool>,
    /// Settings, including secrets.
    pub(super) settings: Option<Settings>,
}

/// Changes to a connection.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "UpdateConnection")]
#[expect(clippy::option_option, reason = "absent, null and a value are three things in JSON")]
#[serde(rename_all = "camelCase")]
pub(super) struct PatchIn {
    /// The handle.
    pub(super) alias: Option<String>,
    /// Display name.
    pub(super) name: Option<String>,
    /// Must be as shown: settings of one provider mean nothing to another.
    pub(super) provider_id: Option<String>,
    /// The version that the change is based on, as it was shown.
    pub(super) version: Option<u64>,
    /// Whether it may be used.
    pub(super) is_active: Option<bool>,
    /// All settings; a secret that is omitted or sent back masked stays unchanged.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<Settings>")]
    pub(super) settings: Option<Option<Settings>>,
}

/// A connection in answers.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Connection")]
pub(super) struct ConnectionOut {
    /// The fields that lists show.
    #[serde(flatten)]
    pub(super) item: ItemOut,
    /// Settings, with secrets masked.
    pub(super) settings: Option<Settings>,
}

/// A connection in a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ConnectionItem")]
#[serde(rename_all = "camelCase")]
pub(super) struct ItemOut {
    /// Stable id.
    pub(super) id: String,
    /// Handle.
    pub(super) alias: String,
    /// Display name.
    pub(super) name: String,
    /// The provider.
    pub(super) provider_id: String,
    /// Whether it may be used.
    pub(super) is_active: bool,
    /// Time of creation.
    pub(super) date_created: String,
    /// Time of the last change.
    pub(super) date_modified: String,
    /// Number of changes.
    pub(super) version: u64,
}

/// A part of a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ConnectionList")]
pub(super) struct ListOut {
    /// The connections of this part.
    pub(super) items: Vec<ItemOut>,
    /// Number of matches on all pages.
    pub(super) total: u64,
}

/// The result of a test.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ConnectionTestResult")]
#[serde(rename_all = "camelCase")]
pub(super) struct TestOut {
    /// Whether the provider accepted the credentials.
    pub(super) success: bool,
    /// Why it did not, or why there was no test.
    pub(super) error_message: Option<String>,
}

/// A model.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Model")]
pub(super) struct ModelOut {
    /// Its name in requests.
    pub(super) id: String,
    /// Display name.
    pub(super) name: String,
    /// The capabilities.
    pub(super) capabilities: Vec<&'static str>,
    /// The same in the server's format.
    pub(super) model: ModelRefOut,
    /// Always null.
    pub(super) metadata: Map<String, Value>,
}

/// A model and its provider.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ModelRef")]
#[serde(rename_all = "camelCase")]
pub(super) struct ModelRefOut {
    /// The provider.
    pub(super) provider_id: String,
    /// The model.
    pub(super) model_id: String,
}

/// A provider in a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ProviderItem")]
pub(super) struct ProviderItemOut {
    /// Its name in requests.
    pub(super) id: String,
    /// Display name.
    pub(super) name: String,
    /// The capabilities.
    pub(super) capabilities: Vec<&'static str>,
}

/// A provider with its settings.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Provider")]
#[serde(rename_all = "camelCase")]
pub(super) struct ProviderOut {
    /// The fields that lists show.
    #[serde(flatten)]
    pub(super) item: ProviderItemOut,
    /// Its settings, in the order of a form.
    pub(super) settings_schema: SchemaOut,
}

/// The settings of a provider.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SettingsSchema")]
pub(super) struct SchemaOut {
    /// Settings, in the order of a form.
    pub(super) fields: Vec<FieldOut>,
}

/// A setting of a provider.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SettingsField")]
#[serde(rename_all = "camelCase")]
pub(super) struct FieldOut {
    /// Its name in settings.
    pub(super) key: String,
    /// Its label in a form.
    pub(super) label: String,
    /// What it is, and where to find its value.
    pub(super) description: Option<String>,
    /// The type of its values.
    pub(super) r#type: &'static str,
    /// The default.
    pub(super) default_value: Option<Value>,
    /// The permitted values, if limited.
    pub(super) options: Vec<String>,
    /// Whether it is required.
    pub(super) is_required: bool,
    /// Whether it is kept secret.
    pub(super) is_sensitive: bool,
}

/// The versions of a connection.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "VersionHistory")]
#[serde(rename_all = "camelCase")]
pub(super) struct VersionsOut {
    /// The newest version.
    pub(super) current_version: u64,
    /// Number of entries.
    pub(super) total_versions: u64,
    /// The versions of this part, newest first.
    pub(super) versions: Vec<LineOut>,
}

/// One version of a connection.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "VersionLine")]
#[serde(rename_all = "camelCase")]
pub(super) struct LineOut {
    /// The event that created it.
    pub(super) id: String,
    /// The connection.
    pub(super) entity_id: String,
    /// The number of the version.
    pub(super) version: u64,
    /// Time of creation.
    pub(super) date_created: String,
    /// Always null: actors of the ledger have names, not ids.
    pub(super) created_by_user_id: Option<String>,
    /// The creator.
    pub(super) created_by_user_name: String,
    /// The kind of change.
    pub(super) change_description: String,
}

/// A connection at a version.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Version")]
pub(super) struct VersionOut {
    /// The version.
    #[serde(flatten)]
    pub(super) line: LineOut,
    /// The connection as it was.
    pub(super) snapshot: ConnectionOut,
}

/// The differences between two versions.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "VersionComparison")]
#[serde(rename_all = "camelCase")]
pub(super) struct CompareOut {
    /// The version compared from.
    pub(super) from_version: u64,
    /// The version compared to.
    pub(super) to_version: u64,
    /// The differences.
    pub(super) changes: Vec<ChangeOut>,
}

/// One difference.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "VersionChange")]
#[serde(rename_all = "camelCase")]
pub(super) struct ChangeOut {
    /// The field, as in `settings.endpoint`.
    pub(super) path: String,
    /// The old value; `********` for a secret.
    pub(super) old_value: Option<String>,
    /// The new value; `********` for a secret.
    pub(super) new_value: Option<String>,
}

/// A refusal (RFC 9457).
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ProblemDetails")]
pub(super) struct ProblemOut {
    /// `urn:connledger:error:` and a stable code.
    pub(super) r#type: String,
    /// The title.
    pub(super) title: String,
    /// The HTTP status.
    pub(super) status: u16,
    /// A message about this case.
    pub(super) detail: String,
}
