//! Tokens that the ledger gets from the token service of a provider, keeps, and refreshes.
//!
//! A token is the value of a secret field like any other. What is known of it beside that is
//! [`ProviderToken`].

use std::collections::{BTreeMap, BTreeSet};

use super::Connection;
use super::decide::check_disjoint;
use super::draft::{Details, Revision, at_most};
use super::event::{Event, EventFacts, Reverted};
use super::health::HealthState;
use super::rejection::Rejection;
use super::vocabulary::vocabulary;
use crate::ids::{EventId, Generation, Micros, Version};
use crate::limits;
use crate::secret::{NewSecret, Secret};
use crate::text::{FieldName, InvalidField, Prose};

/// The secret field that has the token.
pub const ACCESS_TOKEN: &str = "access_token";
/// The secret field that has what the next token is asked for with, which a token service may
/// replace with each one.
pub const REFRESH_TOKEN: &str = "refresh_token";

/// What is known of the token that the ledger got for a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProviderToken {
    /// The fields whose values a token service gave out, with the generation of the last one.
    pub obtained: BTreeMap<FieldName, Generation>,
    /// Until when the token is valid. Absent if there is none, or if the settings or secrets are
    /// others than those that it was got with.
    pub expires_at: Option<Micros>,
    /// The failure of the last attempt, if it failed.
    pub failure: Option<RefreshFailure>,
    /// The version by which a person last connected it, if one did.
    pub authorized: Option<Version>,
}

vocabulary!(
    /// How a person permits the ledger to get tokens.
    AuthorizationGrant, "grant", {
        /// By a link, and the code that comes back with the browser (RFC 6749, RFC 7636).
        AuthorizationCode = "authorization_code",
        /// By a code that is entered at another device (RFC 8628).
        DeviceCode = "device_code",
    }
);

/// An attempt to refresh a token failed, and the health tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshFailure {
    /// The event that recorded it.
    pub by: EventId,
    /// Whether nothing is tried any more until somebody changes the connection.
    pub gives_up: bool,
}

/// What came of an attempt to refresh a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefreshOutcome {
    /// The token service gave something out.
    Obtained {
        /// The token, and what the next one is asked for with if the service replaced it. The
        /// latter alone, if the answer had no token that can be used.
        secrets: BTreeMap<FieldName, NewSecret>,
        /// Until when it is valid.
        expires_at: Micros,
    },
    /// A person permitted the ledger to get tokens, and the token service gave out the first.
    Authorized {
        /// The token, and what the next one is asked for with if there is such a value.
        secrets: BTreeMap<FieldName, NewSecret>,
        /// Until when it is valid, if that is known.
        expires_at: Option<Micros>,
        /// How it was permitted.
        grant: AuthorizationGrant,
    },
    /// It did not.
    Failed {
        /// Why, without anything of a secret.
        reason: Prose,
        /// Whether only a person can help.
        gives_up: bool,
    },
}

/// Decides on what came of an attempt that was made with the active connection as it was in `of`.
pub(super) fn refresh(
    state: &Connection,
    outcome: RefreshOutcome,
    of: &Connection,
) -> Result<Event, Rejection> {
    if let RefreshOutcome::Authorized { secrets, expires_at, grant } = outcome {
        return authorize(state, secrets, expires_at, grant, of);
    }
    let has_other_token = generation(state, ACCESS_TOKEN) != generation(of, ACCESS_TOKEN);
    let is_current = state.asks_for_token_like(of);
    match outcome {
        RefreshOutcome::Obtained { secrets, .. } if has_other_token || !has_token(&secrets) => {
            keep_grant(state, secrets, of)
        }
        RefreshOutcome::Obtained { .. } if has_other_grant(state, of) => {
            Err(Rejection::RefreshSuperseded)
        }
        RefreshOutcome::Obtained { mut secrets, expires_at } => {
            retain_new(state, &mut secrets);
            if let Err(invalid) = check_fits(state, &secrets) {
                return keep_grant(state, secrets, of).map_err(|_| invalid.into());
            }
            // What the service replaced is needed for the next token, whatever was changed since.
            let expires_at = is_current.then_some(expires_at);
            let health = health_of_success(state).filter(|_| is_current);
            Ok(Event::TokenRefreshed { secrets, expires_at, health })
        }
        // It is decided above.
        RefreshOutcome::Authorized { .. } => Err(Rejection::RefreshSuperseded),
        RefreshOutcome::Failed { .. } if !is_current => Err(Rejection::RefreshSuperseded),
        RefreshOutcome::Failed { reason, gives_up } => {
            check_is_news(state, gives_up)?;
            Ok(Event::RefreshFailed { reason, gives_up })
        }
    }
}

/// Decides on an attempt that was made before the connection was archived. The service has taken
/// back what the connection holds, so what replaces it is kept for the day when it is restored.
pub(super) fn refresh_archived(
    state: &Connection,
    outcome: RefreshOutcome,
    of: &Connection,
) -> Result<Event, Rejection> {
    match outcome {
        RefreshOutcome::Obtained { secrets, .. } => {
            keep_grant(state, secrets, of).map_err(|_| Rejection::ConnectionArchived)
        }
        RefreshOutcome::Authorized { .. } | RefreshOutcome::Failed { .. } => {
            Err(Rejection::ConnectionArchived)
        }
    }
}

/// Keeps what the next token is asked for with, and nothing else that a service gave out.
fn keep_grant(
    state: &Connection,
    mut secrets: BTreeMap<FieldName, NewSecret>,
    of: &Connection,
) -> Result<Event, Rejection> {
    secrets.retain(|field, _| field.as_str() == REFRESH_TOKEN);
    retain_new(state, &mut secrets);
    if secrets.is_empty() || has_other_grant(state, of) {
        return Err(Rejection::RefreshSuperseded);
    }
    Ok(Event::TokenRefreshed { secrets, expires_at: None, health: None })
}

/// Decides on tokens that a person permitted to get. They go before those that a refresh brought
/// meanwhile, but not before those that another person permitted, and only with the settings that
/// the person saw.
fn authorize(
    state: &Connection,
    secrets: BTreeMap<FieldName, NewSecret>,
    expires_at: Option<Micros>,
    grant: AuthorizationGrant,
    of: &Connection,
) -> Result<Event, Rejection> {
    if state.authorized() != of.authorized() || !are_same_settings(&state.details, &of.details) {
        return Err(Rejection::RefreshSuperseded);
    }
    check_fits(state, &secrets)?;
    // What another person permitted before leads to tokens of another account, it may be.
    let is_left =
        |field: &&FieldName| field.as_str() == REFRESH_TOKEN && !secrets.contains_key(*field);
    let removed: BTreeSet<FieldName> = state.secrets.keys().filter(is_left).cloned().collect();
    let mut secrets = secrets;
    retain_new(state, &mut secrets);
    Ok(Event::Authorized { secrets, removed, expires_at, grant })
}

/// Checks that there is room for the token, whose field may be a setting by now.
fn check_fits(
    state: &Connection,
    secrets: &BTreeMap<FieldName, NewSecret>,
) -> Result<(), InvalidField> {
    let is_new = |field: &&FieldName| !state.secrets.contains_key(*field);
    let fields = state.secrets.len() + secrets.keys().filter(is_new).count();
    at_most("secrets", fields, limits::SECRET_FIELDS)?;
    check_disjoint(&state.details, secrets.keys())
}

fn retain_new(state: &Connection, secrets: &mut BTreeMap<FieldName, NewSecret>) {
    secrets.retain(|field, new| state.secrets.get(field).is_none_or(|now| now.held != new.held));
}

fn has_token(secrets: &BTreeMap<FieldName, NewSecret>) -> bool {
    secrets.keys().any(|field| field.as_str() == ACCESS_TOKEN)
}

/// Returns whether what tokens are asked for with was replaced since a state.
fn has_other_grant(state: &Connection, of: &Connection) -> bool {
    generation(state, REFRESH_TOKEN) != generation(of, REFRESH_TOKEN)
}

fn generation(connection: &Connection, name: &str) -> Option<Generation> {
    let mut secrets = connection.secrets.iter();
    secrets.find(|(field, _)| field.as_str() == name).map(|(_, secret)| secret.generation)
}

impl Connection {
    /// Returns the version by which a person last connected it, if one did.
    pub fn authorized(&self) -> Option<Version> {
        self.provider_token.as_ref()?.authorized
    }

    /// Returns whether a token is asked for in the same way as with another state of the
    /// connection: its settings and secrets are the same.
    pub fn asks_for_token_like(&self, other: &Self) -> bool {
        let generations = |connection: &Self| -> Vec<Generation> {
            connection.secrets.values().map(|secret| secret.generation).collect()
        };
        are_same_settings(&self.details, &other.details)
            && self.secrets.keys().eq(other.secrets.keys())
            && generations(self) == generations(other)
    }
}

fn are_same_settings(one: &Details, other: &Details) -> bool {
    one.auth_method == other.auth_method
        && one.provider == other.provider
        && one.config == other.config
}

/// A token shows that the credentials work. What others report about the connection stays.
fn health_of_success(state: &Connection) -> Option<HealthState> {
    let failed = state.provider_token.as_ref().and_then(|token| token.failure);
    let is_own = failed.is_some_and(|failure| failure.by == state.health.by);
    let recovers = is_own && state.health.state != HealthState::Operational;
    (recovers || state.health.state == HealthState::Unknown).then_some(HealthState::Operational)
}

/// A failure is recorded only if it changes what is known, so that many attempts are few events.
fn check_is_news(state: &Connection, gives_up: bool) -> Result<(), Rejection> {
    let shown = state.provider_token.as_ref().and_then(|token| token.failure);
    let shown = shown.filter(|failure| failure.by == state.health.by);
    let is_news = if gives_up {
        !shown.is_some_and(|failure| failure.gives_up)
    } else {
        matches!(state.health.state, HealthState::Unknown | HealthState::Operational)
    };
    if is_news { Ok(()) } else { Err(Rejection::HealthUnchanged) }
}

/// Remembers what was obtained, after its values are set. What is known of the token stays if it
/// has no part in that.
pub(super) fn note_obtained(
    state: &mut Connection,
    fields: Vec<FieldName>,
    expires_at: Option<Micros>,
) {
    let generation = |field: FieldName| {
        let secret = state.secrets.get(&field);
        secret.map(|secret| (field, secret.generation))
    };
    let is_of_token =
        expires_at.is_some() || fields.iter().any(|field| field.as_str() == ACCESS_TOKEN);
    let obtained: Vec<_> = fields.into_iter().filter_map(generation).collect();
    let token = state.provider_token.get_or_insert_default();
    token.obtained.extend(obtained);
    if is_of_token {
        token.expires_at = expires_at;
        token.failure = None;
    }
}

/// Remembers who permitted it.
pub(super) fn note_authorized(state: &mut Connection, facts: &EventFacts) {
    state.provider_token.get_or_insert_default().authorized = Some(facts.version);
}

/// Remembers a failure.
pub(super) fn note_failure(state: &mut Connection, gives_up: bool, facts: &EventFacts) {
    let token = state.provider_token.get_or_insert_default();
    token.failure = Some(RefreshFailure { by: facts.event_id, gives_up });
}

/// Forgets how long the token is valid, and that it was given up, if other settings or secrets are
/// asked with from now on. A failure stays known, so that the next token ends what it did to the
/// health.
pub(super) fn forget(state: &mut Connection, asks_otherwise: bool) {
    if asks_otherwise && let Some(token) = &mut state.provider_token {
        token.expires_at = None;
        if let Some(failure) = &mut token.failure {
            failure.gives_up = false;
        }
    }
}

impl Revision {
    /// Returns whether it changes with what a token is asked for.
    pub(super) fn asks_otherwise(&self) -> bool {
        self.auth_method.is_some()
            || self.provider.is_some()
            || !self.config.is_empty()
            || !self.secrets.is_empty()
    }
}

/// Returns whether a revert changes with what a token is asked for. Tokens themselves stay.
pub(super) fn asks_otherwise(state: &Connection, reverted: &Reverted) -> bool {
    let held = |secrets: &BTreeMap<FieldName, Secret>, field: &FieldName| {
        secrets.get(field).map(|secret| secret.held.clone())
    };
    let mut fields = state.secrets.keys().chain(reverted.secrets.keys());
    !are_same_settings(&state.details, &reverted.details)
        || fields.any(|field| held(&state.secrets, field) != held(&reverted.secrets, field))
}

/// Returns whether somebody connected the connection after a version without getting what further
/// tokens are asked for with: what it had of that before may be of another account.
pub(super) fn has_dropped_grant(state: &Connection, to: Version, then: &Details) -> bool {
    state.authorized().is_some_and(|at| at > to)
        && then.auth_method == state.details.auth_method
        && generation(state, REFRESH_TOKEN).is_none()
}

/// Returns the values that a token service gave out, as a revert to these settings keeps them: an
/// earlier token has expired, and what an earlier one was asked for with may have been used up.
pub(super) fn kept_by_revert(
    state: &Connection,
    then: &Details,
) -> impl Iterator<Item = (FieldName, Secret)> {
    let token = state.provider_token.as_ref();
    let token = token.filter(|_| then.auth_method == state.details.auth_method);
    token.into_iter().flat_map(|token| &token.obtained).filter_map(|(field, generation)| {
        let secret = state.secrets.get(field)?;
        let is_obtained = secret.generation == *generation;
        is_obtained.then(|| (field.clone(), secret.clone().original()))
    })
}
