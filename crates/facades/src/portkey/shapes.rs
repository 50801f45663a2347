//! Portkey's bodies, except those of models and workspaces.

use std::collections::BTreeMap;

use ledger_contract::commands::{SecretValue, nullable};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::limits::AccessOut;
use super::mappings::{MappingIn, MappingOut};
use super::pricing::Adjustments;

/// Settings by name, including secrets.
pub(super) type Configurations = Map<String, Value>;

/// The path of an integration.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct IntegrationPath {
    pub(super) slug: String,
}

/// Which integrations to list.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Filters {
    /// Number of the page, from 0.
    pub(super) current_page: Option<u64>,
    /// Integrations per page, 100 by default.
    pub(super) page_size: Option<u64>,
    /// Only integrations that this workspace may use.
    pub(super) workspace_id: Option<String>,
    /// `workspace`, `organisation` or `all` (default).
    pub(super) r#type: Option<String>,
}

/// A new integration.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "CreateIntegration")]
pub(super) struct IntegrationIn {
    /// Display name.
    pub(super) name: String,
    /// The provider.
    pub(super) ai_provider_id: String,
    /// Handle: letters, digits, `_` and `-`; generated if absent.
    pub(super) slug: Option<String>,
    /// The provider's key.
    pub(super) key: Option<SecretValue>,
    /// Free text.
    pub(super) description: Option<String>,
    /// The workspace that it is limited to.
    pub(super) workspace_id: Option<String>,
    /// Settings, as the provider requires.
    pub(super) configurations: Option<Configurations>,
    /// Has no effect.
    #[expect(dead_code, reason = "only its type is checked")]
    pub(super) create_default_provider: Option<bool>,
    /// Has no effect.
    pub(super) default_provider_slug: Option<String>,
    /// Fields filled from an external secret store.
    pub(super) secret_mappings: Option<Vec<MappingIn>>,
    /// Multipliers of the provider's prices.
    pub(super) pricing_adjustments: Option<Adjustments>,
}

impl IntegrationIn {
    /// Returns an integration with nothing but a name.
    pub(super) fn of(name: String, ai_provider_id: String) -> Self {
        Self {
            name,
            ai_provider_id,
            slug: None,
            key: None,
            description: None,
            workspace_id: None,
            configurations: None,
            create_default_provider: None,
            default_provider_slug: None,
            secret_mappings: None,
            pricing_adjustments: None,
        }
    }
}

/// Changes to an integration.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "UpdateIntegration")]
#[expect(clippy::option_option, reason = "absent, null and a value are three things in JSON")]
pub(super) struct IntegrationChange {
    /// Display name.
    pub(super) name: Option<String>,
    /// The handle, to rename it.
    pub(super) slug: Option<String>,
    /// `active`, or `archived` to disable it.
    pub(super) status: Option<String>,
    /// Free text; null or empty clears it.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<String>")]
    pub(super) description: Option<Option<String>>,
    /// The provider's key; null removes it, an empty text or its mask keeps it.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<SecretValue>")]
    pub(super) key: Option<Option<SecretValue>>,
    /// All settings that are not secret, and those secrets that change.
    pub(super) configurations: Option<Configurations>,
    /// All fields filled from an external secret store.
    pub(super) secret_mappings: Option<Vec<MappingIn>>,
    /// All multipliers of the provider's prices; null removes them.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<Adjustments>")]
    pub(super) pricing_adjustments: Option<Option<Adjustments>>,
}

/// The answer to a creation.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CreatedIntegration")]
pub(super) struct CreatedOut {
    /// Stable id.
    pub(super) id: String,
    /// The handle.
    pub(super) slug: String,
}

/// The answer of operations without a result: an empty object.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Done")]
pub(super) struct DoneOut {}

/// An integration in a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Integration")]
pub(super) struct IntegrationOut {
    /// `integration`.
    pub(super) object: &'static str,
    /// Stable id.
    pub(super) id: String,
    /// The ledger, as a UUID.
    pub(super) organisation_id: String,
    /// The workspace that it is limited to.
    pub(super) workspace_id: Option<String>,
    /// `organisation`, or `workspace` if it is limited to one.
    pub(super) r#type: &'static str,
    /// The provider.
    pub(super) ai_provider_id: String,
    /// Display name.
    pub(super) name: String,
    /// The handle.
    pub(super) slug: String,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    /// `active`, or `archived` if it is disabled.
    pub(super) status: &'static str,
    /// The creator.
    pub(super) owner_id: String,
    /// Time of creation.
    pub(super) created_at: String,
    /// Time of the last change.
    pub(super) last_updated_at: String,
}

/// An integration with all fields.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IntegrationDetail")]
pub(super) struct IntegrationDetail {
    /// The fields that lists show.
    #[serde(flatten)]
    pub(super) integration: IntegrationOut,
    /// The provider's key, masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) masked_key: Option<String>,
    /// Settings, and masked secrets under names that begin with `masked_`.
    pub(super) configurations: Configurations,
    /// The access of every workspace, if all have one.
    pub(super) global_workspace_access_settings: Option<AccessOut>,
    /// Whether models without an entry are allowed.
    pub(super) allow_all_models: bool,
    /// Number of workspaces that may use it: its own, and those with a grant.
    pub(super) workspace_count: usize,
    /// Fields filled from an external secret store.
    pub(super) secret_mappings: Vec<MappingOut>,
    /// Multipliers of the provider's prices.
    pub(super) pricing_adjustments: Option<Adjustments>,
}

/// A page of integrations.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IntegrationList")]
pub(super) struct PageOut {
    /// `list`.
    pub(super) object: &'static str,
    /// Number of matches on all pages.
    pub(super) total: u64,
    /// The integrations of this page.
    pub(super) data: Vec<IntegrationOut>,
}

/// A refusal.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Error")]
#[serde(rename_all = "camelCase")]
pub(super) struct ErrorOut {
    /// Always false.
    pub(super) success: bool,
    /// Stable code of the error.
    pub(super) error_code: String,
    /// A message about this case.
    pub(super) message: String,
    /// The message and the code, repeated as `message` and `code`.
    pub(super) error: BTreeMap<String, String>,
}
