//! Everyone who may ask, in memory: small, read at every request, changed seldom.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ledger_contract::errors::{Code, Problem};
use ledger_contract::records::decode_principal_row;
use ledger_domain::principal::{ApiKey, ApiKeyId, Grant, KeyDigest};
use ledger_domain::{Actor, CheckedText, Micros, Principal, PrincipalName};
use ledger_store::tables::connections;
use ledger_store::{Store, Table};
use parking_lot::RwLock;
use subtle::ConstantTimeEq;

use super::Caller;
use crate::faults;

/// How exactly the last use of a key is remembered, in microseconds.
const LAST_USE_MICROS: i64 = 60_000_000;

/// Every principal, and who has which key.
#[derive(Debug, Default)]
pub(crate) struct Book(RwLock<Pages>);

#[derive(Debug, Default)]
struct Pages {
    principals: BTreeMap<PrincipalName, Arc<Principal>>,
    holders: HashMap<ApiKeyId, Holder>,
    last_used: HashMap<ApiKeyId, Micros>,
}

/// Who a key stands for.
#[derive(Debug)]
struct Holder {
    principal: PrincipalName,
    actor: Actor,
    enabled: bool,
    grants: Arc<[Grant]>,
    key: ApiKey,
}

impl Book {
    /// Reads every principal's row.
    pub(crate) fn load(store: &Store, table: &Table) -> Result<Self, Problem> {
        let book = Self::default();
        for row in connections::principals(store, table) {
            let row = row.map_err(|error| faults::from_read(&error))?;
            let principal = decode_principal_row(&row)
                .map_err(|error| faults::corrupt_row("a principal", &error))?;
            book.put(Arc::new(principal));
        }
        Ok(book)
    }

    /// Takes a principal's new state in.
    pub(crate) fn put(&self, principal: Arc<Principal>) {
        let grants: Arc<[Grant]> = principal.grants.clone().into();
        let mut pages = self.0.write();
        pages.holders.retain(|_, holder| holder.principal != principal.name);
        for (id, key) in &principal.keys {
            let holder = Holder {
                principal: principal.name.clone(),
                actor: principal.actor(),
                enabled: principal.enabled,
                grants: grants.clone(),
                key: key.clone(),
            };
            pages.holders.insert(id.clone(), holder);
        }
        pages.principals.insert(principal.name.clone(), principal);
    }

    /// Returns who a key stands for. `id` is the key's own; `digest` is that of the whole key.
    pub(crate) fn caller(
        &self,
        id: &ApiKeyId,
        digest: &KeyDigest,
        now: Micros,
    ) -> Result<Caller, Problem> {
        let pages = self.0.read();
        let holder = pages.holders.get(id).filter(|holder| same(&holder.key.digest, digest));
        let holder = holder.ok_or_else(|| Problem::new(Code::CredentialInvalid))?;
        if !holder.enabled || holder.key.revoked.is_some() {
            return Err(Problem::new(Code::CredentialRevoked));
        }
        if !holder.key.is_live(now) {
            return Err(Problem::new(Code::CredentialExpired));
        }
        let caller = Caller::of_key(holder.actor.clone(), holder.grants.clone(), id.clone());
        let noted = pages
            .last_used
            .get(id)
            .is_some_and(|last| now.get().saturating_sub(last.get()) < LAST_USE_MICROS);
        drop(pages);
        if !noted {
            self.0.write().last_used.insert(id.clone(), now);
        }
        Ok(caller)
    }

    /// Returns a principal.
    pub(crate) fn principal(&self, name: &PrincipalName) -> Option<Arc<Principal>> {
        self.0.read().principals.get(name).cloned()
    }

    /// Returns every principal, by name.
    pub(crate) fn principals(&self) -> Vec<Arc<Principal>> {
        self.0.read().principals.values().cloned().collect()
    }

    /// Returns the principal that has a key.
    pub(crate) fn holder(&self, id: &ApiKeyId) -> Option<Arc<Principal>> {
        let pages = self.0.read();
        let holder = pages.holders.get(id)?;
        pages.principals.get(&holder.principal).cloned()
    }

    /// Returns when a key was last used since the start, to the minute.
    pub(crate) fn last_used(&self, id: &ApiKeyId) -> Option<Micros> {
        self.0.read().last_used.get(id).copied()
    }
}

fn same(one: &KeyDigest, other: &KeyDigest) -> bool {
    one.text().as_bytes().ct_eq(other.text().as_bytes()).into()
}
