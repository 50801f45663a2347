//! Decides commands about policies of secret fields, and what the ledger records by them.

use std::sync::Arc;

use ledger_contract::records::{self, StreamId};
use ledger_contract::subjects;
use ledger_domain::{
    ConnectionId, Event, Micros, PolicyCommand, Rejection, Version, check_expected, decide_policy,
    limits,
};
use ledger_store::tables::StreamKey;

use super::decider::{Decided, Decider};
use super::{Effect, Envelope};
use crate::destination::SecretsGiven;
use crate::errors::ExecuteError;

impl Decider {
    /// Decides a command about policies of the workspace, or the ledger, to which it is sent.
    pub(super) fn change_policies(
        &mut self,
        envelope: Envelope,
        command: PolicyCommand,
        at: Micros,
    ) -> Result<Version, ExecuteError> {
        let place = envelope.workspace.clone();
        if place.as_str() != subjects::LEDGER {
            self.known_workspace(&place)?;
        }
        let before = self.state.policies.of(&place);
        let is_new = !before.all.contains_key(command.subject());
        let is_set = matches!(command, PolicyCommand::Set { .. });
        let event = decide_policy(&before, envelope.expected, command)?;
        if is_set && is_new && self.state.policies.count() >= limits::POLICIES_OF_ALL {
            return Err(Rejection::PoliciesFull(limits::POLICIES_OF_ALL).into());
        }
        let version = before.version.next();
        let metadata = self.metadata(envelope, StreamId::Policies(place.clone()), version, at);
        self.record.clear();
        records::encode_policy(&mut self.record, &metadata, &event);
        let type_name = event.type_name();
        let mut after = (*before).clone();
        after.evolve(event, version, metadata.actor.clone(), at);
        let after = Arc::new(after);
        self.state.policies.put(&place, Arc::clone(&after));
        let stream = StreamKey::policies(&place);
        self.append(metadata, stream, type_name, Effect::Policies(place, after));
        Ok(version)
    }

    /// Records which secrets of a connection are overdue, if any are that were not before.
    pub(super) fn note_overdue(
        &mut self,
        envelope: Envelope,
        id: ConnectionId,
        at: Micros,
    ) -> Result<Version, ExecuteError> {
        let head = self.head_for(&envelope, id, false)?;
        let now = self.now(at);
        let overdue = head
            .as_ref()
            .map(|head| self.state.policies.overdue(&self.shared.catalogue, &head.connection, now));
        let overdue = overdue.unwrap_or_default();
        if overdue.is_empty() {
            return Err(Rejection::NothingToChange.into());
        }
        let actual = head.as_ref().map_or(Version::ZERO, |head| head.connection.version);
        check_expected(actual, envelope.expected)?;
        let decided = Decided {
            event: Event::SecretOverdue { overdue },
            given: SecretsGiven::default(),
            always: true,
            new_key: None,
        };
        self.accept(envelope, id, head, decided, at)
    }
}
