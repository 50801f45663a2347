//! The query for the master keys, and what the status says of them.

use std::collections::BTreeSet;

use ledger_contract::master_keys::{MasterKeyState, MasterKeyStatus, MasterKeyView};
use ledger_contract::queries::MasterKeysAnswer;
use ledger_domain::Ledger;
use ledger_domain::principal::{Scope, Subject};
use ledger_store::ReadError;

use super::Reader;
use crate::engine::Engine;
use crate::errors::QueryError;

impl Reader<'_> {
    /// Returns the master keys, the active one first. Blocks.
    ///
    /// Errors: `forbidden`.
    pub fn master_keys(&self) -> Result<MasterKeysAnswer, QueryError> {
        self.caller.require(Scope::Administer, Subject::Ledger)?;
        let shared = &self.engine.shared;
        let ledger = shared.ledger_now()?;
        let held = shared.master_keys.key_ids();
        let Ledger { active, data_keys, retired, .. } = &ledger;
        let known: BTreeSet<_> = held
            .iter()
            .copied()
            .chain(data_keys.keys().copied())
            .chain(retired.iter().copied())
            .collect();
        let others = known.into_iter().filter(|key| key != active);
        let view = |key| MasterKeyView {
            id: format!("{key}"),
            state: if key == *active {
                MasterKeyState::Active
            } else if retired.contains(&key) {
                MasterKeyState::Retired
            } else {
                MasterKeyState::Former
            },
            data_keys: ledger.under_key(key),
            held: held.contains(&key),
        };
        Ok(MasterKeysAnswer {
            version: ledger.version.get(),
            source: shared.master_keys.source_name(),
            keys: std::iter::once(*active).chain(others).map(view).collect(),
            sealed: self.engine.is_sealed(),
            shares: shared.master_keys.shares.view(),
            rewrapping: ledger.is_rewrapping,
            rewrap: self.engine.rewrap_status(),
        })
    }
}

impl Engine {
    /// Returns what the ledger's status says of its master keys.
    pub(crate) fn master_key_status(&self) -> Result<MasterKeyStatus, ReadError> {
        let ledger = self.shared.ledger_now()?;
        Ok(MasterKeyStatus {
            active: ledger.active.to_string(),
            left_behind: ledger.left_behind(),
            sealed: self.is_sealed(),
            rewrap: self.rewrap_status(),
        })
    }
}
