//! The worker of one alert by mail: gathers what it finds in the log, and sends it.

mod outcome;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ledger_contract::alerts::{BegunMail, ReceiverDown};
use ledger_domain::{Alert, AlertName, AlertSettings, Micros, Position, WorkspaceName};
use ledger_engine::Fault;
use tokio::sync::watch;

use crate::cursor::{AlertCursor, Deliver, LOOK_INTERVAL, TURN, WALK};
use crate::delivery::Common;
use crate::mail::compose::{Of, TOLD_MAX, mail};
use crate::mail::entry::{Entry, entry};
use crate::mail::relay::Answer;

/// Most events of one mail.
const ENTRIES_MAX: usize = 1_000;
/// How long the first event of a mail waits for others, at most.
const GATHER_MAX: Duration = Duration::from_secs(5);
/// Why nothing is sent by a server without a relay.
const OFF: &str = "this server has no mail relay; it is started with --smtp-url and --smtp-from";

/// Sends the mail of one alert.
pub(crate) struct Mailer {
    /// One mail at most is on its way.
    cursor: AlertCursor<Sent>,
    /// When an event was found that no mail tells yet.
    found_at: Option<Instant>,
    /// The events of the next mail, while they are gathered.
    gathered: Vec<Entry>,
    /// Before when no mail is sent, so that many events become few mails.
    not_before: Instant,
    /// Whether the next mail does not wait, because somebody changed or tested the alert.
    hurries: bool,
}

/// What a mail tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// The events up to a position.
    Events { until: Position },
    /// Dead letters.
    Letters,
}

/// A mail that has an outcome.
pub(crate) struct Sent {
    what: What,
    entries: Vec<Entry>,
    /// How the alert was set.
    settings: AlertSettings,
    answer: Answer,
}

impl Deliver for Mailer {
    type Sent = Sent;

    fn cursor(&mut self) -> &mut AlertCursor<Sent> {
        &mut self.cursor
    }

    fn is_its_way(&self) -> bool {
        self.cursor.alert.settings.receiver.mail().is_some()
    }

    fn advance(&mut self) -> Result<Duration, Fault> {
        if self.cursor.has_changed() {
            self.follow_change();
        }
        let mut wait = LOOK_INTERVAL;
        if self.may_send() && self.cursor.sending.is_empty() {
            wait = match self.pause() {
                Some(pause) => pause.min(LOOK_INTERVAL),
                None => self.look_on(Instant::now())?,
            };
        }
        if self.cursor.is_due() {
            self.flush()?;
        }
        Ok(wait)
    }

    fn finish(&mut self, sent: &Sent) -> Result<(), Fault> {
        self.take_account(sent)
    }

    fn follow_change(&mut self) {
        let former = self.cursor.follow_change();
        self.hurries = true;
        if former.settings != self.cursor.alert.settings && self.cursor.sending.is_empty() {
            // It is about other events, or goes to somebody else.
            self.cursor.progress.mail = None;
            self.start_over();
        }
    }

    fn follows_head(&self) -> bool {
        let has_waited = self.cursor.walk_pause().is_zero();
        let is_looking = self.found_at.is_none() && self.cursor.sending.is_empty();
        self.cursor.progress.down.is_none() && has_waited && is_looking && self.may_send()
    }

    fn flush(&mut self) -> Result<(), Fault> {
        self.cursor.flush()
    }

    fn rest(&mut self, error: &Fault) -> Duration {
        self.start_over();
        self.cursor.rest(error)
    }
}

impl Mailer {
    pub(crate) fn new(
        common: Arc<Common>,
        place: &WorkspaceName,
        name: &AlertName,
        changes: watch::Receiver<Alert>,
    ) -> Self {
        let (mut cursor, held) = AlertCursor::new(common, place, name, changes);
        let now = cursor.now();
        // What waited as a request is told by mail, with all that came after it.
        let progress = &mut cursor.progress;
        if let Some((first, _)) = held.first_key_value() {
            progress.after = progress.after.min(before(*first));
            progress.mail = None;
        }
        match (&cursor.common.relay, &mut progress.down) {
            (None, _) => progress.down = Some(down(now, OFF)),
            (Some(_), Some(down)) => down.next = down.next.min(now),
            (Some(_), None) => {}
        }
        cursor.walked = progress.after;
        cursor.held_writes = held.into_keys().map(|position| (position, None)).collect();
        Self {
            cursor,
            found_at: None,
            gathered: Vec::new(),
            not_before: Instant::now(),
            hurries: false,
        }
    }

    /// Looks again for the events that no mail has told.
    fn start_over(&mut self) {
        self.cursor.walked = self.cursor.progress.after;
        self.found_at = None;
        self.gathered.clear();
    }

    /// Returns whether this instance sends mail now.
    fn may_send(&self) -> bool {
        self.cursor.common.relay.is_some() && self.is_its_way() && self.cursor.may_deliver()
    }

    /// Returns how long the relay is not tried, if it takes nothing.
    fn pause(&self) -> Option<Duration> {
        let down = self.cursor.progress.down.as_ref()?;
        let micros = down.next.get().saturating_sub(self.cursor.now().get());
        u64::try_from(micros).ok().filter(|micros| *micros > 0).map(Duration::from_micros)
    }

    /// Looks for events, and sends a mail about them when it is time. Returns how long nothing else
    /// is to be done.
    fn look_on(&mut self, turn: Instant) -> Result<Duration, Fault> {
        if self.cursor.progress.mail.is_none() {
            if self.found_at.is_none() && !self.find(turn)? {
                return Ok(self.idle());
            }
            let due = self.due();
            if let Some(wait) = due.checked_duration_since(Instant::now())
                && !wait.is_zero()
            {
                return Ok(wait.min(LOOK_INTERVAL));
            }
            // What was gathered is sent first, since the walk to it has marked the letters.
            if self.gathered.is_empty() && self.cursor.letters.replaying().next().is_some() {
                return self.send_letters().map(|()| LOOK_INTERVAL);
            }
        }
        let until = self.cursor.progress.mail.as_ref().map_or(self.head(), |mail| mail.until);
        if !self.gather(turn, until)? {
            return Ok(Duration::ZERO);
        }
        self.send_events()?;
        Ok(LOOK_INTERVAL)
    }

    /// Returns how long there is nothing to do but to wait for new events.
    fn idle(&self) -> Duration {
        if self.cursor.walked < self.head() {
            return Duration::ZERO;
        }
        self.cursor.idle()
    }

    fn head(&self) -> Position {
        self.cursor.common.engine.head()
    }

    /// Returns when the next mail is sent.
    fn due(&self) -> Instant {
        let found_at = self.found_at.unwrap_or_else(Instant::now);
        if self.hurries {
            return found_at;
        }
        let every = self.cursor.common.relay.as_ref().map_or(Duration::ZERO, |relay| relay.every);
        self.not_before.max(found_at + every.min(GATHER_MAX))
    }

    /// Looks for an event that no mail tells yet, or a dead letter that is to be sent again.
    /// Returns false if there is none so far.
    fn find(&mut self, turn: Instant) -> Result<bool, Fault> {
        if self.cursor.walked < self.head() {
            self.cursor.begin_walk();
        }
        while self.found_at.is_none() {
            if self.cursor.letters.replaying().next().is_some() {
                self.found_at = Some(turn);
                break;
            }
            if self.cursor.walked >= self.head() {
                // Nothing waits any more.
                self.cursor.progress.down = None;
                break;
            }
            if turn.elapsed() >= TURN {
                break;
            }
            let after = self.cursor.walked;
            if let Some(found) = self.walk(self.head())? {
                // It is read again when it is sent, unless it is none to tell any more by then.
                self.cursor.walked = after.max(before(found.position));
                self.found_at = Some(turn);
            }
            self.cursor.progress.after = self.cursor.walked;
        }
        Ok(self.found_at.is_some())
    }

    /// Gathers the events of the next mail up to a position. Returns whether it has them all.
    fn gather(&mut self, turn: Instant, until: Position) -> Result<bool, Fault> {
        while self.cursor.walked < until && self.gathered.len() < ENTRIES_MAX {
            if turn.elapsed() >= TURN {
                return Ok(false);
            }
            let mut found = self.walk(until)?;
            if let Some(entry) = found.as_mut().filter(|_| self.gathered.len() >= TOLD_MAX) {
                entry.lines = String::new();
            }
            self.gathered.extend(found);
        }
        Ok(true)
    }

    /// Goes on through the log, up to a position or the next event.
    fn walk(&mut self, until: Position) -> Result<Option<Entry>, Fault> {
        let most = until.get().saturating_sub(self.cursor.walked.get());
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(WALK);
        let scan = self.cursor.reader.walk(&self.cursor.alert, self.cursor.walked, most)?;
        self.cursor.walked = scan.reached;
        for replay in scan.replays {
            self.cursor.letters.replay(replay);
        }
        scan.found.map(|(item, _)| read(&item)).transpose()
    }

    /// Sends a mail about the events that were gathered.
    fn send_events(&mut self) -> Result<(), Fault> {
        if self.gathered.is_empty() {
            // They are none of the alert's any more.
            self.cursor.progress.after = self.cursor.walked;
            self.cursor.progress.mail = None;
            self.start_over();
            return Ok(());
        }
        let (until, now) = (self.cursor.walked, self.cursor.now());
        let begun =
            self.cursor.progress.mail.get_or_insert(BegunMail { until, at: now, attempts: 0 });
        let (at, until) = (begun.at, begun.until);
        // What it tells is stored before anybody can have it.
        self.flush()?;
        let entries = std::mem::take(&mut self.gathered);
        self.send(What::Events { until }, entries, at);
        Ok(())
    }

    /// Sends a mail about the dead letters that are to be sent again.
    fn send_letters(&mut self) -> Result<(), Fault> {
        let positions: Vec<_> = self.cursor.letters.replaying().take(ENTRIES_MAX).collect();
        let mut entries = Vec::with_capacity(positions.len());
        for position in positions {
            match self.cursor.reader.at(&self.cursor.alert, position)? {
                Some(item) => entries.push(read(&item)?),
                None => self.cursor.letters.remove(position),
            }
        }
        if entries.is_empty() {
            self.start_over();
        } else {
            let now = self.cursor.now();
            self.send(What::Letters, entries, now);
        }
        Ok(())
    }

    fn send(&mut self, what: What, entries: Vec<Entry>, at: Micros) {
        let Some(relay) = self.cursor.common.relay.clone() else { return };
        let settings = self.cursor.alert.settings.clone();
        let Some(to) = settings.receiver.mail() else { return };
        self.hurries = false;
        let (place, name) = (self.cursor.place.clone(), self.cursor.name.clone());
        let written =
            mail(&Of { place, name, id: self.cursor.alert.id }, &relay.from, to, &entries, at);
        self.cursor.sending.push(Box::pin(async move {
            let answer = match written {
                Ok(mail) => relay.send(&mail).await,
                Err(error) => Answer::Never(error.to_string()),
            };
            Sent { what, entries, settings, answer }
        }));
    }
}

/// Returns what a mail tells of an event.
fn read(item: &ledger_engine::OutboxItem) -> Result<Entry, Fault> {
    entry(item).map_err(|_| Fault::Damaged("a notification is not as it was written".to_owned()))
}

fn before(position: Position) -> Position {
    Position::new(position.get().saturating_sub(1))
}

fn down(now: Micros, because: &str) -> ReceiverDown {
    ReceiverDown { since: now, attempts: 0, next: now, because: because.to_owned() }
}
