//! What follows from what became of a message.

use std::time::Duration;

use ledger_contract::alerts::DeadLetter;
use ledger_domain::{CheckedText as _, Line, Micros};
use ledger_engine::Fault;

use super::{Sent, Tried, What, Worker};
use crate::cursor::later;
use crate::receiver::Outcome;

/// As many streams with an event that was not taken, with none taken in between, as say that the
/// receiver as a whole is down.
const STREAMS_OF_DOWN: usize = 8;

impl Worker {
    /// Takes account of what became of a message. Blocks.
    pub(super) fn take_account(&mut self, sent: &Sent) -> Result<(), Fault> {
        self.sent_letters
            .retain(|position| sent.what != What::Letter || *position != sent.position);
        let taken_before = self.taken;
        match &sent.outcome {
            Outcome::Taken => self.note_taken(sent)?,
            Outcome::Refused(because) => {
                self.cursor.store.note_failed(because);
                self.not_taken(sent, because, sent.is_probe)?;
                if sent.is_probe || self.failing.len() >= STREAMS_OF_DOWN {
                    self.go_down(because, None, sent.is_probe);
                }
            }
            Outcome::Away { because, retry_after } => {
                self.cursor.store.note_failed(because);
                let is_its_own = self.took_others_since(sent);
                self.not_taken(sent, because, !is_its_own)?;
                self.go_down(because, *retry_after, sent.is_probe);
            }
            Outcome::Gone => self.note_gone(sent)?,
        }
        if let Some(lane) = self.lanes.get_mut(sent.position)
            && sent.what == What::Event
        {
            lane.is_sending = false;
            lane.tried = Some(Tried { number: self.attempts, taken_before });
        }
        Ok(())
    }

    fn note_taken(&mut self, sent: &Sent) -> Result<(), Fault> {
        self.cursor.store.note_delivered(1);
        self.taken += 1;
        self.failing.clear();
        self.cursor.come_up();
        match sent.what {
            What::Event => self.go_on(sent.position),
            What::Letter => {
                self.cursor.letters.remove(sent.position);
                Ok(())
            }
        }
    }

    /// Returns whether the receiver took another message since it did not take this one before.
    fn took_others_since(&mut self, sent: &Sent) -> bool {
        let tried = self.lanes.get_mut(sent.position).and_then(|lane| lane.tried);
        tried.is_some_and(|tried| self.taken > tried.taken_before)
    }

    /// Lets an event wait that was not taken, or makes it a dead letter. With `is_excused`, it
    /// counts as no attempt, because the receiver takes nothing.
    fn not_taken(&mut self, sent: &Sent, because: &str, is_excused: bool) -> Result<(), Fault> {
        let now = self.cursor.now();
        // Each is sent once more.
        if sent.what == What::Letter {
            self.cursor.letters.keep(sent.position, because, now);
            return Ok(());
        }
        let pace = self.cursor.common.pace.clone();
        let Some(lane) = self.lanes.get_mut(sent.position) else { return Ok(()) };
        self.failing.insert(lane.stream.clone());
        because.clone_into(&mut lane.because);
        lane.is_held = true;
        lane.next = now;
        if !is_excused {
            lane.attempts += 1;
            match pace.after(lane.attempts, sent.event_id) {
                Some(wait) => lane.next = later(now, wait),
                None => return self.bury(sent, because, now),
            }
        }
        let row = lane.row();
        self.cursor.held_writes.insert(sent.position, Some(row));
        Ok(())
    }

    /// Makes an event a dead letter, and goes on with its stream.
    fn bury(&mut self, sent: &Sent, because: &str, at: Micros) -> Result<(), Fault> {
        let Some(lane) = self.lanes.get_mut(sent.position) else { return Ok(()) };
        let letter = DeadLetter {
            event_id: sent.event_id,
            event_type: sent.type_name.to_owned(),
            stream: lane.stream.clone(),
            attempts: lane.attempts,
            at,
            because: because.to_owned(),
            replaying: false,
        };
        tracing::warn!(
            ledger.alert = self.cursor.name.as_str(),
            ledger.workspace = self.cursor.place.as_str(),
            ledger.position = sent.position.get(),
            because,
            "an event is not sent any more; it is a dead letter"
        );
        self.cursor.progress.letters_dropped += self.cursor.letters.add(sent.position, letter);
        self.go_on(sent.position)
    }

    /// Holds everything back until the receiver is tried again.
    fn go_down(&mut self, because: &str, retry_after: Option<Duration>, is_probe: bool) {
        // Others that were on their way tell nothing new.
        if self.cursor.progress.down.is_some() && !is_probe {
            return;
        }
        let (pace, id) = (self.cursor.common.pace.clone(), self.cursor.alert.id);
        let asked = retry_after.unwrap_or_default();
        self.cursor.go_down(because, |attempts| pace.pause(attempts, id).max(asked));
    }

    /// Disables the alert, whose receiver wants no more messages. The event waits with the others
    /// until somebody enables it.
    fn note_gone(&mut self, sent: &Sent) -> Result<(), Fault> {
        const BECAUSE: &str = "it answers with status 410, so it is gone for good";
        self.cursor.store.note_failed(BECAUSE);
        self.not_taken(sent, BECAUSE, true)?;
        let because = Line::stored(BECAUSE.into());
        let receiver = sent.receiver.clone();
        let disabled = self.cursor.common.engine.disable_alert(
            &self.cursor.place,
            &self.cursor.name,
            receiver,
            because,
        );
        // Several answers may say so, and somebody may have changed or removed the alert meanwhile.
        if let Err(error) = disabled {
            tracing::info!(
                ledger.alert = self.cursor.name.as_str(),
                ledger.workspace = self.cursor.place.as_str(),
                %error,
                "an alert whose receiver is gone was not disabled"
            );
        }
        self.go_down(BECAUSE, None, sent.is_probe);
        Ok(())
    }
}
