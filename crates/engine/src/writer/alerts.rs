//! Decides commands about alerts.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ledger_contract::records::{self, StreamId};
use ledger_domain::{
    AlertChange, AlertCommand, AlertFacts, Micros, Position, Rejection, Version, decide_alert,
    limits,
};
use ledger_store::tables::StreamKey;

use super::decider::Decider;
use super::{Effect, Envelope, TellWritten};
use crate::alerts::{AlertWrites, SharedWrites, is_ledger, put_writes};
use crate::errors::ExecuteError;

impl Decider {
    /// Adds to the group how far the messages of an alert are.
    pub(super) fn put_alert_rows(&mut self, shared: SharedWrites, tell: TellWritten) {
        let Some(tell) = self.if_writable(tell) else { return };
        // Another node may have sent messages since.
        if shared.term == self.shared.epoch.load(Ordering::SeqCst) {
            self.take_alert_writes(shared.alert, shared.writes);
        }
        self.group.written.push(tell);
    }

    /// The same, whoever sent the messages. What comes of one that was removed is dropped.
    pub(super) fn take_alert_writes(&mut self, alert: Position, writes: AlertWrites) {
        if self.state.alerts.each().any(|(_, _, known)| known.id == alert) {
            put_writes(&mut self.group.batch, &self.shared.store, alert, &writes);
            self.group.beside.add_alert(alert, writes);
        }
    }

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
        let by_mail = command.change.receiver().is_some_and(|to| to.mail().is_some());
        let event = decide_alert(&before, envelope.expected, command, self.now(at))?;
        if by_mail && !self.shared.sends_mail {
            return Err(ExecuteError::MailOff);
        }
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
