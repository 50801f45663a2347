//! Portkey's bodies, those of models and workspaces aside.

use std::collections::BTreeMap;

use ledger_contract::commands::{SecretValue, nullable};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::limits::AccessOut;
use super::mappings::{MappingIn, MappingOut};
use super::pricing::Adjustments;

/// Settings by name, secrets among them.
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
    /// Integrations on a page, 100 when nothing is said.
    pub(super) page_size: Option<u64>,
    /// Only those that this workspace may use.
    pub(super) workspace_id: Option<String>,
    /// `workspace`, `organisation` or `all` (default).
    pub(super) r#type: Option<String>,
}

/// An integration to be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "CreateIntegration")]
pub(super) struct IntegrationIn {
    /// Name for people.
    pub(super) name: String,
    /// The provider.
    pub(super) ai_provider_id: String,
    /// Handle: letters, digits, `_` and `-`; made when absent.
    pub(super) slug: Option<String>,
    /// The provider's key.
    pub(super) key: Option<SecretValue>,
    /// Free text.
    pub(super) description: Option<String>,
    /// The one workspace that it is for.
    pub(super) workspace_id: Option<String>,
    /// Settings, as the provider wants them.
    pub(super) configurations: Option<Configurations>,
    /// Has no effect.
    #[expect(dead_code, reason = "only its type is checked")]
    pub(super) create_default_provider: Option<bool>,
    /// Has no effect.
    pub(super) default_provider_slug: Option<String>,
    /// Fields filled from an outside store.
    pub(super) secret_mappings: Option<Vec<MappingIn>>,
    /// Factors on the provider's prices.
    pub(super) pricing_adjustments: Option<Adjustments>,
}

/// Changes to an integration.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "UpdateIntegration")]
#[expect(clippy::option_option, reason = "absent, null and a value are three things in JSON")]
pub(super) struct IntegrationChange {
    /// Name for people.
    pub(super) name: Option<String>,
    /// Free text; null or empty clears it.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<String>")]
    pub(super) description: Option<Option<String>>,
    /// The provider's key; null removes it, an empty one or its mask keeps it.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<SecretValue>")]
    pub(super) key: Option<Option<SecretValue>>,
    /// All settings that are not secret, and the secrets that change.
    pub(super) configurations: Option<Configurations>,
    /// All fields filled from an outside store.
    pub(super) secret_mappings: Option<Vec<MappingIn>>,
    /// All factors on the provider's prices; null removes them.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<Adjustments>")]
    pub(super) pricing_adjustments: Option<Option<Adjustments>>,
}

/// The answer to a creation.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CreatedIntegration")]
pub(super) struct CreatedOut {
    /// Stable identity.
    pub(super) id: String,
    /// The handle.
    pub(super) slug: String,
}

/// The answer to what was done and needs no more words: an empty object.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Done")]
pub(super) struct DoneOut {}

/// An integration in a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Integration")]
pub(super) struct IntegrationOut {
    /// `integration`.
    pub(super) object: &'static str,
    /// Stable identity.
    pub(super) id: String,
    /// The ledger, as a UUID.
    pub(super) organisation_id: String,
    /// The one workspace it is for.
    pub(super) workspace_id: Option<String>,
    /// `organisation`, or `workspace` when it was made for one.
    pub(super) r#type: &'static str,
    /// The provider.
    pub(super) ai_provider_id: String,
    /// Name for people.
    pub(super) name: String,
    /// The handle.
    pub(super) slug: String,
    /// Free text.
    pub(super) description: Option<String>,
    /// `active`, or `archived` when it is switched off.
    pub(super) status: &'static str,
    /// Who made it.
    pub(super) owner_id: String,
    /// When it was made.
    pub(super) created_at: String,
    /// When it was last changed.
    pub(super) last_updated_at: String,
}

/// All of an integration.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IntegrationDetail")]
pub(super) struct IntegrationDetail {
    /// What lists say of it.
    #[serde(flatten)]
    pub(super) integration: IntegrationOut,
    /// The provider's key, masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) masked_key: Option<String>,
    /// Settings; secrets masked, under names that begin with `masked_`.
    pub(super) configurations: Configurations,
    /// What every workspace may use, when all are granted.
    pub(super) global_workspace_access_settings: Option<AccessOut>,
    /// Whether models that nothing was said of are allowed.
    pub(super) allow_all_models: bool,
    /// How many workspaces may use it: its home, and those granted one by one.
    pub(super) workspace_count: usize,
    /// Fields filled from an outside store.
    pub(super) secret_mappings: Vec<MappingOut>,
    /// Factors on the provider's prices.
    pub(super) pricing_adjustments: Option<Adjustments>,
}

/// A page of integrations.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IntegrationList")]
pub(super) struct PageOut {
    /// `list`.
    pub(super) object: &'static str,
    /// How many fit in all.
    pub(super) total: u64,
    /// The integrations of this page.
    pub(super) data: Vec<IntegrationOut>,
}

/// A refusal.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Error")]
#[serde(rename_all = "camelCase")]
pub(super) struct ErrorOut {
    /// False.
    pub(super) success: bool,
    /// Stable word for the kind of error.
    pub(super) error_code: String,
    /// A sentence on this very case.
    pub(super) message: String,
    /// The sentence and the word once more: `message` and `code`.
    pub(super) error: BTreeMap<String, String>,
}
