//! Decides about handovers, whose events are among the reveals of their connection.

use std::sync::Arc;

use ledger_contract::Moment;
use ledger_contract::records::{self, StreamId};
use ledger_domain::principal::KeyDigest;
use ledger_domain::{
    Connection, ConnectionId, HandOver, Handover, HandoverCommand, HandoverEvent, HandoverId,
    Micros, PrincipalName, Rejection, RevealSecret, Version, decide_hand_over, decide_handover,
};
use ledger_store::tables::StreamKey;

use super::decider::Decider;
use super::{Effect, Envelope};
use crate::access::same_digest;
use crate::errors::{ConnectionUnknown, ExecuteError, Fault};
use crate::handovers;

/// A request to hand values over.
#[derive(Debug)]
pub(crate) struct Wrapping {
    pub(crate) id: HandoverId,
    pub(crate) digest: KeyDigest,
    pub(crate) until: Moment,
    pub(crate) receiver: Option<PrincipalName>,
    pub(crate) reveal: RevealSecret,
}

impl Decider {
    /// Decides whether values are handed over, and records it.
    pub(super) fn wrap(
        &mut self,
        envelope: Envelope,
        id: ConnectionId,
        wrapping: Wrapping,
        at: Micros,
    ) -> Result<Version, ExecuteError> {
        let connection = self.reached(&envelope, id)?.connection;
        let Wrapping { id: handover, digest, until, receiver, reveal } = wrapping;
        // The time of the record never goes back, and neither does the end of the handover.
        let command = HandOver { id: handover, digest, reveal, until: until.time(at), receiver };
        let pending = self.state.pending_handovers(&connection.workspace);
        let event = decide_hand_over(Some(&connection), command, pending, at)?;
        // As with a reveal, it is charged to who asks.
        self.take_reveal(&envelope.workspace, &connection.workspace, self.now(at))?;
        let HandoverEvent::Made(made) = &event else {
            return Err(Fault::bug("a handover was decided as something else").into());
        };
        let state = Handover {
            made: (**made).clone(),
            connection: id,
            workspace: connection.workspace.clone(),
            made_by: envelope.permit.actor().clone(),
            made_at: at,
            ended: None,
        };
        self.record_handover(envelope, state, &event, at)
    }

    /// Decides on a command to a handover. `digest` is that of the token in the request, if it is
    /// not the credential. Returns the connection whose secrets may be given out, if it is a use.
    pub(super) fn handover(
        &mut self,
        envelope: Envelope,
        id: &HandoverId,
        digest: Option<&KeyDigest>,
        command: HandoverCommand,
        at: Micros,
    ) -> Result<(ConnectionId, Version, Arc<Connection>), ExecuteError> {
        let known = self.state.handover(id);
        let is_it = |known: &Arc<Handover>| {
            digest.is_none_or(|digest| same_digest(&known.made.digest, digest))
        };
        let known = known.filter(is_it).ok_or(Rejection::HandoverUnknown)?;
        let head = self.state.head(known.connection)?.ok_or(ConnectionUnknown::Id)?;
        let connection = head.connection;
        if matches!(command, HandoverCommand::Revoke { .. }) {
            may_revoke(&envelope, &connection)?;
        }
        let event = decide_handover(Some(&known), Some(&connection), command, at)?;
        let state = known.after(&event, at, envelope.permit.actor().clone());
        let version = self.record_handover(envelope, state, &event, at)?;
        Ok((connection.id, version, connection))
    }

    /// Checks that the sender of a command may revoke a handover, if there is one with this id.
    pub(super) fn check_revoker(
        &mut self,
        envelope: &Envelope,
        id: &HandoverId,
    ) -> Result<(), ExecuteError> {
        let known = self.state.handover(id).ok_or(Rejection::HandoverUnknown)?;
        let head = self.state.head(known.connection)?.ok_or(ConnectionUnknown::Id)?;
        may_revoke(envelope, &head.connection)
    }

    fn record_handover(
        &mut self,
        mut envelope: Envelope,
        state: Handover,
        event: &HandoverEvent,
        at: Micros,
    ) -> Result<Version, ExecuteError> {
        let id = state.connection;
        // As a reveal, it belongs to the history of the home workspace.
        envelope.workspace = state.workspace.clone();
        let version = self.state.reveals(id)?.next();
        let metadata = self.metadata(envelope, StreamId::Reveals(id), version, at);
        self.record.clear();
        records::encode_handover(&mut self.record, &metadata, event);
        self.state.set_reveals(id, version);
        let state = Arc::new(state);
        handovers::write(&mut self.group.batch, &self.shared.store, &state);
        self.state.set_handover(&state);
        let used = self.state.head(id)?.map(|head| head.ordinal);
        let effect = Effect::Handover { state, used };
        self.append(metadata, StreamKey::reveals(id), event.type_name(), effect);
        Ok(version)
    }
}

/// Checks that the sender of a command may revoke a handover of this connection. To others it does
/// not exist.
fn may_revoke(envelope: &Envelope, connection: &Connection) -> Result<(), ExecuteError> {
    if connection.workspace != envelope.workspace {
        return Err(Rejection::HandoverUnknown.into());
    }
    envelope.permit.check_before(connection).map_err(|error| match error {
        ExecuteError::ConnectionUnknown(_) => Rejection::HandoverUnknown.into(),
        other => other,
    })
}
