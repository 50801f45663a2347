//! The query for the policies of secret fields.

use ledger_contract::queries::{SecretPoliciesAnswer, SecretPolicyView};
use ledger_contract::subjects;
use ledger_domain::principal::{Grant, Scope, Subject};

use super::Reader;
use crate::errors::{Forbidden, QueryError};

impl Reader<'_> {
    /// Returns the policies that hold in the workspace, or those of the whole ledger.
    ///
    /// Errors: `forbidden`.
    pub fn secret_policies(&self) -> Result<SecretPoliciesAnswer, QueryError> {
        let may = if let Some(name) = self.workspace {
            self.caller.may_somewhere_in(Scope::Read, name)
        } else {
            // These hold in every workspace.
            let reads = |grant: &Grant| grant.scopes.contains(&Scope::Read);
            self.caller.may(Scope::Read, Subject::Ledger) || self.caller.grants().iter().any(reads)
        };
        if !may {
            return Err(Forbidden::Scope(Scope::Read).into());
        }
        let all = self.engine.shared.policies.now();
        let of_ledger = all.of(&subjects::ledger_workspace());
        let mut policies: Vec<_> = SecretPolicyView::all_of(None, &of_ledger).collect();
        let mut version = of_ledger.version;
        if let Some(name) = self.workspace {
            let own = all.of(name);
            policies.extend(SecretPolicyView::all_of(Some(name), &own));
            version = own.version;
        }
        Ok(SecretPoliciesAnswer { policies, version: version.get() })
    }
}
