//! What follows from what became of a mail.

use std::time::{Duration, Instant};

use ledger_contract::alerts::DeadLetter;
use ledger_engine::Fault;

use super::{Mailer, Sent, What};
use crate::cursor::Deliver as _;
use crate::mail::relay::Answer;

impl Mailer {
    /// Takes account of what became of a mail. Blocks.
    pub(super) fn take_account(&mut self, sent: &Sent) -> Result<(), Fault> {
        let is_changed = sent.settings != self.cursor.alert.settings;
        match &sent.answer {
            // It is said of an address that the alert may have no more.
            Answer::NotNow(because) | Answer::Never(because) | Answer::Away(because)
                if is_changed =>
            {
                self.cursor.store.note_failed(because);
                self.cursor.progress.down = None;
            }
            Answer::Taken => self.note_taken(sent),
            Answer::NotNow(because) => self.note_not_now(sent, because),
            Answer::Never(because) => self.give_up(sent, because),
            Answer::Away(because) => {
                self.cursor.store.note_failed(because);
                let (pace, id) = (self.cursor.common.pace.clone(), self.cursor.alert.id);
                self.cursor.go_down(because, |attempts| pace.pause(attempts, id));
            }
        }
        if is_changed {
            self.cursor.progress.mail = None;
        }
        self.start_over();
        self.flush()
    }

    fn note_taken(&mut self, sent: &Sent) {
        self.cursor.store.note_delivered(u64::try_from(sent.entries.len()).unwrap_or(u64::MAX));
        self.cursor.come_up();
        if sent.what == What::Letters {
            for entry in &sent.entries {
                self.cursor.letters.remove(entry.position);
            }
        }
        self.go_on(sent);
    }

    /// Goes on after a mail that has its last outcome.
    fn go_on(&mut self, sent: &Sent) {
        let every = self.cursor.common.relay.as_ref().map_or(Duration::ZERO, |relay| relay.every);
        self.not_before = Instant::now() + every;
        self.cursor.progress.down = None;
        if let What::Events { until } = sent.what {
            self.cursor.progress.after = until;
            self.cursor.progress.mail = None;
        }
    }

    /// Lets a mail wait that the relay does not take now, or gives it up.
    fn note_not_now(&mut self, sent: &Sent, because: &str) {
        let Some(begun) = self.cursor.progress.mail.as_mut().filter(|_| sent.what != What::Letters)
        else {
            return self.give_up(sent, because);
        };
        begun.attempts = begun.attempts.saturating_add(1);
        match self.cursor.common.pace.after(begun.attempts, (self.cursor.alert.id, begun.until)) {
            Some(wait) => {
                self.cursor.store.note_failed(because);
                self.cursor.go_down(because, |_| wait);
            }
            None => self.give_up(sent, because),
        }
    }

    /// Makes dead letters of the events of a mail that is not sent any more.
    fn give_up(&mut self, sent: &Sent, because: &str) {
        self.cursor.store.note_failed(because);
        tracing::warn!(
            ledger.alert = self.cursor.name.as_str(),
            ledger.workspace = self.cursor.place.as_str(),
            events = sent.entries.len(),
            because,
            "a mail is not sent any more; its events are dead letters"
        );
        let now = self.cursor.now();
        let attempts = self.cursor.progress.mail.as_ref().map_or(0, |begun| begun.attempts);
        for entry in &sent.entries {
            if sent.what == What::Letters {
                // Each is sent once more.
                self.cursor.letters.keep(entry.position, because, now);
                continue;
            }
            let letter = DeadLetter {
                event_id: entry.event_id,
                event_type: entry.type_name.to_owned(),
                stream: entry.stream.clone(),
                attempts: attempts.max(1),
                at: now,
                because: because.to_owned(),
                replaying: false,
            };
            self.cursor.progress.letters_dropped += self.cursor.letters.add(entry.position, letter);
        }
        self.go_on(sent);
    }
}
