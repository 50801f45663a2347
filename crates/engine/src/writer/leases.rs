//! Decides on leases on secrets.

use std::sync::Arc;

use ledger_contract::records::{self, Metadata, Provenance, StreamId, Via};
use ledger_domain::{
    Connection, ConnectionId, EndWorkspaceLeases, EndedLeases, Expected, LeaseCommand, LeaseEnd,
    LeaseEvent, Micros, Version,
};
use ledger_store::tables::StreamKey;

use super::decider::Decider;
use super::quotas::Taking;
use super::{Effect, Envelope};
use crate::access::{Caller, Permit};
use crate::errors::{ConnectionUnknown, ExecuteError, Fault};
use crate::leases::{self, LeasesChanged};

/// Something about leases on secrets.
#[derive(Debug)]
pub(crate) enum LeaseWork {
    /// A command of a caller about leases on the secrets of a connection.
    Command { id: ConnectionId, command: LeaseCommand },
    /// The first read of a generation by a caller.
    First { id: ConnectionId, command: LeaseCommand },
    /// What the ledger itself does.
    OfLedger { id: ConnectionId, command: LeaseCommand },
    /// A command about all connections of a workspace.
    Workspace(EndWorkspaceLeases),
}

/// The result of a command about leases.
pub(super) struct Leased {
    pub(super) connection: Option<ConnectionId>,
    /// The version in the stream of the event.
    pub(super) version: Version,
    /// The state whose secrets may be revealed, for a new lease.
    pub(super) seen: Option<Arc<Connection>>,
}

impl Decider {
    /// Decides on a command about leases.
    pub(super) fn lease(
        &mut self,
        mut envelope: Envelope,
        work: LeaseWork,
        at: Micros,
    ) -> Result<Leased, ExecuteError> {
        let (id, command, is_first) = match work {
            LeaseWork::Workspace(command) => return self.end_in_workspace(envelope, command, at),
            LeaseWork::Command { id, command } | LeaseWork::OfLedger { id, command } => {
                (id, command, false)
            }
            LeaseWork::First { id, command } => (id, command, true),
        };
        let ends = matches!(command, LeaseCommand::End { .. });
        let connection = if ends {
            let head = self.head_for(&envelope, id, false)?;
            head.ok_or(ConnectionUnknown::Id)?.connection
        } else {
            self.reached(&envelope, id)?.connection
        };
        if let (true, LeaseCommand::Note { lease, .. }) = (is_first, &command)
            && self.state.leases.get(*lease).is_none()
        {
            return Err(ledger_domain::Rejection::SecretLeaseEnded.into());
        }
        let version = self.state.reveals(id)?;
        ledger_domain::check_expected(version, envelope.expected)?;
        let now = self.now(at);
        let actor = envelope.permit.actor().clone();
        let event = self.state.leases.decide(&connection, &actor, command, now)?;
        let home = connection.workspace.clone();
        let is_new = matches!(event, LeaseEvent::Taken { .. });
        if is_new {
            self.take_reveal(&envelope.workspace, &home, now)?;
        } else if matches!(event, LeaseEvent::Renewed { .. }) {
            // The rest takes something away, or has happened, and is free.
            let taking = Taking::event(false);
            let place = self.check_change_quotas(&home, taking, now)?;
            self.count_change(place, taking);
        }
        // As a reveal, it belongs to the history of the home workspace.
        envelope.workspace = home;
        let version = self.append_lease(envelope, id, &event, at)?;
        Ok(Leased { connection: Some(id), version, seen: is_new.then_some(connection) })
    }

    fn append_lease(
        &mut self,
        envelope: Envelope,
        id: ConnectionId,
        event: &LeaseEvent,
        at: Micros,
    ) -> Result<Version, ExecuteError> {
        let version = self.state.reveals(id)?.next();
        self.state.set_reveals(id, version);
        self.append_about_leases(envelope, (StreamId::Reveals(id), version), event, at)?;
        Ok(version)
    }

    fn append_about_leases(
        &mut self,
        envelope: Envelope,
        (stream, version): (StreamId, Version),
        event: &LeaseEvent,
        at: Micros,
    ) -> Result<(), Fault> {
        let key = match &stream {
            StreamId::Reveals(id) => StreamKey::reveals(*id),
            StreamId::Leases(name) => StreamKey::leases(name),
            _ => return Err(Fault::bug("leases have no such stream")),
        };
        let used = match &stream {
            StreamId::Reveals(id) => self.state.head(*id)?.map(|head| head.ordinal),
            _ => None,
        };
        let metadata = self.metadata(envelope, stream, version, at);
        self.record.clear();
        records::encode_lease(&mut self.record, &metadata, event);
        self.put_leases(metadata, key, event, used);
        Ok(())
    }

    /// Adds an event of leases, whose record is encoded, and what follows from it to the group.
    /// `used` is the connection whose secrets it uses.
    pub(super) fn put_leases(
        &mut self,
        metadata: Metadata,
        key: StreamKey,
        event: &LeaseEvent,
        used: Option<u32>,
    ) {
        let ids = self.state.leases.apply(&metadata.lease_facts(), event);
        let leases = &self.state.leases;
        self.shared.models.load().write_leases(&mut self.group.batch, leases, &ids);
        let changed = LeasesChanged::of(leases, &ids);
        self.append(metadata, key, event.type_name(), Effect::Leases { changed, used });
    }

    fn end_in_workspace(
        &mut self,
        envelope: Envelope,
        command: EndWorkspaceLeases,
        at: Micros,
    ) -> Result<Leased, ExecuteError> {
        let workspace = envelope.workspace.clone();
        self.known_workspace(&workspace)?;
        let version = self.state.workspace_leases(&workspace)?;
        ledger_domain::check_expected(version, envelope.expected)?;
        let event = self.state.leases.decide_in_workspace(&workspace, command)?;
        let version = version.next();
        self.state.set_workspace_leases(workspace.clone(), version);
        self.append_about_leases(envelope, (StreamId::Leases(workspace), version), &event, at)?;
        Ok(Leased { connection: None, version, seen: None })
    }

    /// Has all leases on the secrets of a connection ended in the same batch as the event of the
    /// command that is being decided, by an event of the ledger itself that follows it.
    pub(super) fn end_leases_of(&mut self, id: ConnectionId, because: LeaseEnd) {
        self.ends_leases = Some((id, because));
    }

    /// Adds the event that [`Self::end_leases_of`] asked for, if there are leases.
    pub(super) fn end_leases(&mut self, at: Micros) -> Result<(), ExecuteError> {
        let Some((id, because)) = self.ends_leases.take() else { return Ok(()) };
        if self.state.leases.of_connection(id).next().is_none() {
            return Ok(());
        }
        let Some(envelope) = self.following(leases::ACTOR) else { return Ok(()) };
        let event = LeaseEvent::Ended { which: EndedLeases::All, because, reason: None };
        self.append_lease(envelope, id, &event, at).map(drop)
    }

    /// Returns the envelope of an event of the ledger itself, under the name of `actor`, that
    /// follows on the last one of the group.
    pub(super) fn following(&self, actor: &str) -> Option<Envelope> {
        let cause = self.group.accepted.last()?;
        let (workspace, cause) = (cause.metadata.workspace.clone(), &cause.metadata.provenance);
        Some(Envelope {
            workspace,
            fingerprint: None,
            permit: Permit::of_ledger(Caller::system(actor)),
            expected: Expected::Any,
            deadline: None,
            provenance: Provenance {
                via: Via::System,
                command_id: self.shared.ports.command_id(),
                correlation_id: cause.correlation_id.clone(),
                causation_id: Some(cause.command_id.clone()),
                trace_id: cause.trace_id.clone(),
                key: None,
                address: None,
            },
            span: tracing::Span::none(),
        })
    }
}
