//! Who may send a command to what it is about, and who is told of an id that was used before.
//!
//! Receipts are kept for each workspace, whoever sent the commands. So an id may be that of a
//! command to something of which this caller may not know, and rights are looked at before it.

use ledger_domain::ConnectionId;
use ledger_store::tables::Receipt;

use super::decider::Decider;
use super::state::Head;
use super::{Envelope, Work};
use crate::errors::{ConnectionUnknown, ExecuteError};
use crate::execute::Outcome;

impl Decider {
    /// Returns the answer under an id that was used before, if its caller may know of it.
    pub(super) fn repeat(
        &mut self,
        envelope: &Envelope,
        receipt: &Receipt,
    ) -> Result<Option<Outcome>, ExecuteError> {
        let head = receipt.connection.map(|id| self.state.head(id)).transpose()?.flatten();
        let state = head.as_ref().map(|head| &*head.connection);
        envelope.permit.repeat(&envelope.workspace, envelope.fingerprint, receipt, state)
    }

    /// Refuses a caller who may not send a command to what it is about.
    pub(super) fn check_sender(
        &mut self,
        work: &Work,
        envelope: &Envelope,
    ) -> Result<(), ExecuteError> {
        match work {
            Work::Connection { id, new_key, .. } => {
                self.head_for(envelope, *id, new_key.is_some()).map(drop)
            }
            // What these take was settled before, and readings have ids that the ledger drew.
            Work::Workspace(_) | Work::Principal { .. } | Work::Reveal { .. } => Ok(()),
        }
    }

    /// Returns the connection that a command is about, none for one that is to be made, and
    /// refuses a caller who may not send the command to it.
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
        // Before anything else is said that could tell one that is not there from one of which
        // the caller may not know.
        let head = head.ok_or(ConnectionUnknown::Id)?;
        envelope.permit.check_before(&head.connection)?;
        Ok(Some(head))
    }
}
