//! Tokens that the ledger gets from the token service of a provider, keeps, and refreshes.
//!
//! A token is the value of a secret field like any other. What is known of it beside that is
//! [`ProviderToken`].

use std::collections::BTreeMap;

use super::Connection;
use super::decide::check_disjoint;
use super::draft::{Details, Revision, at_most};
use super::event::{Event, EventFacts, Reverted};
use super::health::HealthState;
use super::rejection::Rejection;
use crate::ids::{EventId, Generation, Micros};
use crate::limits;
use crate::secret::{NewSecret, Secret};
use crate::text::{FieldName, Prose};

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
}

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
    /// The token service gave out a token.
    Obtained {
        /// The token, and what the next one is asked for with if the service replaced it.
        secrets: BTreeMap<FieldName, NewSecret>,
        /// Until when it is valid.
        expires_at: Micros,
    },
    /// It did not.
    Failed {
        /// Why, without anything of a secret.
        reason: Prose,
        /// Whether only a person can help.
        gives_up: bool,
    },
}

/// Decides on what came of an attempt that was made with the connection as it was in `of`.
pub(super) fn refresh(
    state: &Connection,
    outcome: RefreshOutcome,
    of: &Connection,
) -> Result<Event, Rejection> {
    if !has_tokens_of(state, of) {
        return Err(Rejection::RefreshSuperseded);
    }
    let is_current = state.asks_for_token_like(of);
    match outcome {
        RefreshOutcome::Obtained { mut secrets, expires_at } => {
            secrets.retain(|field, new| {
                state.secrets.get(field).is_none_or(|now| now.held != new.held)
            });
            let is_new = |field: &&FieldName| !state.secrets.contains_key(*field);
            let fields = state.secrets.len() + secrets.keys().filter(is_new).count();
            at_most("secrets", fields, limits::SECRET_FIELDS)?;
            check_disjoint(&state.details, secrets.keys())?;
            // What the service replaced is needed for the next token, whatever was changed since.
            let expires_at = is_current.then_some(expires_at);
            let health = health_of_success(state).filter(|_| is_current);
            Ok(Event::TokenRefreshed { secrets, expires_at, health })
        }
        RefreshOutcome::Failed { .. } if !is_current => Err(Rejection::RefreshSuperseded),
        RefreshOutcome::Failed { reason, gives_up } => {
            check_is_news(state, gives_up)?;
            Ok(Event::RefreshFailed { reason, gives_up })
        }
    }
}

/// Returns whether two states have the same tokens, so that no other attempt came between.
fn has_tokens_of(state: &Connection, of: &Connection) -> bool {
    [ACCESS_TOKEN, REFRESH_TOKEN].into_iter().all(|name| {
        let generation = |connection: &Connection| {
            let mut secrets = connection.secrets.iter();
            secrets.find(|(field, _)| field.as_str() == name).map(|(_, secret)| secret.generation)
        };
        generation(state) == generation(of)
    })
}

impl Connection {
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

/// Remembers what was obtained, after its values are set.
pub(super) fn note_obtained(
    state: &mut Connection,
    fields: Vec<FieldName>,
    expires_at: Option<Micros>,
) {
    let generation = |field: FieldName| {
        let secret = state.secrets.get(&field);
        secret.map(|secret| (field, secret.generation))
    };
    let obtained: Vec<_> = fields.into_iter().filter_map(generation).collect();
    let token = state.provider_token.get_or_insert_default();
    token.obtained.extend(obtained);
    token.expires_at = expires_at;
    token.failure = None;
}

/// Remembers a failure.
pub(super) fn note_failure(state: &mut Connection, gives_up: bool, facts: &EventFacts) {
    let token = state.provider_token.get_or_insert_default();
    token.failure = Some(RefreshFailure { by: facts.event_id, gives_up });
}

/// Forgets how long the token is valid and why there is none, if other settings or secrets are
/// asked with from now on.
pub(super) fn forget(state: &mut Connection, asks_otherwise: bool) {
    if asks_otherwise && let Some(token) = &mut state.provider_token {
        token.expires_at = None;
        token.failure = None;
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
