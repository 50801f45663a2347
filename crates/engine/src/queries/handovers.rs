//! Handovers, and what became of them.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use ledger_contract::queries::handovers::HANDOVERS_MAX;
use ledger_contract::queries::{HandoverView, HandoversAnswer};
use ledger_domain::principal::{Grant, Scope};
use ledger_domain::{ConnectionId, Handover, HandoverContent};
use ledger_store::ReadError;

use super::Reader;
use crate::errors::{Fault, Forbidden, QueryError, chain};
use crate::models::Models;

impl Reader<'_> {
    /// Returns the handovers of connections that the caller may audit, and of keys of principals
    /// that the caller administers: those that can still be used first, the newest first. Blocks.
    ///
    /// Errors: `forbidden`.
    pub fn handovers(&self) -> Result<HandoversAnswer, QueryError> {
        let may = match self.workspace {
            Some(name) => self.caller.may_somewhere_in(Scope::Audit, name),
            None => self.caller.grants().iter().any(|grant| grant.scopes.contains(&Scope::Audit)),
        };
        if !may {
            return Err(Forbidden::Scope(Scope::Audit).into());
        }
        let all = self.engine.shared.handovers.all();
        let mut all: Vec<_> = all.into_iter().filter(|one| self.handover_is_here(one)).collect();
        all.sort_by_cached_key(|one| (!one.is_pending(), Reverse(one.made_at), one.id.clone()));
        let models = self.engine.shared.models.load();
        let mut may_see = HashMap::new();
        let mut handovers = Vec::new();
        for handover in all {
            let is_shown = match &handover.content {
                HandoverContent::Values { connection: id, .. } => match may_see.entry(*id) {
                    Entry::Occupied(known) => *known.get(),
                    Entry::Vacant(new) => *new.insert(self.may_audit(&models, *id)?),
                },
                HandoverContent::Key { principal, .. } => {
                    let holder = self.engine.shared.directory.principal(principal);
                    holder.is_some_and(|holder| self.caller.administers(&holder))
                }
            };
            if is_shown && handovers.len() == HANDOVERS_MAX {
                return Ok(HandoversAnswer { handovers, truncated: true });
            }
            if is_shown {
                handovers.push(HandoverView::of(&handover));
            }
        }
        Ok(HandoversAnswer { handovers, truncated: false })
    }

    /// Returns whether a handover belongs to the workspace that is asked about. One of a key
    /// belongs to those that its principal has a right in.
    fn handover_is_here(&self, handover: &Handover) -> bool {
        let Some(name) = self.workspace else { return true };
        match &handover.content {
            HandoverContent::Values { .. } => handover.workspace == *name,
            HandoverContent::Key { principal, .. } => {
                let holder = self.engine.shared.directory.principal(principal);
                let reaches = |grant: &Grant| grant.workspaces.contain(name);
                holder.is_some_and(|holder| holder.grants.iter().any(reaches))
            }
        }
    }

    /// Returns whether the caller may audit a connection. One whose row is damaged is shown to
    /// nobody, and does not take the others with it.
    fn may_audit(&self, models: &Models, connection: ConnectionId) -> Result<bool, QueryError> {
        match models.row(connection) {
            Ok(row) => {
                Ok(row.is_some_and(|row| self.caller.may_with(Scope::Audit, &row.connection)))
            }
            Err(Fault::Read(error @ ReadError::Altered { .. })) => {
                tracing::error!(
                    ledger.connection.id = %connection,
                    error = %chain(&error),
                    "the handovers of a connection are not listed"
                );
                Ok(false)
            }
            Err(fault) => Err(fault.into()),
        }
    }
}
