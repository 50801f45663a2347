//! The JSON bodies of the verbs, as callers write them. Unknown fields are refused.
//!
//! Over NATS `connection` names the connection by id or slug; over HTTP the path does.

use std::collections::BTreeMap;

use ledger_domain::limits;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::forms;
use super::parts::SecretValue;

/// Whom a connection is for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityBody {
    /// `user`, `team`, `organization` or `project`.
    #[schemars(extend("enum" = forms::identity_kinds()))]
    pub r#type: String,
    /// The caller's id of it, at most 128 characters.
    #[schemars(length(max = limits::IDENTITY_CHARS), regex(pattern = forms::LINE))]
    pub value: String,
}

/// A field whose value lives in an outside store.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretReferenceBody {
    /// The field it fills.
    #[schemars(length(max = limits::REFERENCE_CHARS), regex(pattern = forms::LINE))]
    pub target: String,
    /// Where the value is.
    #[schemars(length(max = limits::REFERENCE_CHARS), regex(pattern = forms::LINE))]
    pub reference: String,
    /// Which part of the outside value.
    #[schemars(length(max = limits::REFERENCE_CHARS), regex(pattern = forms::LINE))]
    pub key: Option<String>,
    /// `json` or `string`.
    #[schemars(extend("enum" = ["json", "string", null]))]
    pub format: Option<String>,
}

/// Limits of a grant.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsBody {
    /// Limit on total use.
    pub usage: Option<UsageLimitBody>,
    /// Limit on use per time.
    pub rate: Option<RateLimitBody>,
}

/// Limit on total use.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UsageLimitBody {
    /// `cost` or `tokens`.
    #[schemars(extend("enum" = forms::usage_units()))]
    pub r#type: String,
    /// At least 1.
    #[schemars(range(min = 1), extend("maximum" = u64::MAX))]
    pub credit_limit: u64,
    /// At least 1.
    #[schemars(range(min = 1), extend("maximum" = u64::MAX))]
    pub alert_threshold: Option<u64>,
    /// `weekly`, `monthly`, or a number of days like `30d`.
    #[schemars(regex(pattern = forms::RESET))]
    pub reset: Option<String>,
    /// RFC 3339 time in UTC.
    #[schemars(extend("format" = "date-time"))]
    pub next_reset_at: Option<String>,
}

/// Limit on use per time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimitBody {
    /// `requests` or `tokens`.
    #[schemars(extend("enum" = forms::rate_counts()))]
    pub r#type: String,
    /// `rpm`, `rph` or `rpd`.
    #[schemars(extend("enum" = forms::rate_units()))]
    pub unit: String,
    /// At least 1.
    #[schemars(range(min = 1), extend("maximum" = u64::MAX))]
    pub value: u64,
}

/// First grants of a new connection.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessBody {
    /// Limits for every workspace, when all are granted.
    pub everyone: Option<LimitsBody>,
    /// Limits for workspaces granted one by one.
    #[serde(default)]
    #[schemars(extend("maxProperties" = limits::GRANTS, "propertyNames" = forms::workspaces()))]
    pub workspaces: BTreeMap<String, LimitsBody>,
}

/// A model policy.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelPolicyBody {
    /// Whether models not listed are allowed.
    pub allow_all: bool,
    /// Models with a word of their own, by slug.
    #[serde(default)]
    #[schemars(extend(
        "maxProperties" = limits::MODELS,
        "propertyNames" = forms::lines(limits::MODEL_CHARS)
    ))]
    pub models: BTreeMap<String, ModelRuleBody>,
}

/// The word on one model.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelRuleBody {
    /// Whether it may be used.
    pub enabled: bool,
    /// Gateway settings of the model, an object.
    #[schemars(with = "Option<serde_json::Map<String, Value>>")]
    pub settings: Option<Value>,
}

/// Factors on a provider's prices.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PricingBody {
    /// Factors by fixed name, each a number of at least 0 or null.
    #[serde(default)]
    #[schemars(extend(
        "propertyNames" = forms::multipliers(),
        "additionalProperties" = forms::factor_or_null()
    ))]
    pub multipliers: BTreeMap<String, Option<f64>>,
    /// The default factor on image prices.
    #[schemars(range(min = 0))]
    pub image_default: Option<f64>,
    /// Factors on units of the provider's own.
    #[serde(default)]
    #[schemars(extend(
        "propertyNames" = forms::lines(limits::FIELD_NAME_CHARS),
        "additionalProperties" = forms::factor()
    ))]
    pub additional_units: BTreeMap<String, f64>,
}

/// `create`: makes a connection in the subject's workspace.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateBody {
    /// Handle, unique in the workspace; made from the provider when absent.
    #[schemars(length(min = 1, max = limits::SLUG_CHARS), regex(pattern = forms::SLUG))]
    pub slug: Option<String>,
    /// Name for people.
    #[schemars(length(max = limits::DISPLAY_NAME_CHARS), regex(pattern = forms::LINE))]
    pub display_name: Option<String>,
    /// Free text.
    #[schemars(length(max = limits::DESCRIPTION_CHARS), regex(pattern = forms::PROSE))]
    pub description: Option<String>,
    /// The external service, for example `openai`.
    #[schemars(length(max = limits::PROVIDER_CHARS), regex(pattern = forms::LINE))]
    pub provider: String,
    /// Version of the provider's connector.
    #[schemars(length(max = limits::PROVIDER_VERSION_CHARS), regex(pattern = forms::LINE))]
    pub provider_version: Option<String>,
    /// `api` (default), `databasesql`, `databasenosql`, `filesystem`, `stream` or `custom`.
    #[schemars(extend("enum" = forms::kinds()))]
    pub kind: Option<String>,
    /// `live` (default) or `test`.
    #[schemars(extend("enum" = forms::environments()))]
    pub environment: Option<String>,
    /// How it proves itself; `api_key` by default.
    #[schemars(extend("enum" = forms::auth_methods()))]
    pub auth_method: Option<String>,
    /// Settings that are not secret.
    #[serde(default)]
    #[schemars(extend(
        "maxProperties" = limits::CONFIG_FIELDS,
        "propertyNames" = forms::field_names()
    ))]
    pub config: BTreeMap<String, Value>,
    /// Secret fields; sealed before anything is stored.
    #[serde(default)]
    #[schemars(extend(
        "maxProperties" = limits::SECRET_FIELDS,
        "propertyNames" = forms::field_names()
    ))]
    pub secrets: BTreeMap<String, SecretValue>,
    /// Fields filled from an outside store.
    #[serde(default)]
    #[schemars(length(max = limits::SECRET_REFERENCES))]
    pub secret_references: Vec<SecretReferenceBody>,
    /// Grouping by key and value.
    #[serde(default)]
    #[schemars(extend(
        "maxProperties" = limits::LABELS,
        "propertyNames" = forms::lines(limits::LABEL_KEY_CHARS),
        "additionalProperties" = forms::label()
    ))]
    pub labels: BTreeMap<String, String>,
    /// Flat grouping.
    #[serde(default)]
    #[schemars(length(max = limits::TAGS), extend("items" = forms::tag()))]
    pub tags: Vec<String>,
    /// Namespaced leftovers of the products' own fields.
    #[serde(default)]
    #[schemars(extend(
        "maxProperties" = limits::ANNOTATIONS,
        "propertyNames" = forms::lines(limits::ANNOTATION_KEY_CHARS)
    ))]
    pub annotations: BTreeMap<String, Value>,
    /// Whom it is for.
    pub identity: Option<IdentityBody>,
    /// Whether gateways may use it from the start; true by default.
    pub enabled: Option<bool>,
    /// First grants.
    pub access: Option<AccessBody>,
    /// First model policy; all models by default.
    pub models: Option<ModelPolicyBody>,
    /// First price factors.
    pub pricing: Option<PricingBody>,
}

/// Keeps the difference between an absent field (outer `None`) and a null (inner `None`). For
/// `#[serde(default, deserialize_with = "nullable")]`.
pub fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// `update`: changes editable fields. Absent fields stay; null clears; maps are merged key by
/// key, and a null value removes its key.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateBody {
    /// Id or slug.
    pub connection: Option<String>,
    /// New handle.
    #[schemars(length(min = 1, max = limits::SLUG_CHARS), regex(pattern = forms::SLUG))]
    pub slug: Option<String>,
    /// New display name.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<String>")]
    #[schemars(length(max = limits::DISPLAY_NAME_CHARS), regex(pattern = forms::LINE))]
    pub display_name: Option<Option<String>>,
    /// New description.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<String>")]
    #[schemars(length(max = limits::DESCRIPTION_CHARS), regex(pattern = forms::PROSE))]
    pub description: Option<Option<String>>,
    /// New provider.
    #[schemars(length(max = limits::PROVIDER_CHARS), regex(pattern = forms::LINE))]
    pub provider: Option<String>,
    /// New connector version.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<String>")]
    #[schemars(length(max = limits::PROVIDER_VERSION_CHARS), regex(pattern = forms::LINE))]
    pub provider_version: Option<Option<String>>,
    /// New kind.
    #[schemars(extend("enum" = forms::kinds()))]
    pub kind: Option<String>,
    /// New environment.
    #[schemars(extend("enum" = forms::environments()))]
    pub environment: Option<String>,
    /// New way to prove itself.
    #[schemars(extend("enum" = forms::auth_methods()))]
    pub auth_method: Option<String>,
    /// Settings to set or remove.
    #[serde(default)]
    #[schemars(extend(
        "maxProperties" = limits::CONFIG_FIELDS,
        "propertyNames" = forms::field_names()
    ))]
    pub config: BTreeMap<String, Option<Value>>,
    /// Secret fields to set or remove.
    #[serde(default)]
    #[schemars(extend(
        "maxProperties" = limits::SECRET_FIELDS,
        "propertyNames" = forms::field_names()
    ))]
    pub secrets: BTreeMap<String, Option<SecretValue>>,
    /// All references.
    #[schemars(length(max = limits::SECRET_REFERENCES))]
    pub secret_references: Option<Vec<SecretReferenceBody>>,
    /// Labels to set or remove.
    #[serde(default)]
    #[schemars(extend(
        "maxProperties" = limits::LABELS,
        "propertyNames" = forms::lines(limits::LABEL_KEY_CHARS),
        "additionalProperties" = forms::label_or_null()
    ))]
    pub labels: BTreeMap<String, Option<String>>,
    /// All tags.
    #[schemars(length(max = limits::TAGS), extend("items" = forms::tag()))]
    pub tags: Option<Vec<String>>,
    /// Annotations to set or remove.
    #[serde(default)]
    #[schemars(extend(
        "maxProperties" = limits::ANNOTATIONS,
        "propertyNames" = forms::lines(limits::ANNOTATION_KEY_CHARS)
    ))]
    pub annotations: BTreeMap<String, Option<Value>>,
    /// New party it is for.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<IdentityBody>")]
    pub identity: Option<Option<IdentityBody>>,
}

/// `rotate-secret`: replaces values of secret fields the connection has.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateSecretBody {
    /// Id or slug.
    pub connection: Option<String>,
    /// New values by field.
    #[schemars(extend(
        "minProperties" = 1,
        "maxProperties" = limits::SECRET_FIELDS,
        "propertyNames" = forms::field_names()
    ))]
    pub secrets: BTreeMap<String, SecretValue>,
}

/// `enable`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetBody {
    /// Id or slug.
    pub connection: Option<String>,
}

/// `disable`, `mark-degraded`, `mark-failed`, `mark-operational`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonBody {
    /// Id or slug.
    pub connection: Option<String>,
    /// Why, at most 1,024 characters.
    #[schemars(length(max = limits::REASON_CHARS), regex(pattern = forms::PROSE))]
    pub reason: Option<String>,
}

/// `archive`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArchiveBody {
    /// Id or slug.
    pub connection: Option<String>,
    /// Why, at most 1,024 characters.
    #[schemars(length(max = limits::REASON_CHARS), regex(pattern = forms::PROSE))]
    pub reason: Option<String>,
    /// Also when something depends on it.
    #[serde(default)]
    pub force: bool,
}

/// `restore`. An archived connection is named by id: its slug is free for others.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreBody {
    /// Id.
    pub connection: Option<String>,
    /// A new slug, when the old one has been taken.
    #[schemars(length(min = 1, max = limits::SLUG_CHARS), regex(pattern = forms::SLUG))]
    pub slug: Option<String>,
}

/// `grant-workspace`, which takes `administer` in the connection's own workspace, and
/// `set-limits`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantBody {
    /// Id or slug.
    pub connection: Option<String>,
    /// Name of a workspace, or `*` for all.
    #[schemars(regex(pattern = forms::GRANT_TO))]
    pub grant_to: String,
    /// How much it may use.
    #[serde(default)]
    pub limits: LimitsBody,
}

/// `revoke-workspace`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeBody {
    /// Id or slug.
    pub connection: Option<String>,
    /// Name of a workspace, or `*` for all.
    #[schemars(regex(pattern = forms::GRANT_TO))]
    pub grant_to: String,
}

/// `set-model-policy`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetModelPolicyBody {
    /// Id or slug.
    pub connection: Option<String>,
    /// The new policy.
    pub policy: ModelPolicyBody,
}

/// `set-pricing`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPricingBody {
    /// Id or slug.
    pub connection: Option<String>,
    /// The new factors; null removes them.
    pub pricing: Option<PricingBody>,
}

/// `link-dependent`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkDependentBody {
    /// Id or slug.
    pub connection: Option<String>,
    /// What sort of thing: `tool`, `mcp_server`, `integration_connection`, `gateway`, ...
    #[schemars(length(max = limits::DEPENDENT_CHARS), regex(pattern = forms::LINE))]
    pub kind: String,
    /// Its id in its own system.
    #[schemars(length(max = limits::DEPENDENT_CHARS), regex(pattern = forms::LINE))]
    pub id: String,
    /// Its name for people.
    #[schemars(length(max = limits::DEPENDENT_CHARS), regex(pattern = forms::LINE))]
    pub name: Option<String>,
    /// Further facts about it.
    #[serde(default)]
    #[schemars(extend("propertyNames" = forms::lines(limits::DEPENDENT_CHARS)))]
    pub attributes: BTreeMap<String, Value>,
}

/// `unlink-dependent`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnlinkDependentBody {
    /// Id or slug.
    pub connection: Option<String>,
    /// What sort of thing.
    #[schemars(length(max = limits::DEPENDENT_CHARS), regex(pattern = forms::LINE))]
    pub kind: String,
    /// Its id in its own system.
    #[schemars(length(max = limits::DEPENDENT_CHARS), regex(pattern = forms::LINE))]
    pub id: String,
}

/// `revert`: brings all settings of an earlier version back, its secret values too.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevertBody {
    /// Id or slug.
    pub connection: Option<String>,
    /// The earlier version whose settings come back. Its secret values are in use again, also
    /// those that were replaced because they leaked.
    #[schemars(range(min = 1), extend("maximum" = u64::MAX))]
    pub to_version: u64,
}

/// `create-workspace`: makes the subject's workspace.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateWorkspaceBody {
    /// Name for people.
    #[schemars(length(max = limits::DISPLAY_NAME_CHARS), regex(pattern = forms::LINE))]
    pub display_name: Option<String>,
}

/// `create-workspace` where no subject names the workspace: over HTTP.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWorkspaceBody {
    /// Its name, which is also its id: `a-z`, `0-9` and inner hyphens.
    #[schemars(regex(pattern = forms::WORKSPACE))]
    pub name: String,
    /// Name for people.
    #[schemars(length(max = limits::DISPLAY_NAME_CHARS), regex(pattern = forms::LINE))]
    pub display_name: Option<String>,
}

/// `reveal-secret`: asks for secret values in the clear.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevealSecretBody {
    /// Id or slug.
    pub connection: Option<String>,
    /// Which secret fields; all when absent or empty.
    #[serde(default)]
    #[schemars(extend("items" = forms::field_name()))]
    pub fields: Vec<String>,
    /// Why, 1 to 1,024 characters; kept in the history.
    #[schemars(length(min = 1, max = limits::REASON_CHARS), regex(pattern = forms::SAID))]
    pub reason: String,
}
