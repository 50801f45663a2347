//! Rows of the connection read model: the state as JSON.
//!
//! Rows are rebuilt from the log whenever their form changes, so there are no old versions to read.
//! The generation of the read model identifies the form.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ledger_domain::connection::{
    Access, Dependent, DependentKey, Details, Health, ModelPolicy, Pricing,
};
use ledger_domain::{
    Actor, Connection, ConnectionId, FieldName, Generation, Generations, Lifecycle, Line, Micros,
    Position, ProviderToken, Secret, Slug, Version, Workspace, WorkspaceName,
};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::parts_v1::{is_default, mirrors};
use crate::shape::{self, Read, Shape, Written};
use crate::time;

mirrors!(StoredConnection => Connection, StoredWorkspace => Workspace);

/// A connection's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionRow {
    /// Number of the connection in order of creation, from 0; the list indexes refer to it.
    pub ordinal: u32,
    /// The state.
    pub connection: Connection,
    /// Size of the stored bytes.
    pub bytes: usize,
}

#[derive(Serialize)]
struct RowOut<'a> {
    ordinal: u32,
    connection: Written<'a, Connection>,
}

#[derive(Deserialize)]
struct RowIn {
    ordinal: u32,
    connection: Read<Connection>,
}

impl ConnectionRow {
    /// Appends the stored bytes to `out`.
    pub fn encode(out: &mut Vec<u8>, ordinal: u32, connection: &Connection) {
        let row = RowOut { ordinal, connection: Written(connection) };
        serde_json::to_writer(out, &row).expect("checked values always have a JSON form");
    }

    /// Parses the stored bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let RowIn { ordinal, connection: Read(connection) } = serde_json::from_slice(bytes)?;
        Ok(Self { ordinal, connection, bytes: bytes.len() })
    }
}

/// Returns the stored bytes of an earlier state of a connection.
pub fn encode_snapshot(connection: &Connection) -> Vec<u8> {
    serde_json::to_vec(&Written(connection)).expect("checked values always have a JSON form")
}

/// Parses the stored bytes of an earlier state of a connection.
pub fn decode_snapshot(bytes: &[u8]) -> Result<Connection, serde_json::Error> {
    serde_json::from_slice::<Read<Connection>>(bytes).map(|read| read.0)
}

/// Returns the stored bytes of a workspace's row.
pub fn encode_workspace_row(workspace: &Workspace) -> Vec<u8> {
    serde_json::to_vec(&Written(workspace)).expect("checked values always have a JSON form")
}

/// Parses the stored bytes of a workspace's row.
pub fn decode_workspace_row(bytes: &[u8]) -> Result<Workspace, serde_json::Error> {
    serde_json::from_slice::<Read<Workspace>>(bytes).map(|read| read.0)
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Workspace")]
struct StoredWorkspace {
    #[serde(with = "shape")]
    name: WorkspaceName,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    display_name: Option<Line>,
    #[serde(with = "shape")]
    created_at: Micros,
    #[serde(with = "shape")]
    created_by: Actor,
    #[serde(with = "shape")]
    position: Position,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Connection")]
struct StoredConnection {
    #[serde(with = "shape")]
    id: ConnectionId,
    #[serde(with = "shape")]
    workspace: WorkspaceName,
    #[serde(with = "shape")]
    slug: Slug,
    #[serde(with = "shape")]
    details: Details,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    secrets: BTreeMap<FieldName, Secret>,
    #[serde(with = "shape", default, skip_serializing_if = "is_default")]
    generations_removed: Generation,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    compromised: BTreeMap<FieldName, Generations>,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    redacted: BTreeMap<FieldName, Version>,
    #[serde(
        with = "shape",
        rename = "archived_at",
        default = "active",
        skip_serializing_if = "is_active"
    )]
    lifecycle: Lifecycle,
    enabled: bool,
    #[serde(with = "shape")]
    health: Health,
    #[serde(with = "shape", default, skip_serializing_if = "is_default")]
    access: Access,
    #[serde(with = "shape", default, skip_serializing_if = "is_default")]
    models: ModelPolicy,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    pricing: Option<Pricing>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    provider_token: Option<ProviderToken>,
    #[serde(with = "dependents", default, skip_serializing_if = "BTreeMap::is_empty")]
    dependents: BTreeMap<DependentKey, Dependent>,
    #[serde(with = "shape")]
    version: Version,
    #[serde(with = "shape")]
    position: Position,
    #[serde(with = "shape")]
    created_at: Micros,
    #[serde(with = "shape")]
    created_by: Actor,
    #[serde(with = "shape")]
    updated_at: Micros,
    #[serde(with = "shape")]
    updated_by: Actor,
}

fn active() -> Lifecycle {
    Lifecycle::Active
}

fn is_active(lifecycle: &Lifecycle) -> bool {
    *lifecycle == Lifecycle::Active
}

/// A list of ranges, each with both ends.
impl Shape for Generations {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.ranges().map(|(first, last)| (first.get(), last.get())))
    }
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ranges = Vec::<(u64, u64)>::deserialize(deserializer)?;
        let range = |(first, last)| (Generation::new(first), Generation::new(last));
        Ok(Self::stored(ranges.into_iter().map(range)))
    }
}

/// What comes before the time of an erasure.
const ERASED_AT: &str = "erased ";

/// The time of archiving, or null; or the time of the erasure after a word.
impl Shape for Lifecycle {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Active => serializer.serialize_none(),
            Self::Archived { at } => at.write(serializer),
            Self::Erased { at } => {
                serializer.collect_str(&format_args!("{ERASED_AT}{}", time::format(*at)))
            }
        }
    }
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Some(text) = Option::<Cow<'_, str>>::deserialize(deserializer)? else {
            return Ok(Self::Active);
        };
        let erased_at = text.strip_prefix(ERASED_AT);
        let at =
            time::parse("archived_at", erased_at.unwrap_or(&text)).map_err(D::Error::custom)?;
        Ok(if erased_at.is_some() { Self::Erased { at } } else { Self::Archived { at } })
    }
}

/// A list of `[kind, id, dependent]`, because a pair cannot be a JSON key.
mod dependents {
    use std::collections::BTreeMap;

    use ledger_domain::Line;
    use ledger_domain::connection::{Dependent, DependentKey};
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::shape::{Read, Written};

    pub(super) fn serialize<S: Serializer>(
        map: &BTreeMap<DependentKey, Dependent>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(
            map.iter()
                .map(|(key, dependent)| (Written(&key.kind), Written(&key.id), Written(dependent))),
        )
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<DependentKey, Dependent>, D::Error> {
        type Entry = (Read<Line>, Read<Line>, Read<Dependent>);
        let entries = Vec::<Entry>::deserialize(deserializer)?;
        let pair =
            |(kind, id, dependent): Entry| (DependentKey { kind: kind.0, id: id.0 }, dependent.0);
        Ok(entries.into_iter().map(pair).collect())
    }
}
