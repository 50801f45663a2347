//! Decides commands to principals.

use std::sync::Arc;

use ledger_contract::records::{self, StreamId};
use ledger_domain::{
    Micros, PrincipalCommand, PrincipalName, Version, decide_principal, evolve_principal, limits,
};
use ledger_store::tables::StreamKey;

use super::decider::{Decider, left_no_state};
use super::{Effect, Envelope};
use crate::errors::ExecuteError;

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
}
