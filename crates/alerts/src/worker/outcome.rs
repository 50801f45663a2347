//! What follows from what became of a message.

use std::time::Duration;

use ledger_contract::alerts::{DeadLetter, ReceiverDown};
use ledger_domain::{CheckedText as _, Line, Micros, Position, limits};
use ledger_engine::Fault;

use super::{Sent, Tried, What, Worker};
use crate::receiver::Outcome;

/// As many streams with an event that was not taken, with none taken in between, as say that the
/// receiver as a whole is down.
const STREAMS_OF_DOWN: usize = 8;

impl Worker {
    /// Takes account of what became of a message. Blocks.
    pub(super) fn finish(&mut self, sent: &Sent) -> Result<(), Fault> {
        self.sent_letters
            .retain(|position| sent.what != What::Letter || *position != sent.position);
        let taken_before = self.taken;
        match &sent.outcome {
            Outcome::Taken => self.note_taken(sent)?,
            Outcome::Refused(because) => {
                self.store.note_failed(because);
                self.not_taken(sent, because, sent.is_probe)?;
                if sent.is_probe || self.failing.len() >= STREAMS_OF_DOWN {
                    self.go_down(because, None, sent.is_probe);
                }
            }
            Outcome::Away { because, retry_after } => {
                self.store.note_failed(because);
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
        self.store.note_delivered();
        self.taken += 1;
        self.failing.clear();
        if self.progress.down.take().is_some() {
            tracing::info!(
                ledger.alert = self.name.as_str(),
                ledger.workspace = self.place.as_str(),
                "the receiver of an alert takes messages again"
            );
        }
        match sent.what {
            What::Event => self.go_on(sent.position),
            What::Letter => {
                self.put_letter(sent.position, None);
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
        let now = self.now();
        // Each is sent once more.
        if sent.what == What::Letter {
            self.keep_letter(sent.position, because, now);
            return Ok(());
        }
        let pace = self.common.pace.clone();
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
        self.writes.held.insert(sent.position, Some(row));
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
            ledger.alert = self.name.as_str(),
            ledger.workspace = self.place.as_str(),
            ledger.position = sent.position.get(),
            because,
            "an event is not sent any more; it is a dead letter"
        );
        while self.letters.len() >= limits::ALERT_DEAD_LETTERS
            && let Some((oldest, _)) = self.letters.first_key_value()
        {
            let oldest = *oldest;
            self.put_letter(oldest, None);
            self.progress.letters_dropped += 1;
        }
        self.put_letter(sent.position, Some(letter));
        self.go_on(sent.position)
    }

    /// Keeps a dead letter that was sent again in vain.
    fn keep_letter(&mut self, position: Position, because: &str, at: Micros) {
        let Some(letter) = self.letters.get(&position).cloned() else { return };
        let (attempts, because) = (letter.attempts.saturating_add(1), because.to_owned());
        let letter = DeadLetter { attempts, at, because, replaying: false, ..letter };
        self.put_letter(position, Some(letter));
    }

    /// Holds everything back until the receiver is tried again.
    fn go_down(&mut self, because: &str, retry_after: Option<Duration>, is_probe: bool) {
        let now = self.now();
        let (since, attempts) = match &self.progress.down {
            // Others that were on their way tell nothing new.
            Some(_) if !is_probe => return,
            Some(down) => (down.since, down.attempts.saturating_add(1)),
            None => (now, 1),
        };
        let pause = self.common.pace.pause(attempts, self.alert.id);
        let wait = pause.max(retry_after.unwrap_or_default());
        if attempts == 1 {
            tracing::warn!(
                ledger.alert = self.name.as_str(),
                ledger.workspace = self.place.as_str(),
                because,
                "the receiver of an alert takes no messages; they wait"
            );
        }
        let because = because.to_owned();
        self.progress.down =
            Some(ReceiverDown { since, attempts, next: later(now, wait), because });
    }

    /// Disables the alert, whose receiver wants no more messages. The event waits with the others
    /// until somebody enables it.
    fn note_gone(&mut self, sent: &Sent) -> Result<(), Fault> {
        const BECAUSE: &str = "it answers with status 410, so it is gone for good";
        self.store.note_failed(BECAUSE);
        self.not_taken(sent, BECAUSE, true)?;
        let because = Line::stored(BECAUSE.into());
        let disabled = self.common.engine.disable_alert(&self.place, &self.name, because);
        // Several answers may say so, and somebody may have removed the alert meanwhile.
        if let Err(error) = disabled {
            tracing::info!(
                ledger.alert = self.name.as_str(),
                ledger.workspace = self.place.as_str(),
                %error,
                "an alert whose receiver is gone was not disabled"
            );
        }
        self.go_down(BECAUSE, None, sent.is_probe);
        Ok(())
    }
}

fn later(now: Micros, wait: Duration) -> Micros {
    let wait = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
    Micros::new(now.get().saturating_add(wait))
}
