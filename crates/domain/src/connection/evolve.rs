//! Applies an event to the state. Never fails, because the event has already happened.

use std::collections::BTreeMap;

use super::access::Access;
use super::draft::{Details, Draft, Revision};
use super::event::{Event, EventFacts, Reverted};
use super::health::{Health, HealthState};
use super::models::ModelPolicy;
use super::{Connection, Lifecycle, provider_token};
use crate::ids::Generation;
use crate::policies::Overdue;
use crate::secret::{Former, FormerEnd, NewSecret, Secret};
use crate::text::{CheckedText as _, FieldName, Line, Prose, Slug, WorkspaceName};

/// The provider that an erased connection is shown with, and the beginning of the slug under which
/// one is shown that was restored to before it was erased.
const ERASED: &str = "erased";

/// Returns the state after `event`. Without a state, only a creation has an effect; after any other
/// event the state is still absent.
pub fn evolve(state: Option<Connection>, event: Event, facts: &EventFacts) -> Option<Connection> {
    let Some(mut state) = state else {
        return match event {
            Event::Created(draft) => Some(created(*draft, facts)),
            Event::Emptied(emptied) => emptied.workspace.map(|home| {
                let slug = format!("{ERASED}-{}", facts.connection.uuid().simple());
                erased(home, Slug::stored(slug.into()), facts)
            }),
            _ => None,
        };
    };
    advance(&mut state, event, facts);
    Some(state)
}

/// Applies `event` to an existing state in place.
pub fn advance(state: &mut Connection, event: Event, facts: &EventFacts) {
    apply(state, event, facts);
    state.version = facts.version;
    state.position = facts.position;
    state.updated_at = facts.recorded_at;
    state.updated_by = facts.actor.clone();
}

fn created(draft: Draft, facts: &EventFacts) -> Connection {
    let secrets = draft
        .secrets
        .into_iter()
        .map(|(field, new)| (field, secret(Generation::new(1), new, facts)))
        .collect();
    Connection {
        id: facts.connection,
        workspace: draft.workspace,
        slug: draft.slug,
        details: draft.details,
        secrets,
        generations_removed: Generation::ZERO,
        compromised: BTreeMap::new(),
        redacted: BTreeMap::new(),
        lifecycle: Lifecycle::Active,
        enabled: draft.enabled,
        health: Health {
            state: HealthState::Unknown,
            reason: None,
            since: facts.recorded_at,
            by: facts.event_id,
        },
        access: draft.access,
        models: draft.models,
        pricing: draft.pricing,
        provider_token: None,
        dependents: BTreeMap::new(),
        version: facts.version,
        position: facts.position,
        created_at: facts.recorded_at,
        created_by: facts.actor.clone(),
        updated_at: facts.recorded_at,
        updated_by: facts.actor.clone(),
    }
}

/// Returns a connection of which nothing is known but where and when it was created.
fn erased(workspace: WorkspaceName, slug: Slug, facts: &EventFacts) -> Connection {
    Connection {
        id: facts.connection,
        workspace,
        slug,
        details: Details::of(Line::stored(ERASED.into())),
        secrets: BTreeMap::new(),
        generations_removed: Generation::ZERO,
        compromised: BTreeMap::new(),
        redacted: BTreeMap::new(),
        lifecycle: Lifecycle::Erased { at: facts.recorded_at },
        enabled: false,
        health: Health {
            state: HealthState::Unknown,
            reason: None,
            since: facts.recorded_at,
            by: facts.event_id,
        },
        access: Access::default(),
        models: ModelPolicy::default(),
        pricing: None,
        provider_token: None,
        dependents: BTreeMap::new(),
        version: facts.version,
        position: facts.position,
        created_at: facts.recorded_at,
        created_by: facts.actor.clone(),
        updated_at: facts.recorded_at,
        updated_by: facts.actor.clone(),
    }
}

/// Forgets everything but what no value follows from. The result does not depend on what the
/// earlier events said, so that it is the same after they were emptied.
fn erase(state: &mut Connection, slug: Slug, facts: &EventFacts) {
    let (created_at, created_by) = (state.created_at, state.created_by.clone());
    let nothing = erased(state.workspace.clone(), slug, facts);
    *state = Connection { created_at, created_by, ..nothing };
}

fn secret(generation: Generation, new: NewSecret, facts: &EventFacts) -> Secret {
    Secret {
        generation,
        held: new.held,
        hint: new.hint,
        set_at: facts.recorded_at,
        set_by: facts.event_id,
        came_back_of: None,
        former: None,
        overdue: false,
    }
}

#[expect(clippy::too_many_lines, reason = "one arm for each type of event")]
fn apply(state: &mut Connection, event: Event, facts: &EventFacts) {
    match event {
        Event::Created(draft) => *state = created(*draft, facts),
        Event::Updated(revision) => apply_revision(state, *revision, facts),
        Event::SecretRotated { secrets, former, compromised, health_unknown } => {
            for (field, generations) in compromised {
                state.compromised.entry(field).or_default().extend(generations);
            }
            for (field, new) in secrets {
                rotate(state, &field, new, former, facts);
            }
            provider_token::forget(state, true);
            forget_health(state, health_unknown, facts);
        }
        Event::FormerRetired { generations, .. } => {
            each_former(state, &generations, |secret| secret.former = None);
        }
        Event::FormerEndSet { generations, until } => {
            each_former(state, &generations, |secret| {
                if let Some(former) = &mut secret.former {
                    former.end.until = until;
                }
            });
        }
        Event::RotationCancelled { generations, health_unknown } => {
            each_former(state, &generations, |secret| take_back(secret, facts));
            provider_token::forget(state, true);
            forget_health(state, health_unknown, facts);
        }
        Event::SecretOverdue { overdue } => note_overdue(state, overdue),
        Event::Enabled => state.enabled = true,
        Event::Disabled { .. } => state.enabled = false,
        Event::MarkedDegraded { reason } => {
            set_health(state, HealthState::Degraded, reason, facts);
        }
        Event::MarkedFailed { reason } => set_health(state, HealthState::Failed, reason, facts),
        Event::MarkedOperational { reason } => {
            set_health(state, HealthState::Operational, reason, facts);
        }
        Event::Tested { result, health } => {
            if let Some(health) = health {
                set_health(state, health, Some(result.reason), facts);
            }
        }
        Event::TokenRefreshed { secrets, expires_at, health } => {
            let fields = secrets.keys().cloned().collect();
            set_secrets(state, secrets, facts);
            provider_token::note_obtained(state, fields, expires_at);
            if let Some(health) = health {
                set_health(state, health, None, facts);
            }
        }
        Event::RefreshFailed { reason, gives_up } => {
            let health = if gives_up { HealthState::Failed } else { HealthState::Degraded };
            set_health(state, health, Some(reason), facts);
            provider_token::note_failure(state, gives_up, facts);
        }
        Event::Authorized { secrets, removed, expires_at, grant: _ } => {
            let fields = secrets.keys().cloned().collect();
            let removed = removed.into_iter();
            let removed: Vec<_> =
                removed.filter_map(|field| state.secrets.remove_entry(&field)).collect();
            forget(state, removed, facts);
            set_secrets(state, secrets, facts);
            provider_token::note_obtained(state, fields, expires_at);
            provider_token::note_authorized(state, facts);
            set_health(state, HealthState::Operational, None, facts);
        }
        Event::Archived { .. } => {
            state.lifecycle = Lifecycle::Archived { at: facts.recorded_at };
            end_overlaps(state);
        }
        Event::Restored { slug } => {
            state.lifecycle = Lifecycle::Active;
            if let Some(slug) = slug {
                state.slug = slug;
            }
        }
        Event::Erased { slug, .. } => erase(state, slug, facts),
        // What it did was a step on the way to a state of which nothing is left.
        Event::Emptied(_) => {}
        Event::WorkspaceGranted { scope, limits } | Event::LimitsSet { scope, limits } => {
            state.access.grant(scope, limits);
        }
        Event::WorkspaceRevoked { scope } => state.access.revoke(scope),
        Event::ModelPolicySet(policy) => state.models = policy,
        Event::PricingSet(pricing) => state.pricing = pricing,
        Event::DependentLinked { key, dependent } => {
            state.dependents.insert(key, dependent);
        }
        Event::DependentUnlinked { key } => {
            state.dependents.remove(&key);
        }
        Event::Reverted(reverted) => apply_reverted(state, *reverted, facts),
    }
}

fn note_overdue(state: &mut Connection, overdue: BTreeMap<FieldName, Overdue>) {
    for (field, Overdue { generation, .. }) in overdue {
        let secret = state.secrets.get_mut(&field);
        if let Some(secret) = secret.filter(|secret| secret.generation == generation) {
            secret.overdue = true;
        }
    }
}

fn set_secret(state: &mut Connection, field: FieldName, new: NewSecret, facts: &EventFacts) {
    let generation = next_generation(state, &field);
    let former = state.secrets.get(&field).and_then(|before| before.former.as_deref());
    let returning = former.filter(|former| former.held == new.held);
    let came_back_of = returning.map(Former::came_first);
    state.secrets.insert(field, Secret { came_back_of, ..secret(generation, new, facts) });
}

/// Sets values of fields, of which some may be new.
fn set_secrets(
    state: &mut Connection,
    secrets: BTreeMap<FieldName, NewSecret>,
    facts: &EventFacts,
) {
    for (field, new) in secrets {
        redact_if_new(state, &field, facts);
        set_secret(state, field, new, facts);
    }
}

/// Replaces the value of a field, and keeps the one before it if the event says so.
fn rotate(
    state: &mut Connection,
    field: &FieldName,
    new: NewSecret,
    end: Option<FormerEnd>,
    facts: &EventFacts,
) {
    let before = state.secrets.get(field).cloned();
    set_secret(state, field.clone(), new, facts);
    let (Some(before), Some(end)) = (before, end) else { return };
    let Secret { generation, held, hint, came_back_of, .. } = before;
    if let Some(secret) = state.secrets.get_mut(field) {
        let former = Former { generation, held, hint, came_back_of, end };
        secret.former = Some(Box::new(former));
    }
}

/// Changes those secrets whose former generation is the given one.
fn each_former(
    state: &mut Connection,
    generations: &BTreeMap<FieldName, Generation>,
    change: impl Fn(&mut Secret),
) {
    for (field, generation) in generations {
        let secret = state.secrets.get_mut(field);
        let is_it = |secret: &&mut Secret| {
            secret.former.as_ref().is_some_and(|former| former.generation == *generation)
        };
        if let Some(secret) = secret.filter(is_it) {
            change(secret);
        }
    }
}

/// Puts the former value in the place of the current one, under a new generation.
fn take_back(current: &mut Secret, facts: &EventFacts) {
    let Some(former) = current.former.take() else { return };
    let came_back_of = Some(former.came_first());
    let Former { held, hint, .. } = *former;
    let back = secret(current.generation.next(), NewSecret { held, hint }, facts);
    *current = Secret { came_back_of, ..back };
}

/// Retires every former generation.
fn end_overlaps(state: &mut Connection) {
    for secret in state.secrets.values_mut() {
        secret.former = None;
    }
}

/// Returns the generation after all that the field has ever had, even if it was removed in between.
fn next_generation(state: &Connection, field: &FieldName) -> Generation {
    state.secrets.get(field).map_or(state.generations_removed, |secret| secret.generation).next()
}

/// Remembers the generations of removed secrets, and that settings of their names were secret.
fn forget(
    state: &mut Connection,
    removed: impl IntoIterator<Item = (FieldName, Secret)>,
    facts: &EventFacts,
) {
    for (field, secret) in removed {
        state.generations_removed = state.generations_removed.max(secret.generation);
        state.redacted.insert(field, facts.version);
    }
}

/// Hides what stood in the clear under the name of a new secret field.
fn redact_if_new(state: &mut Connection, field: &FieldName, facts: &EventFacts) {
    if !state.secrets.contains_key(field) {
        state.redacted.insert(field.clone(), facts.version);
    }
}

/// A report about secrets that were replaced says nothing about the new ones.
fn forget_health(state: &mut Connection, is_unknown: bool, facts: &EventFacts) {
    if is_unknown {
        set_health(state, HealthState::Unknown, None, facts);
    }
}

fn set_health(state: &mut Connection, new: HealthState, reason: Option<Prose>, facts: &EventFacts) {
    let since = if state.health.state == new { state.health.since } else { facts.recorded_at };
    state.health = Health { state: new, reason, since, by: facts.event_id };
}

fn apply_revision(state: &mut Connection, revision: Revision, facts: &EventFacts) {
    provider_token::forget(state, revision.asks_otherwise());
    state.details.revise(&revision);
    if let Some(slug) = revision.slug {
        state.slug = slug;
    }
    for (field, change) in revision.secrets {
        if let Some(new) = change {
            redact_if_new(state, &field, facts);
            set_secret(state, field, new, facts);
        } else {
            let removed = state.secrets.remove_entry(&field);
            forget(state, removed, facts);
        }
    }
    for field in revision.redact {
        state.redacted.insert(field, facts.version);
    }
    // A former value would be sent there, too, if its rotation were cancelled.
    if !revision.destination.is_empty() {
        end_overlaps(state);
    }
    forget_health(state, revision.health_unknown, facts);
}

fn apply_reverted(state: &mut Connection, reverted: Reverted, facts: &EventFacts) {
    let asks_otherwise = provider_token::asks_otherwise(state, &reverted);
    provider_token::forget(state, asks_otherwise);
    let mut secrets = BTreeMap::new();
    for (field, old) in reverted.secrets {
        redact_if_new(state, &field, facts);
        let secret = match state.secrets.remove(&field) {
            Some(now) if now.held == old.held => now,
            now => Secret {
                generation: now.map_or(state.generations_removed, |now| now.generation).next(),
                came_back_of: Some(old.generation),
                held: old.held,
                hint: old.hint,
                set_at: facts.recorded_at,
                set_by: facts.event_id,
                former: None,
                overdue: false,
            },
        };
        secrets.insert(field, secret);
    }
    let removed = std::mem::replace(&mut state.secrets, secrets);
    forget(state, removed, facts);
    for field in reverted.redact {
        state.redacted.insert(field, facts.version);
    }
    if !reverted.destination.is_empty() {
        end_overlaps(state);
    }
    forget_health(state, reverted.health_unknown, facts);
    state.slug = reverted.slug;
    state.details = reverted.details;
    state.enabled = reverted.enabled;
    state.access = reverted.access;
    state.models = reverted.models;
    state.pricing = reverted.pricing;
}
