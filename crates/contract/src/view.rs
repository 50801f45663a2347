//! The public state of a connection: what every reader may see, with masked secrets.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ledger_domain::connection::{
    Access, Dependent, DependentKey, GrantScope, Health, Identity, Limits, ModelPolicy, Multiplier,
    Pricing, ResetPeriod, SecretReference,
};
use ledger_domain::{CheckedText, Connection, Hint, Json, Lifecycle, Micros, Secret};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::time;

type Text<'a> = Cow<'a, str>;
type TextMap<'a, V> = BTreeMap<Text<'a>, V>;

/// A connection as readers see it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ConnectionView<'a> {
    /// Id of the connection, which never changes.
    pub id: String,
    /// Home workspace.
    pub workspace: Text<'a>,
    /// Slug.
    pub slug: Text<'a>,
    /// Human-readable name.
    pub display_name: Option<Text<'a>>,
    /// Free text.
    pub description: Option<Text<'a>>,
    /// The provider, such as `openai`.
    pub provider: Text<'a>,
    /// Version of the provider's connector.
    pub provider_version: Option<Text<'a>>,
    /// Kind of service.
    pub kind: Text<'a>,
    /// `test` or `live`.
    pub environment: Text<'a>,
    /// How it authenticates to the provider.
    pub auth_method: Text<'a>,
    /// Settings that are not secret.
    pub config: TextMap<'a, Box<RawValue>>,
    /// Secret fields, masked.
    pub secrets: TextMap<'a, SecretView<'a>>,
    /// Fields whose values live in an external secret store.
    pub secret_references: Vec<SecretReferenceView<'a>>,
    /// Labels for grouping and filtering, by key.
    pub labels: TextMap<'a, Text<'a>>,
    /// Tags for grouping and filtering.
    pub tags: Vec<Text<'a>>,
    /// Product-specific fields, under namespaced keys.
    pub annotations: TextMap<'a, Box<RawValue>>,
    /// The user, team, organization or project that it is for.
    pub identity: Option<IdentityView<'a>>,
    /// `active` or `archived`.
    pub lifecycle: Text<'a>,
    /// When it was archived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<String>,
    /// Whether gateways may use it.
    pub enabled: bool,
    /// Last reported working state.
    pub health: HealthView<'a>,
    /// Which other workspaces may use it.
    pub access: AccessView<'a>,
    /// Which models may be used.
    pub models: ModelPolicyView<'a>,
    /// Factors applied to the provider's prices.
    pub pricing: Option<PricingView<'a>>,
    /// What depends on the connection.
    pub dependents: Vec<DependentView<'a>>,
    /// Number of accepted changes.
    pub version: u64,
    /// Log position of the last change.
    pub position: u64,
    /// When it was created.
    pub created_at: String,
    /// Who created it.
    pub created_by: Text<'a>,
    /// When it was last changed.
    pub updated_at: String,
    /// Who changed it last.
    pub updated_by: Text<'a>,
}

/// A secret field without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretView<'a> {
    /// Number of values the field has had.
    pub generation: u64,
    /// The mask, which lets people distinguish two values.
    pub masked: Text<'a>,
    /// When this value was set.
    pub set_at: String,
    /// The event that set it.
    pub set_by: String,
}

/// A field whose value lives in an external secret store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretReferenceView<'a> {
    /// The field it fills.
    pub target: Text<'a>,
    /// Id, path or slug of the value in the external store.
    pub reference: Text<'a>,
    /// Which part of the external value to use, if it has several.
    pub key: Option<Text<'a>>,
    /// `json` or `string`.
    pub format: Option<Text<'a>>,
}

/// The user, team, organization or project that a connection is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IdentityView<'a> {
    /// `user`, `team`, `organization` or `project`.
    pub r#type: Text<'a>,
    /// The caller's own id for that party.
    pub value: Text<'a>,
}

/// The last reported working state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HealthView<'a> {
    /// `operational`, `degraded`, `failed` or `unknown`.
    pub state: Text<'a>,
    /// Why.
    pub reason: Option<Text<'a>>,
    /// Since when it has been in this state.
    pub since: String,
    /// The event that reported this state.
    pub by: String,
}

/// Grants.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AccessView<'a> {
    /// Limits of the grant to all workspaces; absent if there is none.
    pub everyone: Option<LimitsView<'a>>,
    /// Rules for individual workspaces, by name.
    pub workspaces: TextMap<'a, GrantView<'a>>,
}

/// The rule for one workspace.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct GrantView<'a> {
    /// False denies access to this workspace even if `everyone` is set.
    pub allowed: bool,
    /// The limits of its use.
    pub limits: LimitsView<'a>,
}

/// Limits of a grant.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct LimitsView<'a> {
    /// Limit on total use.
    pub usage: Option<UsageLimitView<'a>>,
    /// Limit on the rate of use.
    pub rate: Option<RateLimitView<'a>>,
}

/// Limit on total use.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct UsageLimitView<'a> {
    /// `cost` or `tokens`.
    pub r#type: Text<'a>,
    /// The amount at which further use is denied.
    pub credit_limit: u64,
    /// The amount at which a warning is sent.
    pub alert_threshold: Option<u64>,
    /// When the counter restarts: `weekly`, `monthly` or a number of days like `30d`; never when
    /// absent.
    pub reset: Option<Text<'a>>,
    /// The next time the counter restarts.
    pub next_reset_at: Option<String>,
}

/// Limit on the rate of use.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RateLimitView<'a> {
    /// `requests` or `tokens`.
    pub r#type: Text<'a>,
    /// `rpm`, `rph` or `rpd`.
    pub unit: Text<'a>,
    /// The limit.
    pub value: u64,
}

/// A model policy.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ModelPolicyView<'a> {
    /// Whether models without a rule are allowed.
    pub allow_all: bool,
    /// Rules for individual models, by slug.
    pub models: TextMap<'a, ModelRuleView>,
}

/// The rule for one model.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ModelRuleView {
    /// Whether the model may be used.
    pub enabled: bool,
    /// Gateway settings of the model.
    pub settings: Option<Box<RawValue>>,
}

/// Factors applied to a provider's prices.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PricingView<'a> {
    /// Factors by fixed name.
    pub multipliers: TextMap<'a, Option<f64>>,
    /// The default factor for image prices.
    pub image_default: Option<f64>,
    /// Factors for provider-specific units.
    pub additional_units: TextMap<'a, f64>,
}

/// Something that uses the connection.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct DependentView<'a> {
    /// Kind of dependent, such as `tool`, `mcp_server` or `gateway`.
    pub kind: Text<'a>,
    /// Its id in its own system.
    pub id: Text<'a>,
    /// Its human-readable name.
    pub name: Option<Text<'a>>,
    /// Further attributes of it.
    pub attributes: TextMap<'a, Box<RawValue>>,
}

/// Returns the mask of a secret: prefix, seven stars and suffix, or only eight stars if the secret
/// is too short to show any part of it.
pub fn masked(hint: &Hint) -> String {
    if hint.prefix.is_empty() && hint.suffix.is_empty() {
        return "********".to_owned();
    }
    format!("{}*******{}", hint.prefix, hint.suffix)
}

fn text<T: CheckedText>(value: &T) -> Text<'_> {
    Cow::Borrowed(value.text())
}

fn optional<T: CheckedText>(value: Option<&T>) -> Option<Text<'_>> {
    value.map(text)
}

fn raw(value: &Json) -> Box<RawValue> {
    RawValue::from_string(value.text().to_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

fn map<'a, K: CheckedText, V, W>(
    entries: &'a BTreeMap<K, V>,
    view: impl Fn(&'a V) -> W,
) -> TextMap<'a, W> {
    entries.iter().map(|(key, value)| (text(key), view(value))).collect()
}

impl<'a> ConnectionView<'a> {
    /// Returns the public state of a connection.
    pub fn of(connection: &'a Connection) -> Self {
        let details = &connection.details;
        Self {
            id: connection.id.to_string(),
            workspace: text(&connection.workspace),
            slug: text(&connection.slug),
            display_name: optional(details.display_name.as_ref()),
            description: optional(details.description.as_ref()),
            provider: text(&details.provider),
            provider_version: optional(details.provider_version.as_ref()),
            kind: details.kind.as_str().into(),
            environment: details.environment.as_str().into(),
            auth_method: details.auth_method.as_str().into(),
            config: map(&details.config, raw),
            secrets: map(&connection.secrets, secret),
            secret_references: details.secret_references.iter().map(secret_reference).collect(),
            labels: map(&details.labels, text),
            tags: details.tags.iter().map(text).collect(),
            annotations: map(&details.annotations, raw),
            identity: details.identity.as_ref().map(identity),
            lifecycle: connection.lifecycle.as_str().into(),
            archived_at: match connection.lifecycle {
                Lifecycle::Active => None,
                Lifecycle::Archived { at } => Some(time::format(at)),
            },
            enabled: connection.enabled,
            health: health(&connection.health),
            access: access(&connection.access),
            models: models(&connection.models),
            pricing: connection.pricing.as_ref().map(pricing),
            dependents: connection.dependents.iter().map(dependent).collect(),
            version: connection.version.get(),
            position: connection.position.get(),
            created_at: time::format(connection.created_at),
            created_by: text(&connection.created_by),
            updated_at: time::format(connection.updated_at),
            updated_by: text(&connection.updated_by),
        }
    }
}

fn secret(secret: &Secret) -> SecretView<'_> {
    SecretView {
        generation: secret.generation.get(),
        masked: masked(&secret.hint).into(),
        set_at: time::format(secret.set_at),
        set_by: secret.set_by.to_string(),
    }
}

fn secret_reference(reference: &SecretReference) -> SecretReferenceView<'_> {
    SecretReferenceView {
        target: text(&reference.target),
        reference: text(&reference.reference),
        key: optional(reference.key.as_ref()),
        format: optional(reference.format.as_ref()),
    }
}

fn identity(identity: &Identity) -> IdentityView<'_> {
    IdentityView { r#type: identity.kind.as_str().into(), value: text(&identity.value) }
}

fn health(health: &Health) -> HealthView<'_> {
    HealthView {
        state: health.state.as_str().into(),
        reason: optional(health.reason.as_ref()),
        since: time::format(health.since),
        by: health.by.to_string(),
    }
}

fn access(access: &Access) -> AccessView<'_> {
    AccessView {
        everyone: access.limits(&GrantScope::Everyone).map(limits),
        workspaces: map(&access.workspaces, |grant| GrantView {
            allowed: grant.allowed,
            limits: limits(&grant.limits),
        }),
    }
}

fn limits(limits: &Limits) -> LimitsView<'_> {
    LimitsView {
        usage: limits.usage.as_ref().map(|usage| UsageLimitView {
            r#type: usage.unit.as_str().into(),
            credit_limit: usage.credit_limit,
            alert_threshold: usage.alert_threshold,
            reset: usage.reset.map(|reset| match reset {
                ResetPeriod::Weekly => "weekly".into(),
                ResetPeriod::Monthly => "monthly".into(),
                ResetPeriod::Days(days) => format!("{days}d").into(),
            }),
            next_reset_at: usage.next_reset_at.map(|at: Micros| time::format(at)),
        }),
        rate: limits.rate.as_ref().map(|rate| RateLimitView {
            r#type: rate.counts.as_str().into(),
            unit: rate.unit.as_str().into(),
            value: rate.value,
        }),
    }
}

fn models(policy: &ModelPolicy) -> ModelPolicyView<'_> {
    ModelPolicyView {
        allow_all: policy.allow_all,
        models: map(&policy.models, |rule| ModelRuleView {
            enabled: rule.enabled,
            settings: rule.settings.as_ref().map(raw),
        }),
    }
}

fn pricing(pricing: &Pricing) -> PricingView<'_> {
    PricingView {
        multipliers: map(&pricing.multipliers, |factor| factor.map(Multiplier::get)),
        image_default: pricing.image_default.map(Multiplier::get),
        additional_units: map(&pricing.additional_units, |factor| factor.get()),
    }
}

fn dependent<'a>((key, dependent): (&'a DependentKey, &'a Dependent)) -> DependentView<'a> {
    DependentView {
        kind: text(&key.kind),
        id: text(&key.id),
        name: optional(dependent.name.as_ref()),
        attributes: map(&dependent.attributes, raw),
    }
}
