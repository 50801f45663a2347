//! Version 1 of the data of events about policies of secret fields, and about values that are older
//! than these permit.

use std::collections::BTreeMap;

use ledger_domain::{
    ConnectionId, FieldName, Generation, Line, Overdue, PolicyEvent, PolicySubject, SecretPolicy,
};
use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::parts_v1::mirrors;
use crate::shape::{self, Read, Shape, Written};

mirrors!(OverdueV1 => Overdue, RulesV1 => SecretPolicy, SubjectV1 => PolicySubject);

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "PolicySubject")]
struct SubjectV1 {
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    connection: Option<ConnectionId>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    provider: Option<Line>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    field: Option<FieldName>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "SecretPolicy")]
struct RulesV1 {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_age_days: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    warn_days: Option<u32>,
    #[serde(default, rename = "min_length", skip_serializing_if = "Option::is_none")]
    min_chars: Option<u32>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pattern: Option<Line>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference_required: Option<bool>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Overdue")]
struct OverdueV1 {
    #[serde(with = "shape")]
    #[schemars(with = "u64")]
    generation: Generation,
    max_age_days: u32,
}

#[derive(Serialize)]
struct PolicyData<'a> {
    about: Written<'a, PolicySubject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<Written<'a, SecretPolicy>>,
}

/// The data of an event about a policy, to serialize.
pub(super) struct PolicyOut<'a>(pub(super) &'a PolicyEvent);

impl Serialize for PolicyOut<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let (about, rules) = match self.0 {
            PolicyEvent::Set { subject, policy } => (Written(subject), Some(Written(policy))),
            PolicyEvent::Removed { subject } => (Written(subject), None),
        };
        PolicyData { about, rules }.serialize(s)
    }
}

/// The data of an event about values that are too old, to serialize.
#[derive(Serialize)]
pub(super) struct OverdueOut<'a> {
    pub(super) overdue: Written<'a, BTreeMap<FieldName, Overdue>>,
}

#[derive(Deserialize, JsonSchema)]
struct SetIn {
    #[schemars(with = "SubjectV1")]
    about: Read<PolicySubject>,
    #[schemars(with = "RulesV1")]
    rules: Read<SecretPolicy>,
}

#[derive(Deserialize, JsonSchema)]
struct RemovedIn {
    #[schemars(with = "SubjectV1")]
    about: Read<PolicySubject>,
}

#[derive(Deserialize, JsonSchema)]
struct OverdueIn {
    /// The generation of each field, and the age in days that it has passed.
    #[schemars(with = "BTreeMap<String, OverdueV1>")]
    overdue: Read<BTreeMap<FieldName, Overdue>>,
}

/// Returns whether [`read`] reads the data of an event type in a version.
pub(super) fn is_known(type_name: &str, schema: u32) -> bool {
    PolicyEvent::TYPE_NAMES.contains(&type_name) && schema == 1
}

/// Reads the data of an event about a policy.
pub(super) fn read<'de, D>(type_name: &str, d: D) -> Result<PolicyEvent, D::Error>
where
    D: Deserializer<'de>,
{
    if type_name == "secret_policy_removed" {
        return RemovedIn::deserialize(d)
            .map(|read| PolicyEvent::Removed { subject: read.about.0 });
    }
    let SetIn { about, rules } = SetIn::deserialize(d)?;
    Ok(PolicyEvent::Set { subject: about.0, policy: rules.0 })
}

/// Reads the data of an event about values that are too old.
pub(super) fn read_overdue<'de, D>(d: D) -> Result<BTreeMap<FieldName, Overdue>, D::Error>
where
    D: Deserializer<'de>,
{
    OverdueIn::deserialize(d).map(|read| read.overdue.0)
}

/// Returns the schema of the data of such an event.
pub(super) fn schema(type_name: &str) -> Option<Schema> {
    Some(match type_name {
        "secret_policy_set" => schema_for!(SetIn),
        "secret_policy_removed" => schema_for!(RemovedIn),
        "secret_overdue" => schema_for!(OverdueIn),
        _ => return None,
    })
}
