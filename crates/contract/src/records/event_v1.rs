//! Version 1 of every event's `data`.

use std::collections::{BTreeMap, BTreeSet};

use ledger_domain::connection::{
    Access, Dependent, DependentKey, Details, GrantScope, Limits, ModelPolicy, Pricing, Reverted,
};
use ledger_domain::{
    AlertEvent, ConsumerEvent, Event, FieldName, FormerEnd, Generation, HandoverEvent, LeaseEvent,
    LedgerEvent, Line, NewSecret, PolicyEvent, Prose, Secret, Slug, Version, WorkspaceCreated,
    WorkspaceName,
};
use ledger_domain::{PrincipalEvent, SecretRevealed};
use schemars::{JsonSchema, Schema, schema_for};
use serde::de::DeserializeSeed;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::access_v1::{access_schema, read_principal};
use super::erased_v1::ErasureOut;
use super::ledger_v1::{is_of_ledger, ledger_schema, read_ledger};
use super::parts_v1::{
    AccessV1, DependentV1, DetailsV1, DraftV1, FormerEndV1, LimitsV1, ModelPolicyV1, PricingV1,
    RevisionV1, is_default, mirrors,
};
use super::policies_v1::OverdueOut;
use super::provider_tokens_v1::ProviderTokenOut;
use super::rotations_v1::FormersOut;
use super::secrets_v1::{NewSecretV1, SecretV1, with_references};
use super::versions::first_with_references;
use super::{
    alerts_v1, consumers_v1, erased_v1, handovers_v1, leases_v1, policies_v1, provider_tokens_v1,
    rotations_v1, tests_v1,
};
use crate::shape::{self, Read, Shape, Written};

mirrors!(RevertedV1 => Reverted, WorkspaceCreatedV1 => WorkspaceCreated);

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "WorkspaceCreated")]
struct WorkspaceCreatedV1 {
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    name: WorkspaceName,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    display_name: Option<Line>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Reverted")]
struct RevertedV1 {
    #[serde(with = "shape")]
    #[schemars(with = "u64")]
    to: Version,
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    slug: Slug,
    #[serde(with = "shape")]
    #[schemars(with = "DetailsV1")]
    details: Details,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, SecretV1>")]
    secrets: BTreeMap<FieldName, Secret>,
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
    #[serde(with = "shape", default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(with = "Vec<String>")]
    redact: BTreeSet<FieldName>,
    #[serde(with = "shape", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    destination: Vec<Line>,
    #[serde(default, skip_serializing_if = "is_default")]
    health_unknown: bool,
}

/// A value written through its [`Shape`].
type W<'a, T> = Written<'a, T>;

#[derive(Serialize)]
struct SecretsOut<'a> {
    secrets: W<'a, BTreeMap<FieldName, NewSecret>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    former: Option<W<'a, FormerEnd>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compromised: Option<W<'a, BTreeMap<FieldName, BTreeSet<Generation>>>>,
    #[serde(skip_serializing_if = "is_default")]
    health_unknown: bool,
}

#[derive(Serialize)]
struct ReasonOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<W<'a, Prose>>,
}

#[derive(Serialize)]
struct SlugOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    slug: Option<W<'a, Slug>>,
}

#[derive(Serialize)]
struct GrantOut<'a> {
    grant_to: W<'a, GrantScope>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<W<'a, Limits>>,
}

#[derive(Serialize)]
struct PricingOut<'a> {
    pricing: Option<W<'a, Pricing>>,
}

#[derive(Serialize)]
struct DependentOut<'a> {
    kind: W<'a, Line>,
    id: W<'a, Line>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dependent: Option<W<'a, Dependent>>,
}

#[derive(Serialize)]
struct EmptyOut {}

/// An event's `data`, to serialize.
pub(crate) struct DataOut<'a>(pub(crate) &'a Event);

impl Serialize for DataOut<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Event::Created(draft) => draft.write(s),
            Event::Updated(revision) => revision.write(s),
            Event::SecretRotated { secrets, former, compromised, health_unknown } => SecretsOut {
                secrets: Written(secrets),
                former: former.as_ref().map(Written),
                compromised: (!compromised.is_empty()).then_some(Written(compromised)),
                health_unknown: *health_unknown,
            }
            .serialize(s),
            Event::FormerRetired { .. }
            | Event::FormerEndSet { .. }
            | Event::RotationCancelled { .. } => FormersOut(self.0).serialize(s),
            Event::SecretOverdue { overdue } => {
                OverdueOut { overdue: Written(overdue) }.serialize(s)
            }
            Event::Enabled => EmptyOut {}.serialize(s),
            Event::Disabled { reason }
            | Event::MarkedDegraded { reason }
            | Event::MarkedFailed { reason }
            | Event::MarkedOperational { reason }
            | Event::Archived { reason } => {
                ReasonOut { reason: reason.as_ref().map(Written) }.serialize(s)
            }
            Event::Tested { result, health } => tests_v1::write(result, health.as_ref(), s),
            Event::TokenRefreshed { .. }
            | Event::RefreshFailed { .. }
            | Event::Authorized { .. } => ProviderTokenOut(self.0).serialize(s),
            Event::Erased { .. } | Event::Emptied(_) => ErasureOut(self.0).serialize(s),
            Event::Restored { slug } => SlugOut { slug: slug.as_ref().map(Written) }.serialize(s),
            Event::WorkspaceGranted { scope, limits } | Event::LimitsSet { scope, limits } => {
                GrantOut { grant_to: Written(scope), limits: Some(Written(limits)) }.serialize(s)
            }
            Event::WorkspaceRevoked { scope } => {
                GrantOut { grant_to: Written(scope), limits: None }.serialize(s)
            }
            Event::ModelPolicySet(policy) => policy.write(s),
            Event::PricingSet(pricing) => {
                PricingOut { pricing: pricing.as_ref().map(Written) }.serialize(s)
            }
            Event::DependentLinked { key, dependent } => dependent_out(key, Some(dependent), s),
            Event::DependentUnlinked { key } => dependent_out(key, None, s),
            Event::Reverted(reverted) => reverted.write(s),
        }
    }
}

fn dependent_out<S: Serializer>(
    key: &DependentKey,
    dependent: Option<&Dependent>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    DependentOut {
        kind: Written(&key.kind),
        id: Written(&key.id),
        dependent: dependent.map(Written),
    }
    .serialize(serializer)
}

#[derive(Deserialize, JsonSchema)]
struct SecretsIn {
    #[schemars(with = "BTreeMap<String, NewSecretV1>")]
    secrets: Read<BTreeMap<FieldName, NewSecret>>,
    #[serde(default)]
    health_unknown: bool,
}

/// Version 2: with how long the former values are kept.
#[derive(Deserialize, JsonSchema)]
struct SecretsV2In {
    #[schemars(with = "BTreeMap<String, NewSecretV1>")]
    secrets: Read<BTreeMap<FieldName, NewSecret>>,
    #[serde(default)]
    #[schemars(with = "Option<FormerEndV1>")]
    former: Option<Read<FormerEnd>>,
    #[serde(default)]
    health_unknown: bool,
}

/// Version 3: with the generations that are known to others.
#[derive(Deserialize, JsonSchema)]
struct SecretsV3In {
    #[schemars(with = "BTreeMap<String, NewSecretV1>")]
    secrets: Read<BTreeMap<FieldName, NewSecret>>,
    #[serde(default)]
    #[schemars(with = "Option<FormerEndV1>")]
    former: Option<Read<FormerEnd>>,
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, BTreeSet<u64>>>")]
    compromised: Option<Read<BTreeMap<FieldName, BTreeSet<Generation>>>>,
    #[serde(default)]
    health_unknown: bool,
}

#[derive(Deserialize, JsonSchema)]
struct ReasonIn {
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    reason: Option<Read<Prose>>,
}

#[derive(Deserialize, JsonSchema)]
struct SlugIn {
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    slug: Option<Read<Slug>>,
}

#[derive(Deserialize, JsonSchema)]
struct GrantIn {
    #[schemars(with = "String")]
    grant_to: Read<GrantScope>,
    #[serde(default)]
    #[schemars(with = "Option<LimitsV1>")]
    limits: Option<Read<Limits>>,
}

#[derive(Deserialize, JsonSchema)]
struct PricingIn {
    #[schemars(with = "Option<PricingV1>")]
    pricing: Option<Read<Pricing>>,
}

#[derive(Deserialize, JsonSchema)]
struct DependentIn {
    #[schemars(with = "String")]
    kind: Read<Line>,
    #[schemars(with = "String")]
    id: Read<Line>,
    #[serde(default)]
    #[schemars(with = "Option<DependentV1>")]
    dependent: Option<Read<Dependent>>,
}

impl DependentIn {
    fn key(&self) -> DependentKey {
        DependentKey { kind: self.kind.0.clone(), id: self.id.0.clone() }
    }
}

#[derive(Deserialize, JsonSchema)]
struct EmptyIn {}

/// The events that a record can contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// An event of a connection.
    Connection(Event),
    /// A workspace was created.
    Workspace(WorkspaceCreated),
    /// An event of a principal.
    Principal(PrincipalEvent),
    /// Secrets of a connection were revealed.
    Revealed(SecretRevealed),
    /// An event of the ledger itself.
    Ledger(LedgerEvent),
    /// An event of a consumer of a connection.
    Consumer(ConsumerEvent),
    /// An event of a handover.
    Handover(HandoverEvent),
    /// An event of a policy of secret fields.
    Policy(PolicyEvent),
    /// An event of an alert.
    Alert(AlertEvent),
    /// An event about leases on secrets.
    Lease(LeaseEvent),
}

/// Reads an event's `data`, given its stored type name and the version of its data.
pub(crate) struct DataSeed<'a> {
    pub(crate) type_name: &'a str,
    pub(crate) schema: u32,
}

impl<'de> DeserializeSeed<'de> for DataSeed<'_> {
    type Value = Happened;

    #[expect(clippy::too_many_lines, reason = "one arm for each type of event")]
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Happened, D::Error> {
        let reason = |d: D| ReasonIn::deserialize(d).map(|read| read.reason.map(|read| read.0));
        Ok(Happened::Connection(match (self.type_name, self.schema) {
            ("connection_created", 1 | 2) => Event::Created(Shape::read(d)?),
            ("connection_updated" | "destination_changed", 1 | 2) => {
                Event::Updated(Shape::read(d)?)
            }
            ("secret_rotated", 1) => {
                let SecretsIn { secrets, health_unknown } = SecretsIn::deserialize(d)?;
                rotated(secrets, None, None, health_unknown)
            }
            ("secret_rotated", 2) => {
                let SecretsV2In { secrets, former, health_unknown } = SecretsV2In::deserialize(d)?;
                rotated(secrets, former, None, health_unknown)
            }
            ("secret_rotated", 3) => {
                let SecretsV3In { secrets, former, compromised, health_unknown } =
                    SecretsV3In::deserialize(d)?;
                rotated(secrets, former, compromised, health_unknown)
            }
            ("secret_overdue", 1) => {
                Event::SecretOverdue { overdue: policies_v1::read_overdue(d)? }
            }
            ("connection_enabled", 1) => {
                EmptyIn::deserialize(d)?;
                Event::Enabled
            }
            ("connection_disabled", 1) => Event::Disabled { reason: reason(d)? },
            ("marked_degraded", 1) => Event::MarkedDegraded { reason: reason(d)? },
            ("marked_failed", 1) => Event::MarkedFailed { reason: reason(d)? },
            ("marked_operational", 1) => Event::MarkedOperational { reason: reason(d)? },
            ("connection_archived", 1) => Event::Archived { reason: reason(d)? },
            ("connection_restored", 1) => {
                Event::Restored { slug: SlugIn::deserialize(d)?.slug.map(|read| read.0) }
            }
            ("workspace_granted", 1) => {
                let (scope, limits) = grant_in(d)?;
                Event::WorkspaceGranted { scope, limits }
            }
            ("workspace_revoked", 1) => Event::WorkspaceRevoked { scope: grant_in(d)?.0 },
            ("limits_set", 1) => {
                let (scope, limits) = grant_in(d)?;
                Event::LimitsSet { scope, limits }
            }
            ("model_policy_set", 1) => Event::ModelPolicySet(Shape::read(d)?),
            ("pricing_set", 1) => {
                Event::PricingSet(PricingIn::deserialize(d)?.pricing.map(|read| read.0))
            }
            ("dependent_linked", 1) => {
                let read = DependentIn::deserialize(d)?;
                let key = read.key();
                let dependent = read.dependent.map(|read| read.0);
                Event::DependentLinked {
                    key,
                    dependent: dependent
                        .unwrap_or(Dependent { name: None, attributes: BTreeMap::new() }),
                }
            }
            ("dependent_unlinked", 1) => {
                Event::DependentUnlinked { key: DependentIn::deserialize(d)?.key() }
            }
            ("connection_reverted" | "destination_reverted", 1 | 2) => {
                Event::Reverted(Shape::read(d)?)
            }
            ("workspace_created", 1) => return Ok(Happened::Workspace(Shape::read(d)?)),
            (SecretRevealed::TYPE_NAME, 1) => return Ok(Happened::Revealed(Shape::read(d)?)),
            (type_name, schema) if is_of_ledger(type_name) => {
                let read = read_ledger(type_name, schema, d)?.map(Happened::Ledger);
                return read.ok_or_else(|| unknown(type_name, schema));
            }
            (type_name, schema) => return read_later(type_name, schema, d),
        }))
    }
}

/// Returns the event of a rotation, whatever version it is stored in.
fn rotated(
    secrets: Read<BTreeMap<FieldName, NewSecret>>,
    former: Option<Read<FormerEnd>>,
    compromised: Option<Read<BTreeMap<FieldName, BTreeSet<Generation>>>>,
    health_unknown: bool,
) -> Event {
    Event::SecretRotated {
        secrets: secrets.0,
        former: former.map(|read| read.0),
        compromised: compromised.map(|read| read.0).unwrap_or_default(),
        health_unknown,
    }
}

/// Reads the `data` of the types that have files of their own.
fn read_later<'de, D: Deserializer<'de>>(
    type_name: &str,
    schema: u32,
    d: D,
) -> Result<Happened, D::Error> {
    if erased_v1::is_known(type_name, schema) {
        return erased_v1::read(type_name, schema, d).map(Happened::Connection);
    }
    if rotations_v1::is_known(type_name, schema) {
        return rotations_v1::read(type_name, d).map(Happened::Connection);
    }
    if tests_v1::is_known(type_name, schema) {
        return tests_v1::read(d).map(Happened::Connection);
    }
    if provider_tokens_v1::is_known(type_name, schema) {
        return provider_tokens_v1::read(type_name, d).map(Happened::Connection);
    }
    if consumers_v1::is_known(type_name, schema) {
        return consumers_v1::read(type_name, d).map(Happened::Consumer);
    }
    if handovers_v1::is_known(type_name, schema) {
        return handovers_v1::read(type_name, d).map(Happened::Handover);
    }
    if policies_v1::is_known(type_name, schema) {
        return policies_v1::read(type_name, d).map(Happened::Policy);
    }
    if alerts_v1::is_known(type_name, schema) {
        return alerts_v1::read(type_name, d).map(Happened::Alert);
    }
    if leases_v1::is_known(type_name, schema) {
        return leases_v1::read(type_name, d).map(Happened::Lease);
    }
    let read = read_principal(type_name, schema, d)?.map(Happened::Principal);
    read.ok_or_else(|| unknown(type_name, schema))
}
/// Returns the error for data that no arm reads.
fn unknown<E: serde::de::Error>(type_name: &str, schema: u32) -> E {
    if data_schema(type_name, schema).is_none() {
        return E::custom("unknown event type");
    }
    E::custom(format!("{type_name} has unknown version {schema}"))
}

/// Returns the schema of a version of an event type's `data`.
pub(crate) fn data_schema(type_name: &str, version: u32) -> Option<Schema> {
    if let Some(schema) = erased_v1::schema(type_name, version) {
        return Some(schema);
    }
    let schema = first_schema(type_name, version)?;
    let refers = first_with_references(type_name).is_some_and(|first| first <= version);
    Some(if refers { with_references(schema) } else { schema })
}

/// Returns the schema of a version of an event type's `data`, without references.
fn first_schema(type_name: &str, version: u32) -> Option<Schema> {
    Some(match type_name {
        "connection_created" => schema_for!(DraftV1),
        "connection_updated" | "destination_changed" => schema_for!(RevisionV1),
        "secret_rotated" if version == 1 => schema_for!(SecretsIn),
        "secret_rotated" if version == 2 => schema_for!(SecretsV2In),
        "secret_rotated" => schema_for!(SecretsV3In),
        "connection_enabled" => schema_for!(EmptyIn),
        "connection_disabled"
        | "marked_degraded"
        | "marked_failed"
        | "marked_operational"
        | "connection_archived" => schema_for!(ReasonIn),
        "connection_restored" => schema_for!(SlugIn),
        "workspace_granted" | "workspace_revoked" | "limits_set" => schema_for!(GrantIn),
        "model_policy_set" => schema_for!(ModelPolicyV1),
        "pricing_set" => schema_for!(PricingIn),
        "dependent_linked" | "dependent_unlinked" => schema_for!(DependentIn),
        "connection_reverted" | "destination_reverted" => schema_for!(RevertedV1),
        "workspace_created" => schema_for!(WorkspaceCreatedV1),
        other => {
            let later = rotations_v1::schema(other).or_else(|| consumers_v1::schema(other));
            let later = later.or_else(|| handovers_v1::schema(other));
            let later = later.or_else(|| policies_v1::schema(other));
            let later = later.or_else(|| alerts_v1::schema(other));
            let later = later.or_else(|| leases_v1::schema(other));
            let later = later.or_else(|| tests_v1::schema(other));
            let later = later.or_else(|| provider_tokens_v1::schema(other));
            return later.or_else(|| access_schema(other)).or_else(|| ledger_schema(other));
        }
    })
}

fn grant_in<'de, D: Deserializer<'de>>(d: D) -> Result<(GrantScope, Limits), D::Error> {
    let read = GrantIn::deserialize(d)?;
    Ok((read.grant_to.0, read.limits.map(|read| read.0).unwrap_or_default()))
}
