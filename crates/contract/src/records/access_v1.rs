//! Version 1 of the JSON forms of principals, their events and reveals.

use std::collections::{BTreeMap, BTreeSet};

use ledger_domain::connection::{Environment, Patch};
use ledger_domain::principal::{
    ApiKey, ApiKeyId, Grant, KeyDigest, PrincipalDraft, PrincipalKind, PrincipalRevision, Scope,
    TokenBlock, TokenRef, Workspaces,
};
use ledger_domain::{
    Actor, FieldName, Generation, Line, Micros, Position, Principal, PrincipalEvent, PrincipalName,
    Prose, SecretRevealed, Version, WorkspaceName,
};
use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::parts_v1::mirrors;
use crate::shape::{self, Read, Shape, Written, keeps};

mirrors!(
    ApiKeyV1 => ApiKey,
    PermissionV1 => Grant,
    PrincipalDraftV1 => PrincipalDraft,
    PrincipalRevisionV1 => PrincipalRevision,
    SecretRevealedV1 => SecretRevealed,
    StoredPrincipal => Principal,
);

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Grant")]
pub(super) struct PermissionV1 {
    #[serde(with = "shape")]
    #[schemars(with = "BTreeSet<String>")]
    scopes: BTreeSet<Scope>,
    /// Absent for all workspaces.
    #[serde(with = "shape", default = "everywhere", skip_serializing_if = "is_everywhere")]
    #[schemars(with = "Option<BTreeSet<String>>")]
    workspaces: Workspaces,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(with = "BTreeSet<String>")]
    providers: BTreeSet<Line>,
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, String>")]
    labels: BTreeMap<Line, Prose>,
}

fn everywhere() -> Workspaces {
    Workspaces::All
}

fn is_everywhere(workspaces: &Workspaces) -> bool {
    *workspaces == Workspaces::All
}

/// A list of names, or null for all.
impl Shape for Workspaces {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_none(),
            Self::Named(names) => names.write(serializer),
        }
    }
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Option::<BTreeSet<WorkspaceName>>::read(deserializer)?;
        Ok(names.map_or(Self::All, Self::Named))
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "PrincipalDraft")]
struct PrincipalDraftV1 {
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    kind: PrincipalKind,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    display_name: Option<Line>,
    #[serde(with = "shape")]
    #[schemars(with = "Vec<PermissionV1>")]
    grants: Vec<Grant>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "PrincipalRevision")]
struct PrincipalRevisionV1 {
    #[serde(with = "shape", default, skip_serializing_if = "keeps")]
    #[schemars(with = "Option<String>")]
    display_name: Patch<Line>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<PermissionV1>>")]
    grants: Option<Vec<Grant>>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "SecretRevealed")]
struct SecretRevealedV1 {
    #[serde(with = "shape")]
    #[schemars(with = "BTreeMap<String, u64>")]
    generations: BTreeMap<FieldName, Generation>,
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    reason: Prose,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    from: Option<Line>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct KeyIssued {
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    id: ApiKeyId,
    /// A digest of the key; omitted from public records.
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    digest: KeyDigest,
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    environment: Environment,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    label: Option<Line>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    expires_at: Option<Micros>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct KeyRevoked {
    #[serde(with = "shape")]
    #[schemars(with = "String")]
    id: ApiKeyId,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    reason: Option<Prose>,
}

/// Exactly one of `subject` and `token_id` is there.
#[derive(Serialize, Deserialize, JsonSchema)]
struct TokenNamed {
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    subject: Option<Line>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    token_id: Option<Line>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    reason: Option<Prose>,
}

impl TokenNamed {
    fn of(token: &TokenRef, reason: Option<&Prose>) -> Self {
        let (subject, token_id) = (token.subject().cloned(), token.id().cloned());
        Self { subject, token_id, reason: reason.cloned() }
    }

    fn read<'de, D: Deserializer<'de>>(d: D) -> Result<(TokenRef, Option<Prose>), D::Error> {
        let Self { subject, token_id, reason } = Self::deserialize(d)?;
        let token = TokenRef::of(subject, token_id).map_err(serde::de::Error::custom)?;
        Ok((token, reason))
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Disabled {
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    reason: Option<Prose>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Empty {}

/// A principal event's `data`, to serialize.
pub(crate) struct PrincipalOut<'a>(pub(crate) &'a PrincipalEvent);

impl Serialize for PrincipalOut<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            PrincipalEvent::Created(draft) => draft.write(s),
            PrincipalEvent::Updated(revision) => revision.write(s),
            PrincipalEvent::Enabled => Empty {}.serialize(s),
            PrincipalEvent::Disabled { reason } => Disabled { reason: reason.clone() }.serialize(s),
            PrincipalEvent::KeyIssued { id, digest, environment, label, expires_at } => KeyIssued {
                id: id.clone(),
                digest: digest.clone(),
                environment: *environment,
                label: label.clone(),
                expires_at: *expires_at,
            }
            .serialize(s),
            PrincipalEvent::KeyRevoked { id, reason } => {
                KeyRevoked { id: id.clone(), reason: reason.clone() }.serialize(s)
            }
            PrincipalEvent::TokenBlocked { token, reason }
            | PrincipalEvent::TokenUnblocked { token, reason } => {
                TokenNamed::of(token, reason.as_ref()).serialize(s)
            }
        }
    }
}

/// Reads a principal event's `data`; `None` if the type or the version is not a principal's.
pub(crate) fn read_principal<'de, D: Deserializer<'de>>(
    type_name: &str,
    schema: u32,
    d: D,
) -> Result<Option<PrincipalEvent>, D::Error> {
    Ok(Some(match (type_name, schema) {
        ("principal_created", 1) => PrincipalEvent::Created(Shape::read(d)?),
        ("principal_updated", 1) => PrincipalEvent::Updated(Shape::read(d)?),
        ("principal_enabled", 1) => {
            Empty::deserialize(d)?;
            PrincipalEvent::Enabled
        }
        ("principal_disabled", 1) => {
            PrincipalEvent::Disabled { reason: Disabled::deserialize(d)?.reason }
        }
        ("api_key_issued", 1) => {
            let KeyIssued { id, digest, environment, label, expires_at } =
                KeyIssued::deserialize(d)?;
            PrincipalEvent::KeyIssued { id, digest, environment, label, expires_at }
        }
        ("api_key_revoked", 1) => {
            let KeyRevoked { id, reason } = KeyRevoked::deserialize(d)?;
            PrincipalEvent::KeyRevoked { id, reason }
        }
        ("token_blocked", 1) => {
            let (token, reason) = TokenNamed::read(d)?;
            PrincipalEvent::TokenBlocked { token, reason }
        }
        ("token_unblocked", 1) => {
            let (token, reason) = TokenNamed::read(d)?;
            PrincipalEvent::TokenUnblocked { token, reason }
        }
        _ => return Ok(None),
    }))
}

/// Returns the schema of the `data` of these types.
pub(crate) fn access_schema(type_name: &str) -> Option<Schema> {
    Some(match type_name {
        "principal_created" => schema_for!(PrincipalDraftV1),
        "principal_updated" => schema_for!(PrincipalRevisionV1),
        "principal_enabled" => schema_for!(Empty),
        "principal_disabled" => schema_for!(Disabled),
        "api_key_issued" => schema_for!(KeyIssued),
        "api_key_revoked" => schema_for!(KeyRevoked),
        "token_blocked" | "token_unblocked" => schema_for!(TokenNamed),
        "secret_revealed" => schema_for!(SecretRevealedV1),
        _ => return None,
    })
}

/// `[when, why]` of a revocation.
type Revocation = Option<(Micros, Option<Prose>)>;

mod revocation {
    use super::Written;
    use super::{
        Deserialize, Deserializer, Micros, Prose, Read, Revocation, Serialize, Serializer,
    };

    pub(super) fn serialize<S: Serializer>(value: &Revocation, s: S) -> Result<S::Ok, S::Error> {
        let parts = value.as_ref().map(|(at, why)| (Written(at), why.as_ref().map(Written)));
        parts.serialize(s)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Revocation, D::Error> {
        type Parts = Option<(Read<Micros>, Option<Read<Prose>>)>;
        let parts = Parts::deserialize(d)?;
        Ok(parts.map(|(at, why)| (at.0, why.map(|read| read.0))))
    }
}

/// `[subject, token id, since, by]` of each block.
mod blocks {
    use super::{
        Actor, BTreeMap, Deserialize, Deserializer, Line, Micros, Read, Serializer, TokenBlock,
        TokenRef, Written,
    };

    type Blocks = BTreeMap<TokenRef, TokenBlock>;

    pub(super) fn serialize<S: Serializer>(blocks: &Blocks, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(blocks.iter().map(|(token, block)| {
            let names = (token.subject().map(Written), token.id().map(Written));
            (names.0, names.1, Written(&block.since), Written(&block.by))
        }))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Blocks, D::Error> {
        type Row = (Option<Read<Line>>, Option<Read<Line>>, Read<Micros>, Read<Actor>);
        let read = |(subject, id, since, by): Row| {
            let token = TokenRef::of(subject.map(|read| read.0), id.map(|read| read.0));
            let token = token.map_err(serde::de::Error::custom)?;
            Ok((token, TokenBlock { since: since.0, by: by.0 }))
        };
        Vec::<Row>::deserialize(d)?.into_iter().map(read).collect()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ApiKey")]
struct ApiKeyV1 {
    #[serde(with = "shape")]
    digest: KeyDigest,
    #[serde(with = "shape")]
    environment: Environment,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    label: Option<Line>,
    #[serde(with = "shape")]
    issued_at: Micros,
    #[serde(with = "shape")]
    issued_by: Actor,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Micros>,
    #[serde(with = "revocation", default, skip_serializing_if = "Option::is_none")]
    revoked: Revocation,
}

/// A principal's row. Like a connection's, it is rebuilt from the log whenever its form changes.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Principal")]
struct StoredPrincipal {
    #[serde(with = "shape")]
    name: PrincipalName,
    #[serde(with = "shape")]
    kind: PrincipalKind,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    display_name: Option<Line>,
    #[serde(with = "shape")]
    grants: Vec<Grant>,
    enabled: bool,
    #[serde(with = "shape")]
    keys: BTreeMap<ApiKeyId, ApiKey>,
    #[serde(with = "blocks", default, skip_serializing_if = "BTreeMap::is_empty")]
    blocks: BTreeMap<TokenRef, TokenBlock>,
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

/// Returns the stored bytes of a principal's row.
pub fn encode_principal_row(principal: &Principal) -> Vec<u8> {
    serde_json::to_vec(&Written(principal)).expect("checked values always have a JSON form")
}

/// Parses the stored bytes of a principal's row.
pub fn decode_principal_row(bytes: &[u8]) -> Result<Principal, serde_json::Error> {
    serde_json::from_slice::<Read<Principal>>(bytes).map(|read| read.0)
}
