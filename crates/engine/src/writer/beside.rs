//! Decides what is recorded beside a connection and does not change its version: reveals of its
//! secrets, and what its consumers say.

use std::sync::Arc;

use ledger_contract::records::{self, StreamId};
use ledger_domain::connection::{Keep, Replaced, Retirement};
use ledger_domain::{
    Command, Confirmation, Connection, ConnectionId, ConsumerCommand, Micros, Rejection,
    RevealSecret, SecretRevealed, Version, decide_consumer, decide_reveal,
};
use ledger_store::tables::{Receipt, StreamKey};

use super::decider::Decider;
use super::quotas::Taking;
use super::state::{ConsumersHead, Head};
use super::{Effect, Envelope};
use crate::errors::{ConnectionUnknown, ExecuteError};
use crate::models::Said;
use crate::overlaps::confirmed;

/// The result of a command about a consumer.
pub(super) enum ConsumerOutcome {
    /// It is recorded with this version.
    New(Version),
    /// The consumer has said the same before; this is the receipt of it.
    Known(Receipt),
}

impl Decider {
    /// Decides whether secrets may be revealed and records it. Returns the state that holds the
    /// secrets.
    pub(super) fn reveal(
        &mut self,
        mut envelope: Envelope,
        id: ConnectionId,
        command: RevealSecret,
        at: Micros,
    ) -> Result<(Version, Arc<Connection>), ExecuteError> {
        let Head { connection, ordinal, .. } = self.reached(&envelope, id)?;
        let revealed = decide_reveal(Some(&connection), command, self.now(at))?;
        // It is charged to who asks, so that nobody uses up what is the owner's.
        self.take_reveal(&envelope.workspace, &connection.workspace, self.now(at))?;
        // A reveal belongs to the history of the home workspace, whoever performs it.
        envelope.workspace = connection.workspace.clone();
        let version = self.state.reveals(id)?.next();
        let metadata = self.metadata(envelope, StreamId::Reveals(id), version, at);
        self.record.clear();
        records::encode_revealed(&mut self.record, &metadata, &revealed);
        self.state.set_reveals(id, version);
        let stream = StreamKey::reveals(id);
        self.append(metadata, stream, SecretRevealed::TYPE_NAME, Effect::Revealed { ordinal });
        Ok((version, connection))
    }

    /// Decides on a command about a consumer of a connection. That one was seen is noted even if it
    /// says nothing new.
    pub(super) fn consumer(
        &mut self,
        mut envelope: Envelope,
        id: ConnectionId,
        command: ConsumerCommand,
        at: Micros,
    ) -> Result<ConsumerOutcome, ExecuteError> {
        let is_confirmation = matches!(command, ConsumerCommand::Confirm { .. });
        let connection = if is_confirmation {
            self.reached(&envelope, id)?.connection
        } else {
            let head = self.head_for(&envelope, id, false)?;
            head.ok_or(ConnectionUnknown::Id)?.connection
        };
        let head = self.state.consumers(id)?;
        ledger_domain::check_expected(head.version, envelope.expected)?;
        let (now, seen) = (self.now(at), &self.shared.consumers);
        let gone = |name: &_, consumer: &_| {
            let last = seen.last(id, name, consumer);
            (seen.gone_from(id, name, consumer) <= now).then_some(last)
        };
        let name = command.consumer().clone();
        let actor = envelope.permit.actor().clone();
        let decided = decide_consumer(Some(&connection), &head.consumers, &actor, gone, command)?;
        let event = match decided {
            Confirmation::New(event) => event,
            Confirmation::Known(consumer) => {
                seen.note(id, &name, now);
                return Ok(ConsumerOutcome::Known(Receipt {
                    connection: Some(id),
                    version: consumer.version,
                    position: consumer.position,
                    recorded_at: consumer.confirmed_at,
                    fingerprint: [0; 16],
                }));
            }
        };
        let home = connection.workspace.clone();
        let taking = Taking::event(!is_confirmation);
        let place = self.check_change_quotas(&home, taking, now)?;
        self.count_change(place, taking);
        // As a reveal, it belongs to the history of the home workspace.
        envelope.workspace = home;
        let version = head.version.next();
        let metadata = self.metadata(envelope, StreamId::Consumers(id), version, at);
        self.record.clear();
        records::encode_consumer(&mut self.record, &metadata, &event);
        let said = Said::of(id, &metadata);
        self.shared.models.load().write_consumer(&mut self.group.batch, &said, &event);
        self.state.set_consumers(id, ConsumersHead::after(&head, &said, &event));
        let type_name = event.type_name();
        self.append(metadata, StreamKey::consumers(id), type_name, Effect::Consumer(id, event));
        Ok(ConsumerOutcome::New(version))
    }

    /// Returns a connection that a command reaches by its home workspace or because it is shared,
    /// if its sender has the scopes that the command requires.
    pub(super) fn reached(
        &mut self,
        envelope: &Envelope,
        id: ConnectionId,
    ) -> Result<Head, ExecuteError> {
        let head = self.state.head(id)?.ok_or(ConnectionUnknown::Id)?;
        let connection = &head.connection;
        let at_home = connection.workspace == envelope.workspace;
        if !at_home && !connection.access.allows(&envelope.workspace) {
            return Err(ConnectionUnknown::Id.into());
        }
        envelope.permit.check_before(connection)?;
        // What is shared with all is shared only with those that exist and so have quotas.
        self.known_workspace(&envelope.workspace)?;
        Ok(head)
    }

    /// Returns a command about former generations as it is decided: with what the clock says then,
    /// and, if the ledger retires them itself, the fields that are confirmed by then.
    pub(super) fn with_confirmations(
        &mut self,
        before: Option<&Connection>,
        command: Command,
        at: Micros,
    ) -> Result<Command, ExecuteError> {
        let (fields, when) = match command {
            Command::RetireFormer { fields, when } => (fields, when),
            Command::CancelRotation { fields, now: _ } => {
                return Ok(Command::CancelRotation { fields, now: self.now(at) });
            }
            Command::RotateSecret { secrets, replaced: Replaced::Kept(keep) } => {
                let replaced = Replaced::Kept(Keep { now: self.now(at), ..keep });
                return Ok(Command::RotateSecret { secrets, replaced });
            }
            command => return Ok(command),
        };
        match (when, before) {
            (Retirement::At { until, now: _ }, _) => {
                let when = Retirement::At { until, now: self.now(at) };
                Ok(Command::RetireFormer { fields, when })
            }
            (Retirement::Overdue(_), _) => {
                Ok(Command::RetireFormer { fields, when: Retirement::Overdue(self.now(at)) })
            }
            (Retirement::Confirmed, Some(connection)) => {
                let consumers = self.state.consumers(connection.id)?.consumers;
                let fields = confirmed(&self.shared, connection, &consumers, self.now(at));
                if fields.is_empty() {
                    return Err(Rejection::FormerUnknown.into());
                }
                Ok(Command::RetireFormer { fields, when })
            }
            _ => Ok(Command::RetireFormer { fields, when }),
        }
    }
}
