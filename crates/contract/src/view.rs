//! The public state of a connection: what every reader may see, secrets masked. The whole of it is
//! [`ConnectionView`]; its parts are here.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ledger_domain::connection::{
    Access, Amount, Dependent, DependentKey, GrantScope, Health, Identity, Limits, ModelPolicy,
    Multiplier, Pricing, ResetPeriod, SecretReference,
};
use ledger_domain::{
    CheckedText, Connection, FieldName, Former, Generation, Generations, Held, Hint, Json, Micros,
    ProviderToken, Reference, Secret,
};
use ledger_vault::plaintext_bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;
use serde_json::value::RawValue;

pub use crate::fields::ConnectionView;
use crate::time;

pub(crate) type Text<'a> = Cow<'a, str>;
pub(crate) type TextMap<'a, V> = BTreeMap<Text<'a>, V>;

/// A secret field without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretView<'a> {
    /// Number of values the field has had.
    pub generation: u64,
    /// The mask, which lets people distinguish two values.
    pub masked: Text<'a>,
    /// Where the value is, if the field has a reference in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<ReferenceView<'a>>,
    /// When this value was set.
    pub set_at: String,
    /// The event that set it.
    pub set_by: String,
    /// The value before this one, while it is still revealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former: Option<FormerView<'a>>,
    /// The latest generation that was replaced because others know it; absent if there is none.
    /// Whoever holds that or an earlier one drops it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compromised: Option<u64>,
    /// When it is overdue for rotation, if a policy limits its age. Only in answers to `get` and
    /// `list`, and no part of the connection's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotate_by: Option<String>,
    /// `fresh`, `due` or `overdue`, in the same places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age: Option<Text<'a>>,
}

/// A former value that is still revealed, without the value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FormerView<'a> {
    /// Its generation.
    pub generation: u64,
    /// The mask.
    pub masked: Text<'a>,
    /// Where the value is, if the field had a reference in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<ReferenceView<'a>>,
    /// From when on it is not revealed any more.
    pub until: String,
    /// What retires it: `deadline`, or `confirmation` of every consumer, but not later than
    /// `until`.
    pub waits_for: Text<'a>,
}

/// Where the value of a secret field is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReferenceView<'a> {
    /// `env`, `file`, `vault`, `aws` or `connection`.
    pub kind: Text<'a>,
    /// Its name there. A connection is named by its id, then `/` and the field.
    pub name: Text<'a>,
    /// The key of the value in a JSON object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Text<'a>>,
    /// `string` or `json`.
    pub format: Text<'a>,
}

/// A field filled from an external secret store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretReferenceView<'a> {
    /// The field that gets the value.
    pub target: Text<'a>,
    /// Id, path or slug of the value in the external store.
    pub reference: Text<'a>,
    /// The part of the secret.
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
    /// The cause.
    pub reason: Option<Text<'a>>,
    /// Since when it has been in this state.
    pub since: String,
    /// The event that reported this state.
    pub by: String,
}

/// The token that the ledger got from the token service of a connection; its value is the secret
/// field `access_token`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProviderTokenView {
    /// Until when it is valid; null if there is none that fits the present settings and secrets.
    pub expires_at: Option<String>,
    /// Whether nothing is tried any more until somebody changes settings or secrets, or has it
    /// refreshed.
    pub given_up: bool,
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

/// The limit on total use.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct UsageLimitView<'a> {
    /// `cost` or `tokens`.
    pub r#type: Text<'a>,
    /// The amount at which further use is denied.
    #[schemars(with = "f64")]
    pub credit_limit: Number,
    /// The amount at which a warning is due.
    #[schemars(with = "Option<f64>")]
    pub alert_threshold: Option<Number>,
    /// `weekly`, `monthly` or a number of days like `30d`.
    pub reset: Option<Text<'a>>,
    /// Time of the next reset.
    pub next_reset_at: Option<String>,
}

/// The rate limit.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RateLimitView<'a> {
    /// `requests` or `tokens`.
    pub r#type: Text<'a>,
    /// `rpm`, `rph` or `rpd`.
    pub unit: Text<'a>,
    /// The number per unit of time.
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

/// Multipliers of a provider's prices.
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
    /// Id of the dependent in its own system.
    pub id: Text<'a>,
    /// Its human-readable name.
    pub name: Option<Text<'a>>,
    /// Further attributes of it.
    pub attributes: TextMap<'a, Box<RawValue>>,
}

/// Returns what may be shown of the current value of a secret. Hints of earlier programs may show
/// more.
pub fn shown_hint(field: &FieldName, secret: &Secret) -> Hint {
    shown(field, &secret.held, &secret.hint)
}

fn shown(field: &FieldName, held: &Held, hint: &Hint) -> Hint {
    let bytes = held.sealed().and_then(plaintext_bytes);
    let is_shown = bytes.is_none_or(|bytes| Hint::is_shown(field.as_str(), bytes));
    let is_ascii = hint.prefix.is_ascii() && hint.suffix.is_ascii();
    if is_shown && is_ascii { hint.clone() } else { Hint::default() }
}

/// Returns the mask of a secret: prefix, seven stars and suffix, or only eight stars if no part of
/// the secret may be shown.
pub fn masked(hint: &Hint) -> String {
    if hint.prefix.is_empty() && hint.suffix.is_empty() {
        return "********".to_owned();
    }
    format!("{}*******{}", hint.prefix, hint.suffix)
}

/// Returns what may be shown of a token.
pub(crate) fn provider_token(token: &ProviderToken) -> ProviderTokenView {
    ProviderTokenView {
        expires_at: token.expires_at.map(time::format),
        given_up: token.failure.is_some_and(|failure| failure.gives_up),
    }
}

pub(crate) fn text<T: CheckedText>(value: &T) -> Text<'_> {
    Cow::Borrowed(value.text())
}

pub(crate) fn optional<T: CheckedText>(value: Option<&T>) -> Option<Text<'_>> {
    value.map(text)
}

pub(crate) fn raw(value: &Json) -> Box<RawValue> {
    RawValue::from_string(value.text().to_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

pub(crate) fn map<'a, K: CheckedText, V, W>(
    entries: &'a BTreeMap<K, V>,
    view: impl Fn(&'a V) -> W,
) -> TextMap<'a, W> {
    entries.iter().map(|(key, value)| (text(key), view(value))).collect()
}

impl ReferenceView<'_> {
    /// Returns it without a borrow.
    pub fn into_owned(self) -> ReferenceView<'static> {
        let owned = |text: Text<'_>| Text::Owned(text.into_owned());
        ReferenceView {
            kind: owned(self.kind),
            name: owned(self.name),
            key: self.key.map(owned),
            format: owned(self.format),
        }
    }
}

/// As the command line has it: `vault:kv/team/openai#key`.
impl std::fmt::Display for ReferenceView<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.kind, self.name)?;
        match &self.key {
            Some(key) => write!(f, "#{key}"),
            None => Ok(()),
        }
    }
}

/// Returns a reference in place of a value.
pub fn reference(reference: &Reference) -> ReferenceView<'_> {
    ReferenceView {
        kind: reference.kind.as_str().into(),
        name: text(&reference.name),
        key: optional(reference.key.as_ref()),
        format: reference.format.as_str().into(),
    }
}

/// Returns a secret field of a connection without its value.
pub(crate) fn secret<'a>(
    connection: &Connection,
    field: &FieldName,
    secret: &'a Secret,
) -> SecretView<'a> {
    let compromised = connection.compromised.get(field).and_then(Generations::highest);
    SecretView {
        generation: secret.generation.get(),
        masked: masked(&shown_hint(field, secret)).into(),
        reference: secret.held.reference().map(reference),
        set_at: time::format(secret.set_at),
        set_by: secret.set_by.to_string(),
        former: secret.former.as_deref().map(|former| FormerView::of(field, former)),
        compromised: compromised.map(Generation::get),
        rotate_by: None,
        age: None,
    }
}

impl FormerView<'_> {
    /// Returns it without a borrow.
    pub fn into_owned(self) -> FormerView<'static> {
        let owned = |text: Text<'_>| Text::Owned(text.into_owned());
        FormerView {
            generation: self.generation,
            masked: owned(self.masked),
            reference: self.reference.map(ReferenceView::into_owned),
            until: self.until,
            waits_for: owned(self.waits_for),
        }
    }
}

impl<'a> FormerView<'a> {
    /// Returns the former value of a field without the value.
    pub fn of(field: &FieldName, former: &'a Former) -> Self {
        Self {
            generation: former.generation.get(),
            masked: masked(&shown(field, &former.held, &former.hint)).into(),
            reference: former.held.reference().map(reference),
            until: time::format(former.end.until),
            waits_for: if former.end.once_confirmed { "confirmation" } else { "deadline" }.into(),
        }
    }
}

pub(crate) fn secret_reference(reference: &SecretReference) -> SecretReferenceView<'_> {
    SecretReferenceView {
        target: text(&reference.target),
        reference: text(&reference.reference),
        key: optional(reference.key.as_ref()),
        format: optional(reference.format.as_ref()),
    }
}

pub(crate) fn identity(identity: &Identity) -> IdentityView<'_> {
    IdentityView { r#type: identity.kind.as_str().into(), value: text(&identity.value) }
}

impl HealthView<'_> {
    /// Returns it without a borrow.
    pub fn into_owned(self) -> HealthView<'static> {
        let owned = |text: Text<'_>| Text::Owned(text.into_owned());
        let HealthView { state, reason, since, by } = self;
        HealthView { state: owned(state), reason: reason.map(owned), since, by }
    }
}

/// Returns the health of a connection.
pub fn health(health: &Health) -> HealthView<'_> {
    HealthView {
        state: health.state.as_str().into(),
        reason: optional(health.reason.as_ref()),
        since: time::format(health.since),
        by: health.by.to_string(),
    }
}

pub(crate) fn access(access: &Access) -> AccessView<'_> {
    AccessView {
        everyone: access.limits(&GrantScope::Everyone).map(limits),
        workspaces: map(&access.workspaces, |grant| GrantView {
            allowed: grant.allowed,
            limits: limits(&grant.limits),
        }),
    }
}

/// Returns an amount as JSON has it.
pub fn amount(amount: Amount) -> Number {
    match amount.get() {
        Ok(whole) => whole.into(),
        Err(decimal) => Number::from_f64(decimal).expect("an amount is finite"),
    }
}

fn limits(limits: &Limits) -> LimitsView<'_> {
    LimitsView {
        usage: limits.usage.as_ref().map(|usage| UsageLimitView {
            r#type: usage.unit.as_str().into(),
            credit_limit: amount(usage.credit_limit),
            alert_threshold: usage.alert_threshold.map(amount),
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

pub(crate) fn models(policy: &ModelPolicy) -> ModelPolicyView<'_> {
    ModelPolicyView {
        allow_all: policy.allow_all,
        models: map(&policy.models, |rule| ModelRuleView {
            enabled: rule.enabled,
            settings: rule.settings.as_ref().map(raw),
        }),
    }
}

pub(crate) fn pricing(pricing: &Pricing) -> PricingView<'_> {
    PricingView {
        multipliers: map(&pricing.multipliers, |factor| factor.map(Multiplier::get)),
        image_default: pricing.image_default.map(Multiplier::get),
        additional_units: map(&pricing.additional_units, |factor| factor.get()),
    }
}

pub(crate) fn dependent<'a>(
    (key, dependent): (&'a DependentKey, &'a Dependent),
) -> DependentView<'a> {
    DependentView {
        kind: text(&key.kind),
        id: text(&key.id),
        name: optional(dependent.name.as_ref()),
        attributes: map(&dependent.attributes, raw),
    }
}
