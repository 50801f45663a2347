//! Checks whether callers may send a command and see the outcome of an earlier one.
//!
//! Receipts are stored by workspace, whoever sent the command. An id may thus belong to a command
//! that is hidden from this caller, so rights are checked before the id.

use ledger_domain::{ConnectionId, LeaseCommand};
use ledger_store::tables::Receipt;

use super::decider::Decider;
use super::state::Head;
use super::{Envelope, LeaseWork, Work};
use crate::errors::{ConnectionUnknown, ExecuteError};
use crate::execute::Outcome;

impl Decider {
    /// Returns the outcome of a command id that is in use, if the caller may see it.
    pub(super) fn repeat(
        &mut self,
        envelope: &Envelope,
        receipt: &Receipt,
    ) -> Result<Option<Outcome>, ExecuteError> {
        let Envelope { permit, workspace, fingerprint: Some(fingerprint), .. } = envelope else {
            return Ok(None);
        };
        let head = receipt.connection.map(|id| self.state.head(id)).transpose()?.flatten();
        let state = head.as_ref().map(|head| &*head.connection);
        permit.repeat(workspace, fingerprint, &self.shared, receipt, state)
    }

    /// Rejects callers who may not send a command to its target.
    pub(super) fn check_sender(
        &mut self,
        work: &Work,
        envelope: &Envelope,
    ) -> Result<(), ExecuteError> {
        match work {
            Work::Connection { id, new_key, .. } => {
                self.head_for(envelope, *id, new_key.is_some()).map(drop)
            }
            Work::Consumer { id, .. } => self.head_for(envelope, *id, false).map(drop),
            Work::Lease(LeaseWork::Command { id, command: LeaseCommand::End { .. } }) => {
                self.head_for(envelope, *id, false).map(drop)
            }
            Work::Lease(LeaseWork::Command { id, .. }) => self.reached(envelope, *id).map(drop),
            // The rights for these were checked earlier; reveals have ids that the ledger
            // generated.
            Work::Workspace(_)
            | Work::Principal { .. }
            | Work::Reveal { .. }
            | Work::HandOver { .. }
            | Work::Policy(_)
            | Work::Alert(_)
            | Work::Overdue(_)
            | Work::Lease(_)
            | Work::Ledger(_) => Ok(()),
            Work::Handover { id, .. } => self.check_revoker(envelope, id),
        }
    }

    /// Returns the target connection of a command, or `None` for a new one. Rejects callers who may
    /// not send the command to it.
    pub(super) fn head_for(
        &mut self,
        envelope: &Envelope,
        id: ConnectionId,
        is_new: bool,
    ) -> Result<Option<Head>, ExecuteError> {
        self.known_workspace(&envelope.workspace)?;
        if is_new {
            envelope.permit.check_new(&envelope.workspace)?;
            return Ok(None);
        }
        let head = self.state.head(id)?;
        let head = head.filter(|head| head.connection.workspace == envelope.workspace);
        // Comes first: any other error could distinguish a missing connection from a hidden one.
        let head = head.ok_or(ConnectionUnknown::Id)?;
        envelope.permit.check_before(&head.connection)?;
        Ok(Some(head))
    }
}
