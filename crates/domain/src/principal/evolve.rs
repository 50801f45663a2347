//! Applies events to a principal. Never fails, because the events have already happened.

use std::collections::BTreeMap;

use super::event::PrincipalEvent;
use super::key::{ApiKey, ApiKeyId};
use super::token::TokenBlock;
use super::{Principal, PrincipalKind};
use crate::ids::{Actor, Micros, Position, Version};
use crate::limits;
use crate::text::PrincipalName;

/// The metadata of an event that the state depends on.
#[derive(Clone, Debug)]
pub struct PrincipalFacts {
    /// Name of the principal.
    pub name: PrincipalName,
    /// Version in the principal's stream.
    pub version: Version,
    /// Log position.
    pub position: Position,
    /// When it was recorded.
    pub recorded_at: Micros,
    /// Actor of the event.
    pub actor: Actor,
}

/// Returns the state after an event. Without a state, only a creation and a block have an
/// effect.
pub fn evolve_principal(
    state: Option<Principal>,
    event: PrincipalEvent,
    facts: &PrincipalFacts,
) -> Option<Principal> {
    let mut principal = match (state, event) {
        (_, PrincipalEvent::Created(draft)) => Principal {
            kind: draft.kind,
            display_name: draft.display_name,
            grants: draft.grants,
            ..nobody(facts)
        },
        (None, event @ PrincipalEvent::TokenBlocked { .. }) => {
            let mut tokens = nobody(facts);
            apply(&mut tokens, event, facts);
            tokens
        }
        (Some(mut principal), event) => {
            apply(&mut principal, event, facts);
            principal
        }
        (None, _) => return None,
    };
    principal.version = facts.version;
    principal.position = facts.position;
    principal.updated_at = facts.recorded_at;
    principal.updated_by = facts.actor.clone();
    Some(principal)
}

/// Returns a principal that may do nothing.
fn nobody(facts: &PrincipalFacts) -> Principal {
    Principal {
        name: facts.name.clone(),
        kind: PrincipalKind::Service,
        display_name: None,
        grants: Vec::new(),
        enabled: true,
        keys: BTreeMap::new(),
        blocks: BTreeMap::new(),
        version: facts.version,
        position: facts.position,
        created_at: facts.recorded_at,
        created_by: facts.actor.clone(),
        updated_at: facts.recorded_at,
        updated_by: facts.actor.clone(),
    }
}

fn apply(principal: &mut Principal, event: PrincipalEvent, facts: &PrincipalFacts) {
    match event {
        // Handled by the caller.
        PrincipalEvent::Created(_) => {}
        PrincipalEvent::Updated(revision) => {
            revision.display_name.apply(&mut principal.display_name);
            if let Some(grants) = revision.grants {
                principal.grants = grants;
            }
        }
        PrincipalEvent::Enabled => principal.enabled = true,
        PrincipalEvent::Disabled { .. } => principal.enabled = false,
        PrincipalEvent::KeyIssued { id, digest, environment, label, expires_at } => {
            let key = ApiKey {
                digest,
                environment,
                label,
                issued_at: facts.recorded_at,
                issued_by: facts.actor.clone(),
                expires_at,
                revoked: None,
            };
            principal.keys.insert(id, key);
            forget_oldest(&mut principal.keys);
        }
        PrincipalEvent::KeyRevoked { id, reason } => {
            if let Some(key) = principal.keys.get_mut(&id) {
                key.revoked = Some((facts.recorded_at, reason));
            }
        }
        PrincipalEvent::TokenBlocked { token, .. } => {
            let block = TokenBlock { since: facts.recorded_at, by: facts.actor.clone() };
            principal.blocks.insert(token, block);
        }
        PrincipalEvent::TokenUnblocked { token, .. } => drop(principal.blocks.remove(&token)),
    }
}

/// Drops the oldest revoked keys over the limit. The log still contains them.
fn forget_oldest(keys: &mut BTreeMap<ApiKeyId, ApiKey>) {
    let mut revoked: Vec<(Micros, ApiKeyId)> = keys
        .iter()
        .filter_map(|(id, key)| key.revoked.as_ref().map(|(at, _)| (*at, id.clone())))
        .collect();
    revoked.sort();
    let surplus = revoked.len().saturating_sub(limits::REVOKED_API_KEYS);
    for (_, id) in revoked.into_iter().take(surplus) {
        keys.remove(&id);
    }
}
