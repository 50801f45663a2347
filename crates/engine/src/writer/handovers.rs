//! Decides about handovers. Those of secrets are among the reveals of their connection; those of
//! keys are in a stream of their own for each principal.

use std::sync::Arc;
use std::time::Duration;

use ledger_contract::Moment;
use ledger_contract::records::{self, StreamId};
use ledger_domain::principal::{ApiKeyId, KeyDigest};
use ledger_domain::{
    CheckedText as _, Connection, ConnectionId, Expected, HandOver, HandOverKey, Handover,
    HandoverCommand, HandoverContent, HandoverEnd, HandoverEvent, HandoverId, HandoverSource,
    Micros, Principal, PrincipalCommand, PrincipalName, Prose, Rejection, RevealSecret, Sealed,
    Version, decide_hand_over, decide_hand_over_key, decide_handover,
};
use ledger_store::tables::StreamKey;

use super::decider::Decider;
use super::{Effect, Envelope};
use crate::access::same_digest;
use crate::errors::{ConnectionUnknown, ExecuteError, Fault};
use crate::handovers;
use crate::replication::{ValueBeside, handover_name};

/// A request to hand values over.
#[derive(Debug)]
pub(crate) struct Wrapping {
    pub(crate) id: HandoverId,
    pub(crate) digest: KeyDigest,
    pub(crate) until: Moment,
    pub(crate) receiver: Option<PrincipalName>,
    pub(crate) reveal: RevealSecret,
}

/// A request to hand a key over that the same command issues.
#[derive(Debug)]
pub(crate) struct KeyWrapping {
    pub(crate) id: HandoverId,
    pub(crate) digest: KeyDigest,
    pub(crate) until: Moment,
    pub(crate) receiver: Option<PrincipalName>,
    /// The key as the token opens it.
    pub(crate) sealed: Sealed,
}

/// The result of a command to a handover.
pub(super) struct HandoverChanged {
    pub(super) version: Version,
    /// Its state before.
    pub(super) before: Arc<Handover>,
    /// The connection whose secrets it hands over, if it is one of secrets.
    pub(super) connection: Option<Arc<Connection>>,
    /// What follows on the event.
    pub(super) further: Option<Further>,
}

/// An event that follows on that of the command, in the same batch.
pub(super) enum Further {
    /// The key that was issued is handed over.
    KeyHandedOver(Box<(Envelope, Handover, HandoverEvent)>),
    /// A key is revoked that nobody received.
    KeyRevoked { principal: PrincipalName, key: ApiKeyId, cause: HandoverEnd },
}

/// What a handover is about, as it is now.
struct Source {
    connection: Option<Arc<Connection>>,
    principal: Option<Arc<Principal>>,
}

impl Source {
    fn states(&self) -> HandoverSource<'_> {
        let (connection, principal) = (self.connection.as_deref(), self.principal.as_deref());
        HandoverSource { connection, principal }
    }
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
            id: made.handover.clone(),
            digest: made.digest.clone(),
            content: HandoverContent::Values {
                connection: id,
                generations: made.generations.clone(),
                reason: made.reason.clone(),
            },
            until: made.until,
            receiver: made.receiver.clone(),
            workspace: connection.workspace.clone(),
            made_by: envelope.permit.actor().clone(),
            made_at: at,
            ended: None,
        };
        self.record_handover(envelope, state, &event, at)
    }

    /// Decides whether the key that `command` issues is handed over. It is recorded once that is
    /// accepted.
    pub(super) fn wrap_key(
        &self,
        envelope: &Envelope,
        principal: &PrincipalName,
        command: &PrincipalCommand,
        wrapping: KeyWrapping,
        at: Micros,
    ) -> Result<Further, ExecuteError> {
        let PrincipalCommand::IssueKey { id: key, expires_at, .. } = command else {
            return Err(Fault::bug("only a key that is issued is handed over").into());
        };
        // Whatever can fail comes before the key is issued.
        self.state.key_handovers(principal)?;
        let KeyWrapping { id, digest, until, receiver, sealed } = wrapping;
        let workspace = envelope.workspace.clone();
        let (key, key_end, until) = (key.clone(), *expires_at, until.time(at));
        let command = HandOverKey { id, digest, key, key_end, until, receiver };
        let event = decide_hand_over_key(command, self.state.pending_handovers(&workspace), at)?;
        let HandoverEvent::KeyMade(made) = &event else {
            return Err(Fault::bug("a handover was decided as something else").into());
        };
        let state = Handover {
            id: made.handover.clone(),
            digest: made.digest.clone(),
            content: HandoverContent::Key {
                principal: principal.clone(),
                key: made.key.clone(),
                sealed: Some(sealed),
            },
            until: made.until,
            receiver: made.receiver.clone(),
            workspace: workspace.clone(),
            made_by: envelope.permit.actor().clone(),
            made_at: at,
            ended: None,
        };
        let envelope = Envelope {
            workspace,
            // The receipt is that of the event before.
            fingerprint: None,
            permit: envelope.permit.clone(),
            expected: Expected::Any,
            deadline: None,
            provenance: envelope.provenance.clone(),
            span: tracing::Span::none(),
        };
        Ok(Further::KeyHandedOver(Box::new((envelope, state, event))))
    }

    /// Decides on a command to a handover. `digest` is that of the token in the request, if it is
    /// not the credential.
    pub(super) fn handover(
        &mut self,
        envelope: Envelope,
        id: &HandoverId,
        digest: Option<&KeyDigest>,
        command: HandoverCommand,
        at: Micros,
    ) -> Result<HandoverChanged, ExecuteError> {
        let known = self.state.handover(id);
        let is_it =
            |known: &Arc<Handover>| digest.is_none_or(|digest| same_digest(&known.digest, digest));
        let before = known.filter(is_it).ok_or(Rejection::HandoverUnknown)?;
        let source = self.source_of(&before)?;
        if matches!(command, HandoverCommand::Revoke { .. }) {
            may_revoke(&envelope, &before, &source)?;
        }
        let event = decide_handover(Some(&before), source.states(), command, at)?;
        let state = before.after(&event, at, envelope.permit.actor().clone());
        let further = match (&event, state.unreceived_key()) {
            (HandoverEvent::Ended { cause, .. }, Some((principal, key))) => {
                let (principal, key) = (principal.clone(), key.clone());
                Some(Further::KeyRevoked { principal, key, cause: *cause })
            }
            _ => None,
        };
        let version = self.record_handover(envelope, state, &event, at)?;
        Ok(HandoverChanged { version, before, connection: source.connection, further })
    }

    /// Adds an event that follows on that of the command.
    pub(super) fn record_further(
        &mut self,
        further: Further,
        at: Micros,
    ) -> Result<(), ExecuteError> {
        match further {
            Further::KeyHandedOver(made) => {
                let (envelope, state, event) = *made;
                self.record_handover(envelope, state, &event, at).map(drop)
            }
            Further::KeyRevoked { principal, key: id, cause } => {
                let holder = self.state.principal(&principal);
                let key = holder.as_ref().and_then(|holder| holder.keys.get(&id));
                let is_valid = key.is_some_and(|key| key.revoked.is_none());
                let envelope = self.following(handovers::ACTOR).filter(|_| is_valid);
                let Some(envelope) = envelope else { return Ok(()) };
                let reason = match cause {
                    HandoverEnd::Expired => "nobody received it: its handover expired",
                    HandoverEnd::Revoked => "nobody received it: its handover was revoked",
                };
                let reason = Some(Prose::stored(reason.into()));
                let command = PrincipalCommand::RevokeKey { id, reason };
                self.change_principal(envelope, &principal, command, at).map(drop)
            }
        }
    }

    /// Checks that the sender of a command may revoke a handover, if there is one with this id.
    pub(super) fn check_revoker(
        &mut self,
        envelope: &Envelope,
        id: &HandoverId,
    ) -> Result<(), ExecuteError> {
        let known = self.state.handover(id).ok_or(Rejection::HandoverUnknown)?;
        let source = self.source_of(&known)?;
        may_revoke(envelope, &known, &source)
    }

    fn source_of(&mut self, handover: &Handover) -> Result<Source, ExecuteError> {
        Ok(match &handover.content {
            HandoverContent::Values { connection, .. } => {
                let head = self.state.head(*connection)?.ok_or(ConnectionUnknown::Id)?;
                Source { connection: Some(head.connection), principal: None }
            }
            HandoverContent::Key { principal, .. } => {
                Source { connection: None, principal: self.state.principal(principal) }
            }
        })
    }

    fn record_handover(
        &mut self,
        mut envelope: Envelope,
        state: Handover,
        event: &HandoverEvent,
        at: Micros,
    ) -> Result<Version, ExecuteError> {
        // As a reveal, it belongs to the history of the home workspace.
        envelope.workspace = state.workspace.clone();
        let (stream, key, version, used) = match &state.content {
            HandoverContent::Values { connection: id, .. } => {
                let version = self.state.reveals(*id)?.next();
                self.state.set_reveals(*id, version);
                let used = self.state.head(*id)?.map(|head| head.ordinal);
                (StreamId::Reveals(*id), StreamKey::reveals(*id), version, used)
            }
            HandoverContent::Key { principal: name, .. } => {
                let version = self.state.key_handovers(name)?.next();
                self.state.set_key_handovers(name.clone(), version);
                (StreamId::Handovers(name.clone()), StreamKey::handovers(name), version, None)
            }
        };
        let metadata = self.metadata(envelope, stream, version, at);
        self.record.clear();
        records::encode_handover(&mut self.record, &metadata, event);
        if self.shared.log.is_set() {
            let value = records::encode_handover_row(&state);
            self.group.beside.add_bytes(value.len());
            if matches!(event, HandoverEvent::KeyMade(_)) {
                let name = handover_name(&state.id);
                let micros = state.until.get().saturating_sub(at.get());
                let lifetime = u64::try_from(micros).map(Duration::from_micros).ok();
                self.group.beside.add_value(ValueBeside { name, value, lifetime });
            }
        }
        let state = Arc::new(state);
        handovers::write(&mut self.group.batch, &self.shared.store, &state);
        self.state.set_handover(&state);
        let effect = Effect::Handover { state, used };
        self.append(metadata, key, event.type_name(), effect);
        Ok(version)
    }
}

/// Checks that the sender of a command may revoke a handover: who may reveal the secrets of its
/// connection, or administers the principal of its key. To others it does not exist.
fn may_revoke(
    envelope: &Envelope,
    handover: &Handover,
    source: &Source,
) -> Result<(), ExecuteError> {
    if handover.workspace != envelope.workspace {
        return Err(Rejection::HandoverUnknown.into());
    }
    if let Some(principal) = &source.principal {
        let may = envelope.permit.administers(principal);
        return if may { Ok(()) } else { Err(Rejection::HandoverUnknown.into()) };
    }
    let connection = source.connection.as_ref().ok_or(Rejection::HandoverUnknown)?;
    envelope.permit.check_before(connection).map_err(|error| match error {
        ExecuteError::ConnectionUnknown(_) => Rejection::HandoverUnknown.into(),
        other => other,
    })
}
