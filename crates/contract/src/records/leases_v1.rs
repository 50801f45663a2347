//! Version 1 of the data of events about leases on secrets, and the row of a lease.

use std::collections::BTreeMap;

use ledger_domain::{
    Actor, ConnectionId, EndWorkspaceLeases, EndedLeases, FieldName, Generation, LeaseEnd,
    LeaseEvent, LeaseId, LeasedReads, Line, Micros, Position, Prose, ReadCount, SecretLease, Slug,
    WorkspaceName,
};
use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::parts_v1::mirrors;
use crate::shape::{self, Read, Shape, Written};

mirrors!(ReadCountV1 => ReadCount, StoredLease => SecretLease);

#[derive(Serialize, Deserialize)]
#[serde(remote = "SecretLease")]
struct StoredLease {
    #[serde(with = "shape")]
    connection: ConnectionId,
    #[serde(with = "shape")]
    workspace: WorkspaceName,
    #[serde(with = "shape")]
    slug: Slug,
    #[serde(with = "shape")]
    holder: Actor,
    #[serde(with = "shape")]
    generations: BTreeMap<FieldName, Generation>,
    #[serde(with = "shape")]
    reason: Prose,
    #[serde(with = "shape")]
    taken_at: Micros,
    #[serde(with = "shape")]
    until: Micros,
    #[serde(with = "shape")]
    position: Position,
}

/// Returns the stored bytes of the row of a lease on secrets.
pub fn encode_lease_row(lease: &SecretLease) -> Vec<u8> {
    serde_json::to_vec(&Written(lease)).expect("checked values always have a JSON form")
}

/// Parses the stored bytes of the row of a lease on secrets.
pub fn decode_lease_row(bytes: &[u8]) -> Result<SecretLease, serde_json::Error> {
    serde_json::from_slice::<Read<SecretLease>>(bytes).map(|read| read.0)
}

/// Reads of one generation of a field.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "ReadCount")]
struct ReadCountV1 {
    #[serde(with = "shape")]
    #[schemars(with = "u64")]
    generation: Generation,
    count: u64,
    /// When it was read last.
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    last: Micros,
}

impl Shape for LeaseEnd {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        shape::read_text(deserializer, |text| {
            let known = Self::ALL.into_iter().find(|end| end.as_str() == text);
            known.ok_or_else(|| "unknown end of a lease".to_owned())
        })
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Taken {
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    slug: Slug,
    #[serde(with = "shape")]
    #[schemars(with = "BTreeMap<String, u64>")]
    generations: BTreeMap<FieldName, Generation>,
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    until: Micros,
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    reason: Prose,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    from: Option<Line>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Renewed {
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    lease: LeaseId,
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    until: Micros,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct LeasedRead {
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    lease: LeaseId,
    #[serde(with = "shape")]
    #[schemars(with = "BTreeMap<String, Vec<ReadCountV1>>")]
    reads: LeasedReads,
}

/// Without lease and holder, all leases of the connection ended.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Ended {
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    lease: Option<LeaseId>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    holder: Option<Actor>,
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    because: LeaseEnd,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    reason: Option<Prose>,
}

/// Without holder and prefix, all leases of the workspace ended.
#[derive(Serialize, Deserialize, JsonSchema)]
struct EndedInWorkspace {
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    holder: Option<Actor>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    slug_prefix: Option<Line>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    reason: Option<Prose>,
}

/// The data of an event about leases, to serialize.
pub(super) struct LeaseOut<'a>(pub(super) &'a LeaseEvent);

impl Serialize for LeaseOut<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.0.clone() {
            LeaseEvent::Taken { slug, generations, until, reason, from } => {
                Taken { slug, generations, until, reason, from }.serialize(s)
            }
            LeaseEvent::Renewed { lease, until } => Renewed { lease, until }.serialize(s),
            LeaseEvent::Read { lease, reads } => LeasedRead { lease, reads }.serialize(s),
            LeaseEvent::Ended { which, because, reason } => {
                let (lease, holder) = match which {
                    EndedLeases::One(lease) => (Some(lease), None),
                    EndedLeases::OfHolder(holder) => (None, Some(holder)),
                    EndedLeases::All => (None, None),
                };
                Ended { lease, holder, because, reason }.serialize(s)
            }
            LeaseEvent::EndedInWorkspace(EndWorkspaceLeases { holder, slug_prefix, reason }) => {
                EndedInWorkspace { holder, slug_prefix, reason }.serialize(s)
            }
        }
    }
}

/// Returns whether [`read`] reads the data of an event type in a version.
pub(super) fn is_known(type_name: &str, schema: u32) -> bool {
    LeaseEvent::TYPE_NAMES.contains(&type_name) && schema == 1
}

/// Reads the data of an event about leases.
pub(super) fn read<'de, D>(type_name: &str, d: D) -> Result<LeaseEvent, D::Error>
where
    D: Deserializer<'de>,
{
    Ok(match type_name {
        "secrets_leased" => {
            let Taken { slug, generations, until, reason, from } = Taken::deserialize(d)?;
            LeaseEvent::Taken { slug, generations, until, reason, from }
        }
        "secret_lease_renewed" => {
            let Renewed { lease, until } = Renewed::deserialize(d)?;
            LeaseEvent::Renewed { lease, until }
        }
        "leased_secrets_read" => {
            let LeasedRead { lease, reads } = LeasedRead::deserialize(d)?;
            LeaseEvent::Read { lease, reads }
        }
        "secret_leases_ended" => {
            let Ended { lease, holder, because, reason } = Ended::deserialize(d)?;
            let which = match (lease, holder) {
                (Some(lease), _) => EndedLeases::One(lease),
                (None, Some(holder)) => EndedLeases::OfHolder(holder),
                (None, None) => EndedLeases::All,
            };
            LeaseEvent::Ended { which, because, reason }
        }
        _ => {
            let EndedInWorkspace { holder, slug_prefix, reason } =
                EndedInWorkspace::deserialize(d)?;
            LeaseEvent::EndedInWorkspace(EndWorkspaceLeases { holder, slug_prefix, reason })
        }
    })
}

/// Returns the schema of the data of such an event.
pub(super) fn schema(type_name: &str) -> Option<Schema> {
    Some(match type_name {
        "secrets_leased" => schema_for!(Taken),
        "secret_lease_renewed" => schema_for!(Renewed),
        "leased_secrets_read" => schema_for!(LeasedRead),
        "secret_leases_ended" => schema_for!(Ended),
        "workspace_leases_ended" => schema_for!(EndedInWorkspace),
        _ => return None,
    })
}
