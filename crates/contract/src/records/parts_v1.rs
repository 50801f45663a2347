//! Version 1 of the JSON forms of the parts that events and rows share.
//!
//! Each struct mirrors a domain type field by field (`serde`'s remote derive): it is never built,
//! it only says how the domain type reads and writes.

use std::collections::BTreeMap;

use ledger_domain::connection::{
    Access, Dependent, Details, Draft, Grant, GrantScope, Health, HealthState, Identity,
    IdentityKind, Kind, Limits, ModelPolicy, ModelRule, Multiplier, Patch, Pricing, RateCounts,
    RateLimit, RateUnit, ResetPeriod, Revision, SecretReference, UsageLimit, UsageUnit,
};
use ledger_domain::connection::{AuthMethod, Environment};
use ledger_domain::{
    EventId, FieldName, Generation, Hint, Json, Line, Micros, NewSecret, Prose, Sealed, Secret,
    Slug, WorkspaceName,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::shape::{self, Shape, keeps};

/// Makes a mirror struct the [`Shape`] of the domain type it mirrors.
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
    GrantV1 => Grant,
    HealthV1 => Health,
    HintV1 => Hint,
    IdentityV1 => Identity,
    LimitsV1 => Limits,
    ModelPolicyV1 => ModelPolicy,
    ModelRuleV1 => ModelRule,
    NewSecretV1 => NewSecret,
    PricingV1 => Pricing,
    RateLimitV1 => RateLimit,
    RevisionV1 => Revision,
    SecretReferenceV1 => SecretReference,
    SecretV1 => Secret,
    UsageLimitV1 => UsageLimit,
);

#[derive(Serialize, Deserialize)]
#[serde(remote = "Identity")]
struct IdentityV1 {
    #[serde(rename = "type", with = "shape")]
    kind: IdentityKind,
    #[serde(with = "shape")]
    value: Line,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "SecretReference")]
struct SecretReferenceV1 {
    #[serde(with = "shape")]
    target: Line,
    #[serde(with = "shape")]
    reference: Line,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    key: Option<Line>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    format: Option<Line>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Details")]
struct DetailsV1 {
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    display_name: Option<Line>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    description: Option<Prose>,
    #[serde(with = "shape")]
    provider: Line,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    provider_version: Option<Line>,
    #[serde(with = "shape")]
    kind: Kind,
    #[serde(with = "shape")]
    environment: Environment,
    #[serde(with = "shape")]
    auth_method: AuthMethod,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    config: BTreeMap<FieldName, Json>,
    #[serde(with = "shape", default, skip_serializing_if = "Vec::is_empty")]
    secret_references: Vec<SecretReference>,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<Line, Prose>,
    #[serde(with = "shape", default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Line>,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<Line, Json>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    identity: Option<Identity>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Draft")]
struct DraftV1 {
    #[serde(with = "shape")]
    workspace: WorkspaceName,
    #[serde(with = "shape")]
    slug: Slug,
    #[serde(with = "shape")]
    details: Details,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    secrets: BTreeMap<FieldName, NewSecret>,
    enabled: bool,
    #[serde(with = "shape", default, skip_serializing_if = "is_default")]
    access: Access,
    #[serde(with = "shape", default, skip_serializing_if = "is_default")]
    models: ModelPolicy,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    pricing: Option<Pricing>,
}

/// Tells whether a part can be left out because reading it back gives the same.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Revision")]
struct RevisionV1 {
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    slug: Option<Slug>,
    #[serde(with = "shape", default, skip_serializing_if = "keeps")]
    display_name: Patch<Line>,
    #[serde(with = "shape", default, skip_serializing_if = "keeps")]
    description: Patch<Prose>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    provider: Option<Line>,
    #[serde(with = "shape", default, skip_serializing_if = "keeps")]
    provider_version: Patch<Line>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    kind: Option<Kind>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    environment: Option<Environment>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    auth_method: Option<AuthMethod>,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    config: BTreeMap<FieldName, Option<Json>>,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    secrets: BTreeMap<FieldName, Option<NewSecret>>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    secret_references: Option<Vec<SecretReference>>,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<Line, Option<Prose>>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    tags: Option<Vec<Line>>,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<Line, Option<Json>>,
    #[serde(with = "shape", default, skip_serializing_if = "keeps")]
    identity: Patch<Identity>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Hint")]
struct HintV1 {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    prefix: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    suffix: String,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "NewSecret")]
struct NewSecretV1 {
    #[serde(with = "shape")]
    sealed: Sealed,
    #[serde(with = "shape", default, skip_serializing_if = "is_default")]
    hint: Hint,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Secret")]
struct SecretV1 {
    #[serde(with = "shape")]
    generation: Generation,
    #[serde(with = "shape")]
    sealed: Sealed,
    #[serde(with = "shape", default, skip_serializing_if = "is_default")]
    hint: Hint,
    #[serde(with = "shape")]
    set_at: Micros,
    #[serde(with = "shape")]
    set_by: EventId,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Health")]
struct HealthV1 {
    #[serde(with = "shape")]
    state: HealthState,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    reason: Option<Prose>,
    #[serde(with = "shape")]
    since: Micros,
    #[serde(with = "shape")]
    by: EventId,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Access")]
struct AccessV1 {
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    everyone: Option<Limits>,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    workspaces: BTreeMap<WorkspaceName, Grant>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Grant")]
struct GrantV1 {
    allowed: bool,
    #[serde(with = "shape", default, skip_serializing_if = "is_default")]
    limits: Limits,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Limits")]
struct LimitsV1 {
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    usage: Option<UsageLimit>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    rate: Option<RateLimit>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "UsageLimit")]
struct UsageLimitV1 {
    #[serde(rename = "type", with = "shape")]
    unit: UsageUnit,
    credit_limit: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alert_threshold: Option<u64>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    reset: Option<ResetPeriod>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    next_reset_at: Option<Micros>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "RateLimit")]
struct RateLimitV1 {
    #[serde(rename = "type", with = "shape")]
    counts: RateCounts,
    #[serde(with = "shape")]
    unit: RateUnit,
    value: u64,
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

#[derive(Serialize, Deserialize)]
#[serde(remote = "ModelPolicy")]
struct ModelPolicyV1 {
    allow_all: bool,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    models: BTreeMap<Line, ModelRule>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ModelRule")]
struct ModelRuleV1 {
    enabled: bool,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    settings: Option<Json>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Pricing")]
struct PricingV1 {
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    multipliers: BTreeMap<Line, Option<Multiplier>>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    image_default: Option<Multiplier>,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    additional_units: BTreeMap<Line, Multiplier>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Dependent")]
struct DependentV1 {
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    name: Option<Line>,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
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
