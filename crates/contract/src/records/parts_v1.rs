//! Version 1 of the JSON forms of parts shared by events and rows.
//!
//! Each struct mirrors a domain type field by field (`serde`'s remote derive). It is never
//! constructed and only defines how the domain type is read and written.

use std::collections::{BTreeMap, BTreeSet};

use ledger_domain::connection::{
    Access, Amount, Dependent, Details, Draft, Grant, GrantScope, Health, HealthState, Identity,
    IdentityKind, Kind, Limits, ModelPolicy, ModelRule, Multiplier, Patch, Pricing, RateCounts,
    RateLimit, RateUnit, ResetPeriod, Revision, SecretReference, UsageLimit, UsageUnit,
};
use ledger_domain::connection::{AuthMethod, Environment};
use ledger_domain::{
    EventId, FieldName, FormerEnd, Json, Line, Micros, NewSecret, Prose, Slug, WorkspaceName,
};
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Number;

use super::secrets_v1::NewSecretV1;
use crate::shape::{self, Shape, keeps};

/// Implements [`Shape`] for a domain type with the struct that mirrors it.
macro_rules! mirrors {
    ($($mirror:ident => $domain:ty),+ $(,)?) => {$(
        impl Shape for $domain {
            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $mirror::serialize(self, serializer)
            }
            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $mirror::deserialize(deserializer)
            }
        }
    )+};
}
pub(crate) use mirrors;

mirrors!(
    AccessV1 => Access,
    DependentV1 => Dependent,
    DetailsV1 => Details,
    DraftV1 => Draft,
    FormerEndV1 => FormerEnd,
    GrantV1 => Grant,
    HealthV1 => Health,
    IdentityV1 => Identity,
    LimitsV1 => Limits,
    ModelPolicyV1 => ModelPolicy,
    ModelRuleV1 => ModelRule,
    PricingV1 => Pricing,
    RateLimitV1 => RateLimit,
    RevisionV1 => Revision,
    SecretReferenceV1 => SecretReference,
    UsageLimitV1 => UsageLimit,
);

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Identity")]
pub(super) struct IdentityV1 {
    #[serde(rename = "type", with = "shape")]
    #[schemars(with = "String")]
    kind: IdentityKind,
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    value: Line,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "SecretReference")]
pub(super) struct SecretReferenceV1 {
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    target: Line,
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    reference: Line,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    key: Option<Line>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    format: Option<Line>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Details")]
pub(super) struct DetailsV1 {
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    display_name: Option<Line>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    description: Option<Prose>,
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    provider: Line,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    provider_version: Option<Line>,
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    kind: Kind,
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    environment: Environment,
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    auth_method: AuthMethod,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    config: BTreeMap<FieldName, Json>,
    #[serde(with = "shape", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<SecretReferenceV1>")]
    secret_references: Vec<SecretReference>,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, String>")]
    labels: BTreeMap<Line, Prose>,
    #[serde(with = "shape", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    tags: Vec<Line>,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    annotations: BTreeMap<Line, Json>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<IdentityV1>")]
    identity: Option<Identity>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Draft")]
pub(super) struct DraftV1 {
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    workspace: WorkspaceName,
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    slug: Slug,
    #[serde(with = "shape")]
    #[schemars(with = "DetailsV1")]
    details: Details,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, NewSecretV1>")]
    secrets: BTreeMap<FieldName, NewSecret>,
    enabled: bool,
    #[serde(with = "shape", default, skip_serializing_if = "is_default")]
    #[schemars(with = "AccessV1")]
    access: Access,
    #[serde(with = "shape", default, skip_serializing_if = "is_default")]
    #[schemars(with = "ModelPolicyV1")]
    models: ModelPolicy,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<PricingV1>")]
    pricing: Option<Pricing>,
}

/// Returns whether a part is the default and can be omitted.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Revision")]
pub(super) struct RevisionV1 {
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    slug: Option<Slug>,
    #[serde(with = "shape", default, skip_serializing_if = "keeps")]
    #[schemars(with = "Option<String>")]
    display_name: Patch<Line>,
    #[serde(with = "shape", default, skip_serializing_if = "keeps")]
    #[schemars(with = "Option<String>")]
    description: Patch<Prose>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    provider: Option<Line>,
    #[serde(with = "shape", default, skip_serializing_if = "keeps")]
    #[schemars(with = "Option<String>")]
    provider_version: Patch<Line>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    kind: Option<Kind>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    environment: Option<Environment>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    auth_method: Option<AuthMethod>,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, Option<serde_json::Value>>")]
    config: BTreeMap<FieldName, Option<Json>>,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, Option<NewSecretV1>>")]
    secrets: BTreeMap<FieldName, Option<NewSecret>>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<SecretReferenceV1>>")]
    secret_references: Option<Vec<SecretReference>>,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, Option<String>>")]
    labels: BTreeMap<Line, Option<Prose>>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<String>>")]
    tags: Option<Vec<Line>>,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, Option<serde_json::Value>>")]
    annotations: BTreeMap<Line, Option<Json>>,
    #[serde(with = "shape", default, skip_serializing_if = "keeps")]
    #[schemars(with = "Option<IdentityV1>")]
    identity: Patch<Identity>,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(with = "Vec<String>")]
    redact: BTreeSet<FieldName>,
    #[serde(with = "shape", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    destination: Vec<Line>,
    #[serde(default, skip_serializing_if = "is_default")]
    health_unknown: bool,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "FormerEnd")]
pub(super) struct FormerEndV1 {
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    until: Micros,
    #[serde(default, skip_serializing_if = "is_default")]
    once_confirmed: bool,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Health")]
pub(super) struct HealthV1 {
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    state: HealthState,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    reason: Option<Prose>,
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    since: Micros,
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    by: EventId,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Access")]
pub(super) struct AccessV1 {
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<LimitsV1>")]
    everyone: Option<Limits>,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, GrantV1>")]
    workspaces: BTreeMap<WorkspaceName, Grant>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Grant")]
pub(super) struct GrantV1 {
    allowed: bool,
    #[serde(with = "shape", default, skip_serializing_if = "is_default")]
    #[schemars(with = "LimitsV1")]
    limits: Limits,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Limits")]
pub(super) struct LimitsV1 {
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<UsageLimitV1>")]
    usage: Option<UsageLimit>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<RateLimitV1>")]
    rate: Option<RateLimit>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "UsageLimit")]
pub(super) struct UsageLimitV1 {
    #[serde(rename = "type", with = "shape")]
    #[schemars(with = "String")]
    unit: UsageUnit,
    #[serde(with = "shape")]
    #[schemars(with = "f64")]
    credit_limit: Amount,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<f64>")]
    alert_threshold: Option<Amount>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    reset: Option<ResetPeriod>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    next_reset_at: Option<Micros>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "RateLimit")]
pub(super) struct RateLimitV1 {
    #[serde(rename = "type", with = "shape")]
    #[schemars(with = "String")]
    counts: RateCounts,
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    unit: RateUnit,
    value: u64,
}

/// A number, without a point if it is whole.
impl Shape for Amount {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.get() {
            Ok(whole) => serializer.serialize_u64(whole),
            Err(decimal) => serializer.serialize_f64(decimal),
        }
    }
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = Number::deserialize(deserializer)?;
        let amount = match number.as_u64() {
            Some(whole) => Self::whole(whole),
            None => number.as_f64().and_then(Self::decimal),
        };
        amount.ok_or_else(|| D::Error::custom("not an amount"))
    }
}

/// `"weekly"`, `"monthly"` or a number of days.
impl Shape for ResetPeriod {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Weekly => serializer.serialize_str("weekly"),
            Self::Monthly => serializer.serialize_str("monthly"),
            Self::Days(days) => serializer.serialize_str(&format!("{days}d")),
        }
    }
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        shape::read_text(deserializer, |text| match text {
            "weekly" => Ok(Self::Weekly),
            "monthly" => Ok(Self::Monthly),
            _ => text
                .strip_suffix('d')
                .and_then(|days| days.parse().ok())
                .map(Self::Days)
                .ok_or_else(|| "not a reset period".to_owned()),
        })
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "ModelPolicy")]
pub(super) struct ModelPolicyV1 {
    allow_all: bool,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, ModelRuleV1>")]
    models: BTreeMap<Line, ModelRule>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "ModelRule")]
pub(super) struct ModelRuleV1 {
    enabled: bool,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    settings: Option<Json>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Pricing")]
pub(super) struct PricingV1 {
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, Option<f64>>")]
    multipliers: BTreeMap<Line, Option<Multiplier>>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<f64>")]
    image_default: Option<Multiplier>,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, f64>")]
    additional_units: BTreeMap<Line, Multiplier>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Dependent")]
pub(super) struct DependentV1 {
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    name: Option<Line>,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    attributes: BTreeMap<Line, Json>,
}

/// `"*"` for everyone, otherwise the workspace's name, which never is `*`.
impl Shape for GrantScope {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Everyone => serializer.serialize_str("*"),
            Self::Workspace(name) => name.write(serializer),
        }
    }
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use ledger_domain::CheckedText;
        shape::read_text(deserializer, |text| {
            Ok(match text {
                "*" => Self::Everyone,
                name => Self::Workspace(WorkspaceName::stored(name.into())),
            })
        })
    }
}
