//! The worker of one alert with a URL: goes through the log, and sends what it finds.
//!
//! ```text
//! log ──walk──> a lane for each stream ──send──> taken: the next event of the stream
//!                       ^                 │
//!                       └──── waits <─────┴────> not taken, too often: a dead letter
//! ```
//!
//! While the receiver as a whole takes nothing, one message at a time finds out whether it does
//! again, and nothing counts as an attempt for the event that happens to be sent.

mod lanes;
mod outcome;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ledger_contract::records::StreamId;
use ledger_domain::{Alert, AlertName, AlertReceiver, EventId, Micros, Position, WorkspaceName};
use ledger_engine::{Fault, OutboxItem};
use tokio::sync::watch;

use self::lanes::{Lane, Lanes, Tried};
use crate::cursor::{AlertCursor, Deliver, LOOK_INTERVAL, TURN, WALK};
use crate::delivery::Common;
use crate::message::Message;
use crate::receiver::Outcome;

/// Messages of one alert that are on their way at once.
const IN_FLIGHT: usize = 8;
/// Streams with an event that waits, at most; beyond, the walk through the log waits, too.
const LANES_MAX: usize = 1_000;
/// Sends the messages of one alert.
pub(crate) struct Worker {
    cursor: AlertCursor<Sent>,
    lanes: Lanes,
    /// Dead letters that are being sent.
    sent_letters: HashSet<Position>,
    /// Numbers the attempts.
    attempts: u64,
    /// How many messages were taken.
    taken: u64,
    /// How many of them are known to be stored.
    taken_stored: u64,
    /// Streams with an event that was not taken since one was.
    failing: HashSet<StreamId>,
    /// Whether the receiver was tried last with an event that was not sent before.
    tried_new: bool,
}

/// What was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// The event of a stream whose turn it is.
    Event,
    /// A dead letter.
    Letter,
}

/// What became of a message.
pub(crate) struct Sent {
    what: What,
    position: Position,
    event_id: EventId,
    type_name: &'static str,
    /// Whether it was to find out whether the receiver takes messages again.
    is_probe: bool,
    /// Where it was sent.
    receiver: AlertReceiver,
    outcome: Outcome,
}

impl Deliver for Worker {
    type Sent = Sent;

    fn cursor(&mut self) -> &mut AlertCursor<Sent> {
        &mut self.cursor
    }

    fn is_its_way(&self) -> bool {
        self.cursor.alert.settings.receiver.is_signed()
    }

    fn advance(&mut self) -> Result<Duration, Fault> {
        let mut wait = LOOK_INTERVAL;
        if self.cursor.has_changed() {
            self.follow_change();
        }
        if self.may_send() {
            let (turn, now) = (Instant::now(), self.cursor.now());
            match &self.cursor.progress.down {
                None => while turn.elapsed() < TURN && self.send_next(now)? {},
                Some(down) if self.cursor.sending.is_empty() && down.next <= now => self.probe()?,
                Some(_) => {}
            }
            wait = self.rest_of_turn(turn);
        }
        let has_quieted = self.cursor.sending.is_empty() && self.taken != self.taken_stored;
        if self.cursor.is_due() || has_quieted {
            self.flush()?;
        }
        Ok(wait)
    }

    fn finish(&mut self, sent: &Sent) -> Result<(), Fault> {
        self.take_account(sent)
    }

    fn follow_change(&mut self) {
        self.cursor.follow_change();
        self.lanes.make_due(self.cursor.now());
    }

    fn follows_head(&self) -> bool {
        let has_room = self.cursor.sending.len() < IN_FLIGHT && self.lanes.len() < LANES_MAX;
        let has_waited = self.cursor.walk_pause().is_zero();
        self.cursor.progress.down.is_none() && has_waited && has_room && self.may_send()
    }

    fn flush(&mut self) -> Result<(), Fault> {
        self.taken_stored = self.taken;
        self.cursor.progress.after =
            self.lanes.passed().unwrap_or(self.cursor.walked).min(self.cursor.walked);
        self.cursor.flush()
    }
}

impl Worker {
    pub(crate) fn new(
        common: Arc<Common>,
        place: &WorkspaceName,
        name: &AlertName,
        changes: watch::Receiver<Alert>,
    ) -> Self {
        let (mut cursor, held) = AlertCursor::new(common, place, name, changes);
        // What went by mail before goes as requests from now on.
        cursor.progress.mail = None;
        Self {
            cursor,
            lanes: Lanes::of(held),
            sent_letters: HashSet::new(),
            attempts: 0,
            taken: 0,
            taken_stored: 0,
            failing: HashSet::new(),
            tried_new: false,
        }
    }

    /// Returns whether this instance sends messages now.
    fn may_send(&self) -> bool {
        self.is_its_way() && self.cursor.may_deliver()
    }

    /// Returns how long there is nothing to do but to wait for answers and new events.
    fn rest_of_turn(&self, turn: Instant) -> Duration {
        if turn.elapsed() >= TURN {
            return Duration::ZERO;
        }
        let next = match &self.cursor.progress.down {
            Some(_) if !self.cursor.sending.is_empty() => None,
            Some(down) => Some(down.next),
            None if self.cursor.sending.len() < IN_FLIGHT => self.lanes.next(),
            None => None,
        };
        let now = self.cursor.now();
        let micros = next.map(|next| next.get().saturating_sub(now.get()).max(0));
        let wait = micros.and_then(|micros| u64::try_from(micros).ok()).map(Duration::from_micros);
        let idle = self.cursor.idle();
        wait.map_or(idle, |wait| wait.min(idle))
    }

    /// Sends the next message, or looks on for one. Returns false if there is nothing to do.
    fn send_next(&mut self, now: Micros) -> Result<bool, Fault> {
        if self.cursor.sending.len() >= IN_FLIGHT {
            return Ok(false);
        }
        if let Some(due) = self.lanes.due(now) {
            self.send_held(due, false)?;
            return Ok(true);
        }
        if self.send_letter(false)? {
            return Ok(true);
        }
        self.walk(false)
    }

    /// Finds out with one message whether the receiver takes messages again: by turns with one that
    /// waits and with a new one, so that no single event decides about it.
    fn probe(&mut self) -> Result<(), Fault> {
        let turn = Instant::now();
        self.tried_new = !self.tried_new;
        for new in [self.tried_new, !self.tried_new] {
            while self.cursor.sending.is_empty() {
                let goes_on = match self.lanes.least_tried() {
                    Some(waiting) if !new => self.send_held(waiting, true).map(|()| true),
                    _ if new => self.walk(true),
                    _ => Ok(false),
                };
                if !goes_on? {
                    break;
                }
                // It goes on with the same in the next turn.
                if self.cursor.sending.is_empty() && turn.elapsed() >= TURN {
                    self.tried_new = !self.tried_new;
                    return Ok(());
                }
            }
        }
        if self.cursor.sending.is_empty() && !self.send_letter(true)? {
            // Nothing waits any more.
            self.cursor.progress.down = None;
        }
        Ok(())
    }

    /// Sends an event that waits.
    fn send_held(&mut self, position: Position, is_probe: bool) -> Result<(), Fault> {
        match self.cursor.reader.at(&self.cursor.alert, position)? {
            Some(item) => self.send(What::Event, &item, is_probe),
            // Its connection was erased, or the alert is about other events by now.
            None => self.go_on(position),
        }
    }

    /// Sends a dead letter again, if one is to be. Returns false if there is none.
    fn send_letter(&mut self, is_probe: bool) -> Result<bool, Fault> {
        let is_next = |position: &Position| !self.sent_letters.contains(position);
        let Some(position) = self.cursor.letters.replaying().find(is_next) else {
            return Ok(false);
        };
        match self.cursor.reader.at(&self.cursor.alert, position)? {
            Some(item) => {
                self.sent_letters.insert(position);
                self.send(What::Letter, &item, is_probe)?;
            }
            None => self.cursor.letters.remove(position),
        }
        Ok(true)
    }

    /// Goes on through the log, and sends the event that it finds. Returns false at the end of the
    /// log, or if too much waits.
    fn walk(&mut self, is_probe: bool) -> Result<bool, Fault> {
        if self.lanes.len() >= LANES_MAX || self.cursor.walked >= self.cursor.common.engine.head() {
            return Ok(false);
        }
        self.cursor.begin_walk();
        let scan = self.cursor.reader.walk(&self.cursor.alert, self.cursor.walked, WALK)?;
        self.cursor.walked = scan.reached;
        for replay in scan.replays {
            self.cursor.letters.replay(replay);
        }
        if let Some((item, version)) = scan.found
            && !self.lanes.has(&item.stream)
        {
            let lane = Lane::new(item.stream.clone(), version, false);
            self.lanes.insert(item.position, lane);
            self.send(What::Event, &item, is_probe)?;
        }
        Ok(true)
    }

    fn send(&mut self, what: What, item: &OutboxItem, is_probe: bool) -> Result<(), Fault> {
        let receiver = self.cursor.alert.settings.receiver.clone();
        let AlertReceiver::Url(url) = &receiver else { return Ok(()) };
        let (url, now) = (url.clone(), self.cursor.now());
        let message = Message::of(item)
            .map_err(|_| Fault::Damaged("a notification is not JSON".to_owned()))?;
        let signed = message
            .signed(&self.cursor.common.engine.signing_secrets(&self.cursor.alert, now), now);
        self.attempts += 1;
        let position = item.position;
        if what == What::Event
            && let Some(lane) = self.lanes.get_mut(position)
        {
            lane.is_sending = true;
        }
        let (common, event_id, type_name) =
            (Arc::clone(&self.cursor.common), item.event_id, item.type_name);
        self.cursor.sending.push(Box::pin(async move {
            let outcome = common.receivers.send(url.as_str(), message, signed).await;
            Sent { what, position, event_id, type_name, is_probe, receiver, outcome }
        }));
        Ok(())
    }

    /// Goes on with the stream of an event that is done.
    fn go_on(&mut self, position: Position) -> Result<(), Fault> {
        let Some(done) = self.lanes.remove(position) else { return Ok(()) };
        if done.is_held {
            self.cursor.held_writes.insert(position, None);
        }
        let next = self.cursor.reader.next_in(
            &self.cursor.alert,
            &done.stream,
            done.version,
            self.cursor.walked,
        )?;
        if let Some((item, version)) = next {
            let lane = Lane::new(done.stream, version, done.is_held);
            if done.is_held {
                self.cursor.held_writes.insert(item.position, Some(lane.row()));
            }
            self.lanes.insert(item.position, lane);
        }
        Ok(())
    }
}
