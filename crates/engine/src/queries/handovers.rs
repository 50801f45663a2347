//! Handovers, and what became of them.

use std::cmp::Reverse;

use ledger_contract::queries::handovers::HANDOVERS_MAX;
use ledger_contract::queries::{HandoverView, HandoversAnswer};
use ledger_domain::Handover;
use ledger_domain::principal::Scope;

use super::Reader;
use crate::errors::{Forbidden, QueryError};

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
        let mut shown = Vec::new();
        for handover in self.engine.shared.handovers.all() {
            if self.is_shown(&handover)? {
                shown.push(handover);
            }
        }
        shown.sort_by_key(|one| {
            (!one.is_pending(), Reverse(one.made_at), one.made.handover.clone())
        });
        let truncated = shown.len() > HANDOVERS_MAX;
        let views = shown.iter().take(HANDOVERS_MAX).map(|one| HandoverView::of(one));
        Ok(HandoversAnswer { handovers: views.collect(), truncated })
    }

    fn is_shown(&self, handover: &Handover) -> Result<bool, QueryError> {
        if self.workspace.is_some_and(|name| *name != handover.workspace) {
            return Ok(false);
        }
        let row = self.engine.shared.models.load().row(handover.connection)?;
        Ok(row.is_some_and(|row| self.caller.may_with(Scope::Audit, &row.connection)))
    }
}
