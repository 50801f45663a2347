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

/// The path of what providers can be used for.
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

/// The path of what differs between two versions.
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
    /// How many to show, 100 when absent.
    pub(super) take: Option<u64>,
    /// How many to leave out, 0 when absent.
    pub(super) skip: Option<u64>,
    /// Text in the name, without regard to case.
    pub(super) filter: Option<String>,
    /// The provider.
    pub(super) provider_id: Option<String>,
    /// What the provider can be used for.
    pub(super) capability: Option<String>,
}

/// Which part of a list to show.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Page {
    /// How many to leave out, 0 when absent.
    pub(super) skip: Option<u64>,
    /// How many to show at most.
    pub(super) take: Option<u64>,
}

/// Which models to list.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ModelFilter {
    /// What the models can be used for.
    pub(super) capability: Option<String>,
}

/// Which connection does not count.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Exclusion {
    /// A connection that does not count.
    pub(super) exclude_id: Option<String>,
}

/// A connection to be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "CreateConnection")]
#[serde(rename_all = "camelCase")]
pub(super) struct ConnectionIn {
    /// Handle, unique without regard to case; at most 100 characters.
    pub(super) alias: String,
    /// Name for people, at most 255 characters.
    pub(super) name: String,
    /// The provider.
    pub(super) provider_id: String,
    /// Whether it may be used; true when absent.
    pub(super) is_active: Option<bool>,
    /// Settings, secret ones among them.
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
    /// Name for people.
    pub(super) name: Option<String>,
    /// Whether it may be used.
    pub(super) is_active: Option<bool>,
    /// All settings; a secret one that is left out or sent back masked stays.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<Settings>")]
    pub(super) settings: Option<Option<Settings>>,
}

/// A connection as it is shown.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Connection")]
pub(super) struct ConnectionOut {
    /// What lists show of it.
    #[serde(flatten)]
    pub(super) item: ItemOut,
    /// Settings, secret ones masked.
    pub(super) settings: Option<Settings>,
}

/// A connection in a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ConnectionItem")]
#[serde(rename_all = "camelCase")]
pub(super) struct ItemOut {
    /// Stable identity.
    pub(super) id: String,
    /// Handle.
    pub(super) alias: String,
    /// Name for people.
    pub(super) name: String,
    /// The provider.
    pub(super) provider_id: String,
    /// Whether it may be used.
    pub(super) is_active: bool,
    /// When it was made.
    pub(super) date_created: String,
    /// When it was last changed.
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
    /// How many fit in all.
    pub(super) total: u64,
}

/// The result of a test.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ConnectionTestResult")]
#[serde(rename_all = "camelCase")]
pub(super) struct TestOut {
    /// Whether everything required is there.
    pub(super) success: bool,
    /// What is missing, or what was not tried.
    pub(super) error_message: Option<String>,
}

/// A model.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Model")]
pub(super) struct ModelOut {
    /// What requests call it.
    pub(super) id: String,
    /// What people call it.
    pub(super) name: String,
    /// What it can be used for.
    pub(super) capabilities: Vec<&'static str>,
    /// The same in the server's form.
    pub(super) model: ModelRefOut,
    /// Nothing.
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
    /// What people call it.
    pub(super) name: String,
    /// What it can be used for.
    pub(super) capabilities: Vec<&'static str>,
}

/// A provider with its settings.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Provider")]
#[serde(rename_all = "camelCase")]
pub(super) struct ProviderOut {
    /// What lists show of it.
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
    /// What a form calls it.
    pub(super) label: String,
    /// What it is and where to find it.
    pub(super) description: Option<String>,
    /// What values it takes.
    pub(super) r#type: &'static str,
    /// What it is when nothing is said.
    pub(super) default_value: Option<Value>,
    /// Values to choose from, if it is one of some.
    pub(super) options: Vec<String>,
    /// Whether a connection cannot do without it.
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
    /// How many there are.
    pub(super) total_versions: u64,
    /// Those of this part, newest first.
    pub(super) versions: Vec<LineOut>,
}

/// One version of a connection.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "VersionLine")]
#[serde(rename_all = "camelCase")]
pub(super) struct LineOut {
    /// The event that made it.
    pub(super) id: String,
    /// The connection.
    pub(super) entity_id: String,
    /// Its number.
    pub(super) version: u64,
    /// When it was made.
    pub(super) date_created: String,
    /// Nothing: actors of the ledger have names, not ids.
    pub(super) created_by_user_id: Option<String>,
    /// Who made it.
    pub(super) created_by_user_name: String,
    /// What happened.
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

/// What differs between two versions.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "VersionComparison")]
#[serde(rename_all = "camelCase")]
pub(super) struct CompareOut {
    /// The version compared from.
    pub(super) from_version: u64,
    /// The version compared to.
    pub(super) to_version: u64,
    /// What differs.
    pub(super) changes: Vec<ChangeOut>,
}

/// One difference.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "VersionChange")]
#[serde(rename_all = "camelCase")]
pub(super) struct ChangeOut {
    /// The field, as in `settings.endpoint`.
    pub(super) path: String,
    /// What it was; `********` for a secret.
    pub(super) old_value: Option<String>,
    /// What it is; `********` for a secret.
    pub(super) new_value: Option<String>,
}

/// A refusal (RFC 9457).
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ProblemDetails")]
pub(super) struct ProblemOut {
    /// `urn:connledger:error:` and a stable code.
    pub(super) r#type: String,
    /// What it is about.
    pub(super) title: String,
    /// The HTTP status.
    pub(super) status: u16,
    /// A sentence on this very case.
    pub(super) detail: String,
}
