//! What the claims of a token allow.

mod claim;
mod mapping;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use ledger_domain::WorkspaceName;
use ledger_domain::principal::{Grant, Workspaces};
use serde_json::{Map, Value};

pub use claim::ClaimPath;
pub use mapping::{Mapping, MappingForm};

/// How claims become grants.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    /// The claim that says what the bearer may do.
    pub claim: ClaimPath,
    /// The claim that says where, when there is one; without it in a token, nowhere.
    pub workspace_claim: Option<ClaimPath>,
    /// What each value of the claim stands for.
    pub mapping: Mapping,
}

impl Rights {
    /// Returns what claims allow; nothing, when they name nothing that is known.
    pub(crate) fn of(&self, claims: &Map<String, Value>) -> Vec<Grant> {
        let values: BTreeSet<&str> = self.claim.values(claims).into_iter().collect();
        let grants = values.into_iter().flat_map(|value| self.mapping.grants(value));
        match &self.workspace_claim {
            None => grants.collect(),
            Some(claim) => {
                let named: BTreeSet<_> =
                    claim.values(claims).into_iter().filter_map(name).collect();
                grants.filter_map(|grant| within(grant, &named)).collect()
            }
        }
    }
}

fn name(text: &str) -> Option<WorkspaceName> {
    WorkspaceName::parse("workspace", text).ok()
}

/// Takes everything from a grant that is not in `named` workspaces.
fn within(grant: Grant, named: &BTreeSet<WorkspaceName>) -> Option<Grant> {
    let left = match &grant.workspaces {
        Workspaces::All => named.clone(),
        Workspaces::Named(own) => own.intersection(named).cloned().collect(),
    };
    (!left.is_empty()).then_some(Grant { workspaces: Workspaces::Named(left), ..grant })
}
