//! Decides commands about alerts.

use std::sync::Arc;

use ledger_contract::records::{self, StreamId};
use ledger_domain::{
    AlertChange, AlertCommand, AlertFacts, Micros, Rejection, Version, decide_alert, limits,
};
use ledger_store::tables::StreamKey;

use super::decider::Decider;
use super::{Effect, Envelope};
use crate::alerts::is_ledger;
use crate::errors::ExecuteError;

impl Decider {
    /// Decides a command about an alert of the workspace, or the ledger, to which it is sent.
    pub(super) fn change_alerts(
        &mut self,
        envelope: Envelope,
        command: AlertCommand,
        at: Micros,
    ) -> Result<Version, ExecuteError> {
        let place = envelope.workspace.clone();
        if !is_ledger(&place) {
            self.known_workspace(&place)?;
        }
        let before = self.state.alerts.of(&place);
        let is_new = matches!(command.change, AlertChange::Create { .. });
        let event = decide_alert(&before, envelope.expected, command, self.now(at))?;
        if is_new && self.state.alerts.count() >= limits::ALERTS_OF_ALL {
            return Err(Rejection::AlertsFull(limits::ALERTS_OF_ALL).into());
        }
        let version = before.version.next();
        let metadata = self.metadata(envelope, StreamId::Alerts(place.clone()), version, at);
        self.record.clear();
        records::encode_alert(&mut self.record, &metadata, &event);
        let type_name = event.type_name();
        let (position, by) = (metadata.position, metadata.actor.clone());
        let mut after = (*before).clone();
        after.evolve(event, AlertFacts { version, position, by, at });
        let after = Arc::new(after);
        self.state.alerts.put(&place, Arc::clone(&after));
        let stream = StreamKey::alerts(&place);
        self.append(metadata, stream, type_name, Effect::Alerts(place, after));
        Ok(version)
    }
}
