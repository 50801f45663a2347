//! All principals, in memory: few, read on every request, and rarely changed.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ledger_contract::records::decode_principal_row;
use ledger_domain::principal::{ApiKey, ApiKeyId, Grant, KeyDigest};
use ledger_domain::{Actor, CheckedText, Micros, Principal, PrincipalName, WorkspaceName};
use ledger_store::tables::connections;
use ledger_store::{AppendError, Store, Table};
use parking_lot::RwLock;
use subtle::ConstantTimeEq;

use super::uses::Uses;
use super::{Caller, Claim};
use crate::errors::{AuthenticateError, Fault};
use crate::quotas::KeyCounts;

/// Every principal and the holders of all keys.
#[derive(Debug, Default)]
pub(crate) struct PrincipalDirectory {
    pages: RwLock<Pages>,
    /// The number of changes so far.
    changes: AtomicU64,
    /// When keys were last used.
    pub(crate) uses: Uses,
}

#[derive(Debug, Default)]
struct Pages {
    principals: BTreeMap<PrincipalName, Arc<Principal>>,
    holders: HashMap<ApiKeyId, Holder>,
    counts: KeyCounts,
}

/// The holder of a key.
#[derive(Debug)]
struct Holder {
    principal: PrincipalName,
    actor: Actor,
    enabled: bool,
    grants: Arc<[Grant]>,
    key: ApiKey,
}

impl Holder {
    /// Returns the holder of one of a principal's keys. `grants` are those of the principal.
    fn of(principal: &Principal, grants: &Arc<[Grant]>, key: &ApiKey) -> Self {
        Self {
            principal: principal.name.clone(),
            actor: principal.actor(),
            enabled: principal.enabled,
            grants: grants.clone(),
            key: key.clone(),
        }
    }

    /// Returns the caller for a key, if the key is still valid. `seen` is the number of changes to
    /// principals before the holder was looked up.
    fn caller(&self, id: &ApiKeyId, seen: u64, now: Micros) -> Result<Caller, AuthenticateError> {
        if !self.enabled || self.key.revoked.is_some() {
            return Err(AuthenticateError::Revoked);
        }
        if !self.key.is_live(now) {
            return Err(AuthenticateError::Expired);
        }
        let caller = Caller::of_key(self.actor.clone(), self.grants.clone(), id.clone(), seen);
        Ok(match self.key.expires_at {
            Some(end) => caller.until(end),
            None => caller,
        })
    }
}

impl PrincipalDirectory {
    /// Loads all principals and the times at which keys were last used.
    pub(crate) fn load(store: &Store, table: &Table) -> Result<Self, Fault> {
        let uses = Uses::load(store)?;
        let directory = Self { pages: RwLock::default(), changes: AtomicU64::new(0), uses };
        for row in connections::principals(store, table) {
            let principal = decode_principal_row(&row?)
                .map_err(|source| Fault::Row { of: "a principal".to_owned(), source })?;
            directory.put(&Arc::new(principal));
        }
        Ok(directory)
    }

    /// Stores a principal's new state.
    pub(crate) fn put(&self, principal: &Arc<Principal>) {
        let grants: Arc<[Grant]> = principal.grants.clone().into();
        let mut pages = self.pages.write();
        let before = pages.principals.insert(principal.name.clone(), principal.clone());
        if let Some(before) = before {
            for id in before.keys.keys() {
                pages.holders.remove(id);
            }
            pages.counts.remove(&before);
        }
        pages.counts.add(principal);
        for (id, key) in &principal.keys {
            pages.holders.insert(id.clone(), Holder::of(principal, &grants, key));
        }
        drop(pages);
        // A reader of the new count also sees the new pages.
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// Returns the number of changes so far. While it stays the same, every key keeps its rights,
    /// unless it expires.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Returns the caller for a key. `id` is the key's public id, and `digest` that of the whole
    /// key.
    pub(crate) fn caller(
        &self,
        id: &ApiKeyId,
        digest: &KeyDigest,
        now: Micros,
    ) -> Result<Caller, AuthenticateError> {
        // Read before the pages, so that a later change is noticed when the caller is renewed.
        let seen = self.changes();
        let pages = self.pages.read();
        let holder = pages.holders.get(id).filter(|holder| same_digest(&holder.key.digest, digest));
        let holder = holder.ok_or(AuthenticateError::Unknown)?;
        let caller = holder.caller(id, seen, now)?;
        drop(pages);
        self.uses.note(id, now);
        Ok(caller)
    }

    /// Returns a caller who was verified earlier, with the present rights. Those of a token do not
    /// change, but it may be blocked.
    pub(crate) fn again(&self, caller: &Caller, now: Micros) -> Result<Caller, AuthenticateError> {
        let Some(id) = caller.key() else {
            return self.check_token(caller).map(|()| caller.clone());
        };
        let seen = self.changes();
        let pages = self.pages.read();
        // Keys that were revoked long ago are no longer here.
        let holder = pages.holders.get(id);
        holder.ok_or(AuthenticateError::Revoked)?.caller(id, seen, now)
    }

    /// Returns whoever would call with a key now, or `None` if the key is not accepted any more.
    pub(crate) fn caller_of(&self, id: &ApiKeyId, now: Micros) -> Option<Caller> {
        let seen = self.changes();
        self.pages.read().holders.get(id)?.caller(id, seen, now).ok()
    }

    /// Returns what is known of a key that is not accepted.
    /// `digest` is taken only if there is such a key.
    pub(crate) fn claim(&self, id: ApiKeyId, digest: impl FnOnce() -> KeyDigest) -> Claim {
        let pages = self.pages.read();
        let Some(holder) = pages.holders.get(&id) else { return Claim::default() };
        let is_whole = same_digest(&holder.key.digest, &digest());
        Claim { key: Some(id), actor: is_whole.then(|| holder.actor.clone()) }
    }

    /// Rejects the bearers of blocked tokens.
    pub(crate) fn check_token(&self, caller: &Caller) -> Result<(), AuthenticateError> {
        if caller.token().is_empty() {
            return Ok(());
        }
        let pages = self.pages.read();
        check_blocks(pages.principals.get(&PrincipalName::of_tokens()), caller)
    }

    /// Writes pending last uses to the store and removes those of deleted keys.
    pub(crate) fn write_uses(&self, store: &Store) -> Result<(), AppendError> {
        self.uses.write(store, |id| self.pages.read().holders.contains_key(id))
    }

    /// Returns a principal.
    pub(crate) fn principal(&self, name: &PrincipalName) -> Option<Arc<Principal>> {
        self.pages.read().principals.get(name).cloned()
    }

    /// Returns up to `most` principals of those to be shown whose names are greater than `after`,
    /// by name, and the number of all to be shown.
    pub(crate) fn page(
        &self,
        after: Option<&PrincipalName>,
        most: usize,
        shown: impl Fn(&Principal) -> bool,
    ) -> (Vec<Arc<Principal>>, u64) {
        let pages = self.pages.read();
        let shown = |(_, principal): &(&PrincipalName, &Arc<Principal>)| shown(principal);
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = pages.principals.range::<PrincipalName, _>((start, Bound::Unbounded));
        let found = rest.filter(shown).take(most).map(|(_, principal)| principal.clone());
        let total = pages.principals.iter().filter(shown).count();
        (found.collect(), u64::try_from(total).unwrap_or(u64::MAX))
    }

    /// Returns how many keys end soon.
    pub(crate) fn ending_soon(&self, now: Micros) -> u64 {
        let pages = self.pages.read();
        let enabled = pages.principals.values().filter(|principal| principal.enabled);
        let keys = enabled.flat_map(|principal| principal.keys.values());
        let number = keys.filter(|key| key.ends_soon(now)).count();
        u64::try_from(number).unwrap_or(u64::MAX)
    }

    /// Returns every principal, by name.
    pub(crate) fn principals(&self) -> Vec<Arc<Principal>> {
        self.pages.read().principals.values().cloned().collect()
    }

    /// Returns how many keys of a workspace are valid.
    pub(crate) fn live_keys(&self, workspace: &WorkspaceName, now: Micros) -> u64 {
        self.pages.read().counts.live(workspace, now)
    }

    /// Returns the principal that holds a key.
    pub(crate) fn holder(&self, id: &ApiKeyId) -> Option<Arc<Principal>> {
        let pages = self.pages.read();
        let holder = pages.holders.get(id)?;
        pages.principals.get(&holder.principal).cloned()
    }
}

/// Rejects the bearers of tokens that are blocked by `tokens`, the holder of all blocks.
pub(crate) fn check_blocks(
    tokens: Option<&Arc<Principal>>,
    caller: &Caller,
) -> Result<(), AuthenticateError> {
    let blocked = |name| tokens.is_some_and(|tokens| tokens.blocks.contains_key(name));
    if caller.token().iter().any(blocked) {
        return Err(AuthenticateError::TokenBlocked);
    }
    Ok(())
}

/// Returns the caller for a key of a principal in the given state, after `changes` changes to
/// principals.
pub(crate) fn caller_of(
    principal: &Principal,
    id: &ApiKeyId,
    changes: u64,
    now: Micros,
) -> Result<Caller, AuthenticateError> {
    let key = principal.keys.get(id).ok_or(AuthenticateError::Revoked)?;
    Holder::of(principal, &principal.grants.clone().into(), key).caller(id, changes, now)
}

/// Returns whether two digests are the same, in a time that does not depend on where they differ.
pub(crate) fn same_digest(one: &KeyDigest, other: &KeyDigest) -> bool {
    one.text().as_bytes().ct_eq(other.text().as_bytes()).into()
}
