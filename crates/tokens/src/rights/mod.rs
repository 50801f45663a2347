//! Derives grants from the claims of a token.

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
    /// The claim that lists the bearer's rights.
    pub claim: ClaimPath,
    /// The claim that lists the permitted workspaces, if configured. A token without it then has no
    /// rights.
    pub workspace_claim: Option<ClaimPath>,
    /// The grants of each value of the claim.
    pub mapping: Mapping,
}

impl Rights {
    /// Returns the grants for the given claims, or none if no value is known.
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

/// Restricts a grant to the workspaces in `named`. Returns `None` if none remains.
fn within(grant: Grant, named: &BTreeSet<WorkspaceName>) -> Option<Grant> {
    let left = match &grant.workspaces {
        Workspaces::All => named.clone(),
        Workspaces::Named(own) => own.intersection(named).cloned().collect(),
    };
    (!left.is_empty()).then_some(Grant { workspaces: Workspaces::Named(left), ..grant })
}
