//! Decides commands to principals, and reveals of secrets.

use std::sync::Arc;

use ledger_contract::records::{self, StreamId};
use ledger_domain::{
    Connection, ConnectionId, Micros, PrincipalCommand, PrincipalName, RevealSecret,
    SecretRevealed, Version, decide_principal, decide_reveal, evolve_principal, limits,
};
use ledger_store::tables::StreamKey;

use super::decider::{Decider, left_no_state};
use super::{Effect, Envelope};
use crate::errors::{ConnectionUnknown, ExecuteError};

impl Decider {
    /// Decides a command to a principal.
    pub(super) fn change_principal(
        &mut self,
        envelope: Envelope,
        name: &PrincipalName,
        command: PrincipalCommand,
        at: Micros,
    ) -> Result<Version, ExecuteError> {
        let before = self.state.principal(name);
        let event = decide_principal(before.as_deref(), envelope.expected, command)?;
        let version = before.as_ref().map_or(Version::ZERO, |state| state.version).next();
        let metadata = self.metadata(envelope, StreamId::Principal(name.clone()), version, at);
        self.record.clear();
        records::encode_principal(&mut self.record, &metadata, &event);
        if self.record.len() > limits::RECORD_BYTES {
            return Err(ExecuteError::RecordTooLarge);
        }
        let type_name = event.type_name();
        let facts = metadata.principal_facts(name.clone());
        let after = evolve_principal(before.as_deref().cloned(), event, &facts);
        let after = Arc::new(after.ok_or_else(|| left_no_state(&metadata))?);
        self.check_keys(before.as_deref(), &after, self.now(at))?;
        self.shared.models.load().write_principal(&mut self.group.batch, &after);
        self.state.set_principal(&after);
        let stream = StreamKey::principal(name);
        self.append(metadata, stream, type_name, Effect::Principal(after));
        Ok(version)
    }

    /// Decides whether secrets may be revealed and records it. Returns the state that holds the
    /// secrets.
    pub(super) fn reveal(
        &mut self,
        mut envelope: Envelope,
        id: ConnectionId,
        command: RevealSecret,
        at: Micros,
    ) -> Result<(Version, Arc<Connection>), ExecuteError> {
        let head = self.state.head(id)?.ok_or(ConnectionUnknown::Id)?;
        let connection = head.connection;
        let at_home = connection.workspace == envelope.workspace;
        if !at_home && !connection.access.allows(&envelope.workspace) {
            return Err(ConnectionUnknown::Id.into());
        }
        envelope.permit.check_before(&connection)?;
        // What is shared with all is shared only with those that exist and so have quotas.
        self.known_workspace(&envelope.workspace)?;
        let revealed = decide_reveal(Some(&connection), command)?;
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
        self.append(metadata, stream, SecretRevealed::TYPE_NAME, Effect::None);
        Ok((version, connection))
    }
}
