//! How many valid keys each workspace has.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use ledger_domain::{Micros, Principal, WorkspaceName};

use super::workspaces_of;

/// The end of keys that never expire.
const NEVER: Micros = Micros::new(i64::MAX);

/// The number of keys that are not revoked, by the workspaces that the grants of their holders name
/// and by the time at which they expire.
#[derive(Debug, Default)]
pub(crate) struct KeyCounts(HashMap<WorkspaceName, BTreeMap<Micros, u64>>);

impl KeyCounts {
    /// Counts the keys of a principal.
    pub(crate) fn add(&mut self, principal: &Principal) {
        let ends = ends(principal);
        if ends.is_empty() {
            return;
        }
        for name in workspaces_of(principal) {
            let counts = self.0.entry(name.clone()).or_default();
            for end in &ends {
                *counts.entry(*end).or_default() += 1;
            }
        }
    }

    /// Takes back what [`Self::add`] has counted for the same state of a principal.
    pub(crate) fn remove(&mut self, principal: &Principal) {
        let ends = ends(principal);
        for name in workspaces_of(principal) {
            let Some(counts) = self.0.get_mut(name) else { continue };
            for end in &ends {
                match counts.get_mut(end) {
                    Some(count) if *count > 1 => *count -= 1,
                    _ => drop(counts.remove(end)),
                }
            }
            if counts.is_empty() {
                self.0.remove(name);
            }
        }
    }

    /// Returns how many keys of a workspace are valid.
    pub(crate) fn live(&self, workspace: &WorkspaceName, now: Micros) -> u64 {
        let later = (Bound::Excluded(now), Bound::Unbounded);
        self.0.get(workspace).map_or(0, |counts| counts.range(later).map(|(_, count)| count).sum())
    }
}

/// Returns when the keys of a principal expire that are not revoked.
fn ends(principal: &Principal) -> Vec<Micros> {
    let kept = principal.keys.values().filter(|key| key.revoked.is_none());
    kept.map(|key| key.expires_at.unwrap_or(NEVER)).collect()
}
