//! Handovers, and what became of them.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use ledger_contract::queries::handovers::HANDOVERS_MAX;
use ledger_contract::queries::{HandoverView, HandoversAnswer};
use ledger_domain::principal::Scope;
use ledger_domain::{ConnectionId, Handover};
use ledger_store::ReadError;

use super::Reader;
use crate::errors::{Fault, Forbidden, QueryError, chain};
use crate::models::Models;

impl Reader<'_> {
    /// Returns the handovers of connections that the caller may audit: those that can still be used
    /// first, the newest first. Blocks.
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
        let is_here = |one: &Handover| self.workspace.is_none_or(|name| *name == one.workspace);
        let all = self.engine.shared.handovers.all();
        let mut all: Vec<_> = all.into_iter().filter(|one| is_here(one)).collect();
        all.sort_by_cached_key(|one| {
            (!one.is_pending(), Reverse(one.made_at), one.made.handover.clone())
        });
        let models = self.engine.shared.models.load();
        let mut may_see = HashMap::new();
        let mut handovers = Vec::new();
        for handover in all {
            let is_shown = match may_see.entry(handover.connection) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => *new.insert(self.may_audit(&models, handover.connection)?),
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
