//! Decides on commands: `(state, command) -> event or rejection`.
//!
//! | command | absent | active | archived | erased |
//! |---|---|---|---|---|
//! | create | created | `connection_exists` | `connection_exists` | `connection_exists` |
//! | restore | `connection_unknown` | `connection_not_archived` | restored | |
//! | erase | `connection_unknown` | erased | erased | |
//! | every other | `connection_unknown` | its event, or its own refusal | `connection_archived` | |
//!
//! What a token service gave out for a connection while it was archived is its event, too, if the
//! grant would be lost otherwise. An erased connection refuses every other command as
//! `connection_erased`.

use std::collections::BTreeSet;

use super::access::{Access, GrantScope};
use super::command::Command;
use super::dependents::{Dependent, DependentKey};
use super::draft::{Details, Draft, Revision, at_most};
use super::event::{Event, Reverted};
use super::health::HealthState;
use super::limits_of_use::Limits;
use super::models::ModelPolicy;
use super::pricing::Pricing;
use super::rejection::Rejection;
use super::{Connection, Lifecycle, provider_token, rotation, tested};
use crate::ids::{Expected, Version};
use crate::limits;
use crate::secret::Secret;
use crate::text::{FieldName, InvalidField, Prose};

/// Decides on one command: returns the event that it causes, or the reason for its refusal.
pub fn decide(
    state: Option<&Connection>,
    expected: Expected,
    command: Command,
) -> Result<Event, Rejection> {
    check_expected(state.map_or(Version::ZERO, |connection| connection.version), expected)?;
    match (state, command) {
        (None, Command::Create(draft)) => create(draft),
        (None, _) => Err(Rejection::ConnectionUnknown),
        (Some(_), Command::Create(_)) => Err(Rejection::ConnectionExists),
        (Some(connection), command) => match connection.lifecycle {
            Lifecycle::Active => decide_active(connection, command),
            Lifecycle::Archived { .. } => match command {
                Command::Restore { slug } => Ok(Event::Restored { slug }),
                Command::Erase { reason, force } => erase(connection, reason, force),
                Command::RefreshToken { outcome, of } => {
                    provider_token::refresh_archived(connection, *outcome, &of)
                }
                _ => Err(Rejection::ConnectionArchived),
            },
            Lifecycle::Erased { .. } => Err(Rejection::ConnectionErased),
        },
    }
}

/// Checks that the stream is at the version that the caller expects.
///
/// Errors: [`Rejection::VersionConflict`].
pub fn check_expected(actual: Version, expected: Expected) -> Result<(), Rejection> {
    match expected {
        Expected::Any => Ok(()),
        Expected::Absent if actual == Version::ZERO => Ok(()),
        Expected::At(version) if version == actual => Ok(()),
        Expected::Absent => Err(Rejection::VersionConflict { expected: "none".to_owned(), actual }),
        Expected::At(version) => {
            Err(Rejection::VersionConflict { expected: format!("version {version}"), actual })
        }
    }
}

/// Decides on a command to an active connection.
fn decide_active(state: &Connection, command: Command) -> Result<Event, Rejection> {
    match command {
        Command::Create(_) => Err(Rejection::ConnectionExists),
        Command::Restore { .. } => Err(Rejection::ConnectionNotArchived),
        Command::Update { revision, .. } => update(state, *revision),
        Command::RotateSecret { secrets, replaced } => rotation::rotate(state, secrets, replaced),
        Command::RetireFormer { fields, when } => rotation::retire(state, &fields, when),
        Command::CancelRotation { fields, now } => rotation::cancel(state, &fields, now),
        Command::Enable if state.enabled => Err(Rejection::AlreadyEnabled),
        Command::Enable => Ok(Event::Enabled),
        Command::Disable { .. } if !state.enabled => Err(Rejection::AlreadyDisabled),
        Command::Disable { reason } => Ok(Event::Disabled { reason }),
        Command::MarkDegraded { reason } => {
            check_health_differs(state, HealthState::Degraded, reason.as_ref())?;
            Ok(Event::MarkedDegraded { reason })
        }
        Command::MarkFailed { reason } => {
            check_health_differs(state, HealthState::Failed, reason.as_ref())?;
            Ok(Event::MarkedFailed { reason })
        }
        Command::MarkOperational { reason } => {
            check_health_differs(state, HealthState::Operational, reason.as_ref())?;
            Ok(Event::MarkedOperational { reason })
        }
        Command::TestConnection { result, tested } => {
            let health = tested::health_after(state, &result, tested);
            Ok(Event::Tested { result, health })
        }
        Command::RefreshToken { outcome, of } => provider_token::refresh(state, *outcome, &of),
        Command::Archive { reason, force } => archive(state, reason, force),
        Command::Erase { reason, force } => erase(state, reason, force),
        Command::GrantWorkspace { scope, limits } => grant(state, scope, limits),
        Command::RevokeWorkspace { scope } => revoke(state, scope),
        Command::SetLimits { scope, limits } => set_limits(state, scope, limits),
        Command::SetModelPolicy(policy) => set_model_policy(state, policy),
        Command::SetPricing(pricing) => set_pricing(state, pricing),
        Command::LinkDependent { key, dependent } => link_dependent(state, key, dependent),
        Command::UnlinkDependent { key } => unlink_dependent(state, key),
        Command::Revert { to, then, .. } => revert(state, to, then),
    }
}

fn create(draft: Box<Draft>) -> Result<Event, Rejection> {
    draft.details.check()?;
    at_most("secrets", draft.secrets.len(), limits::SECRET_FIELDS)?;
    check_access(&draft.access)?;
    if draft.access.workspaces.contains_key(&draft.workspace) {
        return Err(home_granted("access.workspaces").into());
    }
    at_most("models", draft.models.models.len(), limits::MODELS)?;
    check_disjoint(&draft.details, draft.secrets.keys())?;
    Ok(Event::Created(draft))
}

/// Checks that no field is both a setting and a secret, which would be ambiguous.
pub(super) fn check_disjoint<'a>(
    details: &Details,
    secrets: impl Iterator<Item = &'a FieldName>,
) -> Result<(), InvalidField> {
    for field in secrets {
        if details.config.contains_key(field) {
            let problem = "is in both config and secrets, but can be in only one of them";
            return Err(InvalidField::new(field.as_str(), problem));
        }
    }
    Ok(())
}

fn check_access(access: &Access) -> Result<(), InvalidField> {
    at_most("grants", access.workspaces.len(), limits::GRANTS)
}

fn update(state: &Connection, revision: Revision) -> Result<Event, Rejection> {
    let revision = revision.reduced(state);
    if revision == Revision::default() {
        return Err(Rejection::NothingToChange);
    }
    let details = state.details.revised(&revision);
    details.check()?;
    check_redactable(state, &details, &revision)?;
    let kept = state.secrets.keys().filter(|field| revision.secrets.get(*field) != Some(&None));
    let set = revision.secrets.iter().filter(|(_, value)| value.is_some()).map(|(field, _)| field);
    let fields: BTreeSet<&FieldName> = kept.chain(set).collect();
    at_most("secrets", fields.len(), limits::SECRET_FIELDS)?;
    check_disjoint(&details, fields.into_iter())?;
    let is_new = revision.secrets.values().any(Option::is_some);
    let health_unknown = is_new && has_report(state);
    Ok(Event::Updated(Box::new(Revision { health_unknown, ..revision })))
}

/// Checks that nothing is hidden that is still in use.
fn check_redactable(
    state: &Connection,
    details: &Details,
    revision: &Revision,
) -> Result<(), InvalidField> {
    // A secret hides the settings that had its name.
    let mut hides: BTreeSet<&FieldName> = revision.redact.iter().collect();
    hides.extend(revision.secrets.keys());
    hides.retain(|field| !state.redacted.contains_key(*field));
    if !hides.is_empty() {
        at_most("redact", state.redacted.len() + hides.len(), limits::REDACTED_FIELDS)?;
    }
    let stays =
        |field: &&FieldName| details.config.contains_key(*field) && !changes(revision, field);
    let Some(field) = revision.redact.iter().find(stays) else { return Ok(()) };
    let problem = format!("names {field}, which still has its value; remove or replace it as well");
    Err(InvalidField::new("redact", problem))
}

fn changes(revision: &Revision, field: &FieldName) -> bool {
    revision.config.contains_key(field)
}

/// Returns whether there is a report of health, which is one of the present secrets.
pub(super) fn has_report(state: &Connection) -> bool {
    state.health.state != HealthState::Unknown
}

fn check_health_differs(
    state: &Connection,
    new: HealthState,
    reason: Option<&Prose>,
) -> Result<(), Rejection> {
    if state.health.state == new && state.health.reason.as_ref() == reason {
        return Err(Rejection::HealthUnchanged);
    }
    Ok(())
}

fn archive(state: &Connection, reason: Option<Prose>, force: bool) -> Result<Event, Rejection> {
    check_unused(state, force)?;
    Ok(Event::Archived { reason })
}

fn erase(state: &Connection, reason: Prose, force: bool) -> Result<Event, Rejection> {
    check_unused(state, force)?;
    Ok(Event::Erased { slug: state.slug.clone(), reason })
}

fn check_unused(state: &Connection, force: bool) -> Result<(), Rejection> {
    if !force && !state.dependents.is_empty() {
        return Err(Rejection::ConnectionInUse { dependents: state.dependents.len() });
    }
    Ok(())
}

fn grant(state: &Connection, scope: GrantScope, limits: Limits) -> Result<Event, Rejection> {
    check_not_home(state, &scope)?;
    if state.access.limits(&scope) == Some(&limits) {
        return Err(Rejection::NothingToChange);
    }
    let mut after = state.access.clone();
    after.grant(scope.clone(), limits.clone());
    check_access(&after)?;
    Ok(Event::WorkspaceGranted { scope, limits })
}

fn check_not_home(state: &Connection, scope: &GrantScope) -> Result<(), InvalidField> {
    if *scope == GrantScope::Workspace(state.workspace.clone()) {
        return Err(home_granted("grant_to"));
    }
    Ok(())
}

fn home_granted(field: &str) -> InvalidField {
    InvalidField::new(field, "names the connection's home, which always has access")
}

fn revoke(state: &Connection, scope: GrantScope) -> Result<Event, Rejection> {
    check_not_home(state, &scope)?;
    let mut after = state.access.clone();
    after.revoke(scope.clone());
    if after == state.access {
        return Err(Rejection::GrantUnknown);
    }
    check_access(&after)?;
    Ok(Event::WorkspaceRevoked { scope })
}

fn set_limits(state: &Connection, scope: GrantScope, limits: Limits) -> Result<Event, Rejection> {
    match state.access.limits(&scope) {
        None => Err(Rejection::GrantUnknown),
        Some(current) if *current == limits => Err(Rejection::NothingToChange),
        Some(_) => Ok(Event::LimitsSet { scope, limits }),
    }
}

fn set_model_policy(state: &Connection, policy: ModelPolicy) -> Result<Event, Rejection> {
    at_most("models", policy.models.len(), limits::MODELS)?;
    if state.models == policy {
        return Err(Rejection::NothingToChange);
    }
    Ok(Event::ModelPolicySet(policy))
}

fn set_pricing(state: &Connection, pricing: Option<Pricing>) -> Result<Event, Rejection> {
    if state.pricing == pricing {
        return Err(Rejection::NothingToChange);
    }
    Ok(Event::PricingSet(pricing))
}

fn link_dependent(
    state: &Connection,
    key: DependentKey,
    dependent: Dependent,
) -> Result<Event, Rejection> {
    match state.dependents.get(&key) {
        Some(known) if *known == dependent => return Err(Rejection::NothingToChange),
        Some(_) => {}
        None => at_most("dependents", state.dependents.len() + 1, limits::DEPENDENTS)?,
    }
    Ok(Event::DependentLinked { key, dependent })
}

fn unlink_dependent(state: &Connection, key: DependentKey) -> Result<Event, Rejection> {
    if !state.dependents.contains_key(&key) {
        return Err(Rejection::DependentUnknown);
    }
    Ok(Event::DependentUnlinked { key })
}

fn revert(
    state: &Connection,
    to: Version,
    then: Option<Box<Connection>>,
) -> Result<Event, Rejection> {
    let Some(then) = then.filter(|_| to < state.version) else {
        return Err(Rejection::VersionUnknown { to, actual: state.version });
    };
    rotation::check_returning(state, &then.secrets)?;
    let mut reverted = Reverted {
        to,
        slug: then.slug,
        details: then.details,
        // What was kept beside them then is over.
        secrets: then.secrets.into_iter().map(|(field, old)| (field, old.original())).collect(),
        enabled: then.enabled,
        access: then.access,
        models: then.models,
        pricing: then.pricing,
        redact: BTreeSet::new(),
        destination: Vec::new(),
        health_unknown: false,
    };
    reverted.secrets.extend(provider_token::kept_by_revert(state, &reverted.details));
    if provider_token::has_dropped_grant(state, to, &reverted.details) {
        reverted.secrets.retain(|field, _| field.as_str() != provider_token::REFRESH_TOKEN);
    }
    if reverted.matches(state) {
        return Err(Rejection::NothingToChange);
    }
    let is_new = |(field, old): (&FieldName, &Secret)| {
        state.secrets.get(field).is_none_or(|now| now.held != old.held)
    };
    reverted.health_unknown = has_report(state) && reverted.secrets.iter().any(is_new);
    Ok(Event::Reverted(Box::new(reverted)))
}

impl Reverted {
    /// Returns whether `state` already has all these settings.
    fn matches(&self, state: &Connection) -> bool {
        let held_alike = self.secrets.len() == state.secrets.len()
            && self.secrets.iter().all(|(field, secret)| {
                state.secrets.get(field).is_some_and(|now| now.held == secret.held)
            });
        held_alike
            && self.slug == state.slug
            && self.details == state.details
            && self.enabled == state.enabled
            && self.access == state.access
            && self.models == state.models
            && self.pricing == state.pricing
    }
}
