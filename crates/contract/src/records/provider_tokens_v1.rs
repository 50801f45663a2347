//! Version 1 of the data of events about tokens that the ledger gets from token services, and what
//! rows have of them.

use std::collections::{BTreeMap, BTreeSet};

use ledger_domain::connection::{AuthorizationGrant, HealthState, RefreshFailure};
use ledger_domain::{
    Event, EventId, FieldName, Generation, Micros, NewSecret, Prose, ProviderToken, Version,
};
use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::parts_v1::{is_default, mirrors};
use super::secrets_v1::NewSecretV1;
use crate::shape::{self, Read, Shape, Written};

mirrors!(StoredFailure => RefreshFailure, StoredToken => ProviderToken);

#[derive(Serialize)]
struct RefreshedData<'a> {
    secrets: Written<'a, BTreeMap<FieldName, NewSecret>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Written<'a, Micros>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<Written<'a, HealthState>>,
}

#[derive(Serialize)]
struct AuthorizedData<'a> {
    secrets: Written<'a, BTreeMap<FieldName, NewSecret>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<Written<'a, BTreeSet<FieldName>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Written<'a, Micros>>,
    grant: &'static str,
}

#[derive(Serialize)]
struct FailedData<'a> {
    reason: Written<'a, Prose>,
    gives_up: bool,
}

/// The data of such an event, to serialize. Other events are not written here.
pub(super) struct ProviderTokenOut<'a>(pub(super) &'a Event);

impl Serialize for ProviderTokenOut<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Event::TokenRefreshed { secrets, expires_at, health } => RefreshedData {
                secrets: Written(secrets),
                expires_at: expires_at.as_ref().map(Written),
                health: health.as_ref().map(Written),
            }
            .serialize(s),
            Event::RefreshFailed { reason, gives_up } => {
                FailedData { reason: Written(reason), gives_up: *gives_up }.serialize(s)
            }
            Event::Authorized { secrets, removed, expires_at, grant } => AuthorizedData {
                secrets: Written(secrets),
                removed: (!removed.is_empty()).then_some(Written(removed)),
                expires_at: expires_at.as_ref().map(Written),
                grant: grant.as_str(),
            }
            .serialize(s),
            _ => Err(serde::ser::Error::custom("not an event about a provider's token")),
        }
    }
}

#[derive(Deserialize, JsonSchema)]
struct RefreshedIn {
    /// The fields that got new values: the token, and what the next one is asked for with.
    #[schemars(with = "BTreeMap<String, NewSecretV1>")]
    secrets: Read<BTreeMap<FieldName, NewSecret>>,
    /// Until when the token is valid; absent if the settings changed while it was asked for.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    expires_at: Option<Read<Micros>>,
    /// The health that followed; absent if it stayed as it was.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    health: Option<Read<HealthState>>,
}

#[derive(Deserialize, JsonSchema)]
struct FailedIn {
    #[schemars(with = "String")]
    reason: Read<Prose>,
    /// Whether nothing is tried any more until somebody changes the connection.
    gives_up: bool,
}

#[derive(Deserialize, JsonSchema)]
struct AuthorizedIn {
    /// The fields that got new values: the token, and what the next one is asked for with.
    #[schemars(with = "BTreeMap<String, NewSecretV1>")]
    secrets: Read<BTreeMap<FieldName, NewSecret>>,
    /// The secret fields that were removed, because they belong to what was permitted before.
    #[serde(default)]
    #[schemars(with = "Option<BTreeSet<String>>")]
    removed: Option<Read<BTreeSet<FieldName>>>,
    /// Until when the token is valid; absent if that is not known.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    expires_at: Option<Read<Micros>>,
    /// How a person permitted it: `authorization_code` or `device_code`.
    grant: String,
}

/// Returns whether [`read`] reads the data of an event type in a version.
pub(super) fn is_known(type_name: &str, schema: u32) -> bool {
    schema == 1
        && matches!(
            type_name,
            "provider_token_refreshed" | "provider_token_failed" | "connection_authorized"
        )
}

/// Reads the data of such an event.
pub(super) fn read<'de, D: Deserializer<'de>>(type_name: &str, d: D) -> Result<Event, D::Error> {
    if type_name == "provider_token_failed" {
        let FailedIn { reason, gives_up } = FailedIn::deserialize(d)?;
        return Ok(Event::RefreshFailed { reason: reason.0, gives_up });
    }
    if type_name == "connection_authorized" {
        let AuthorizedIn { secrets, removed, expires_at, grant } = AuthorizedIn::deserialize(d)?;
        return Ok(Event::Authorized {
            secrets: secrets.0,
            removed: removed.map(|read| read.0).unwrap_or_default(),
            expires_at: expires_at.map(|read| read.0),
            grant: AuthorizationGrant::parse(&grant).map_err(serde::de::Error::custom)?,
        });
    }
    let RefreshedIn { secrets, expires_at, health } = RefreshedIn::deserialize(d)?;
    Ok(Event::TokenRefreshed {
        secrets: secrets.0,
        expires_at: expires_at.map(|read| read.0),
        health: health.map(|read| read.0),
    })
}

/// Returns the schema of the data of such an event.
pub(super) fn schema(type_name: &str) -> Option<Schema> {
    match type_name {
        "provider_token_refreshed" => Some(schema_for!(RefreshedIn)),
        "provider_token_failed" => Some(schema_for!(FailedIn)),
        "connection_authorized" => Some(schema_for!(AuthorizedIn)),
        _ => None,
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "RefreshFailure")]
struct StoredFailure {
    #[serde(with = "shape")]
    by: EventId,
    #[serde(default, skip_serializing_if = "is_default")]
    gives_up: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ProviderToken")]
struct StoredToken {
    #[serde(with = "shape", default, skip_serializing_if = "BTreeMap::is_empty")]
    obtained: BTreeMap<FieldName, Generation>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Micros>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    failure: Option<RefreshFailure>,
    #[serde(with = "shape", default, skip_serializing_if = "Option::is_none")]
    authorized: Option<Version>,
}
