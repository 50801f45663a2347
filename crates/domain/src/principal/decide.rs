//! Decides on commands to a principal.
//!
//! | command | absent | there |
//! |---|---|---|
//! | create | created | `principal_exists` |
//! | block a token | blocked | blocked, or `nothing_to_change` |
//! | unblock a token | `nothing_to_change` | unblocked, or `nothing_to_change` |
//! | every other | `principal_unknown` | its event, or its own refusal |
//!
//! Blocks of tokens are in a stream of their own, that of [`PrincipalName::of_tokens`], to which no
//! other command can be sent.
//!
//! [`PrincipalName::of_tokens`]: crate::PrincipalName::of_tokens

use super::command::{PrincipalCommand, PrincipalRevision};
use super::event::PrincipalEvent;
use super::grant::Grant;
use super::token::check_blocks;
use super::{ApiKeyId, Principal, Workspaces};
use crate::connection::{Patch, Rejection, at_most, check_expected};
use crate::ids::{Expected, Version};
use crate::limits;
use crate::text::InvalidField;

/// Decides on one command to a principal.
pub fn decide_principal(
    state: Option<&Principal>,
    expected: Expected,
    command: PrincipalCommand,
) -> Result<PrincipalEvent, Rejection> {
    check_expected(state.map_or(Version::ZERO, |principal| principal.version), expected)?;
    match (state, command) {
        (None, PrincipalCommand::Create(draft)) => {
            check_grants(&draft.grants)?;
            Ok(PrincipalEvent::Created(draft))
        }
        (None, PrincipalCommand::BlockToken { token, reason }) => {
            Ok(PrincipalEvent::TokenBlocked { token, reason })
        }
        (None, PrincipalCommand::UnblockToken { .. }) => Err(Rejection::NothingToChange),
        (None, _) => Err(Rejection::PrincipalUnknown),
        (Some(_), PrincipalCommand::Create(_)) => Err(Rejection::PrincipalExists),
        (Some(principal), command) => decide_there(principal, command),
    }
}

fn decide_there(
    principal: &Principal,
    command: PrincipalCommand,
) -> Result<PrincipalEvent, Rejection> {
    match command {
        PrincipalCommand::Create(_) => Err(Rejection::PrincipalExists),
        PrincipalCommand::BlockToken { token, reason } => {
            if principal.blocks.contains_key(&token) {
                return Err(Rejection::NothingToChange);
            }
            check_blocks(principal.blocks.len())?;
            Ok(PrincipalEvent::TokenBlocked { token, reason })
        }
        PrincipalCommand::UnblockToken { token, reason } => {
            if !principal.blocks.contains_key(&token) {
                return Err(Rejection::NothingToChange);
            }
            Ok(PrincipalEvent::TokenUnblocked { token, reason })
        }
        PrincipalCommand::Update(revision) => update(principal, revision),
        PrincipalCommand::Enable if principal.enabled => Err(Rejection::AlreadyEnabled),
        PrincipalCommand::Enable => Ok(PrincipalEvent::Enabled),
        PrincipalCommand::Disable { .. } if !principal.enabled => Err(Rejection::AlreadyDisabled),
        PrincipalCommand::Disable { reason } => Ok(PrincipalEvent::Disabled { reason }),
        PrincipalCommand::IssueKey { id, digest, environment, label, expires_at } => {
            check_room(principal, &id)?;
            Ok(PrincipalEvent::KeyIssued { id, digest, environment, label, expires_at })
        }
        PrincipalCommand::RevokeKey { id, reason } => {
            let live = principal.keys.get(&id).is_some_and(|key| key.revoked.is_none());
            if !live {
                return Err(Rejection::ApiKeyUnknown);
            }
            Ok(PrincipalEvent::KeyRevoked { id, reason })
        }
    }
}

fn update(principal: &Principal, revision: PrincipalRevision) -> Result<PrincipalEvent, Rejection> {
    if let Some(grants) = &revision.grants {
        check_grants(grants)?;
    }
    let display_name = revision.display_name.against(principal.display_name.as_ref());
    let grants = revision.grants.filter(|grants| *grants != principal.grants);
    if display_name == Patch::Keep && grants.is_none() {
        return Err(Rejection::NothingToChange);
    }
    Ok(PrincipalEvent::Updated(PrincipalRevision { display_name, grants }))
}

/// Checks that the principal may have one more key. Revoked keys do not count.
fn check_room(principal: &Principal, id: &ApiKeyId) -> Result<(), Rejection> {
    if principal.keys.contains_key(id) {
        return Err(InvalidField::new("id", "is already used by another key").into());
    }
    let live = principal.keys.values().filter(|key| key.revoked.is_none()).count();
    if live >= limits::API_KEYS {
        let problem = format!("must be at most {} keys that are not revoked", limits::API_KEYS);
        return Err(InvalidField::new("keys", problem).into());
    }
    Ok(())
}

/// Checks that no grant is empty and that grants are within their limits.
pub fn check_grants(grants: &[Grant]) -> Result<(), InvalidField> {
    at_most("grants", grants.len(), limits::PRINCIPAL_GRANTS)?;
    for grant in grants {
        if grant.scopes.is_empty() {
            return Err(InvalidField::new("grants.scopes", "must not be empty"));
        }
        if let Workspaces::Named(names) = &grant.workspaces {
            if names.is_empty() {
                return Err(InvalidField::new("grants.workspaces", "must not be empty"));
            }
            at_most("grants.workspaces", names.len(), limits::GRANT_WORKSPACES)?;
        }
        at_most("grants.providers", grant.providers.len(), limits::GRANT_PROVIDERS)?;
        at_most("grants.labels", grant.labels.len(), limits::GRANT_LABELS)?;
    }
    Ok(())
}
