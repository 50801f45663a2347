//! The worker of one alert: goes through the log, and sends what it finds.
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

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use ledger_contract::alerts::{AlertProgress, DeadLetter};
use ledger_contract::records::StreamId;
use ledger_domain::{Alert, AlertName, EventId, Micros, Position, WorkspaceName};
use ledger_engine::{AlertReader, AlertStore, AlertWrites, Fault, OutboxItem, ReplayedLetters};
use tokio::sync::watch;
use tokio::task::block_in_place;

use self::lanes::{Lane, Lanes, Tried};
use crate::delivery::Common;
use crate::message::Message;
use crate::receiver::Outcome;

/// Messages of one alert that are on their way at once.
const IN_FLIGHT: usize = 8;
/// Streams with an event that waits, at most; beyond, the walk through the log waits, too.
const LANES_MAX: usize = 1_000;
/// Events that are looked at in one go.
const WALK: usize = 1_024;
/// How long the worker looks for events before it lets others run.
const TURN: Duration = Duration::from_millis(20);
/// How often the log is looked at, at most.
const WALK_INTERVAL: Duration = Duration::from_millis(20);
/// How often it is stored how far the worker is, at most, while nothing has to wait.
const STORE_INTERVAL: Duration = Duration::from_millis(500);
/// How often an instance that may not write looks whether it may.
const READY_INTERVAL: Duration = Duration::from_millis(500);
/// How long the worker waits after a fault of the ledger.
const FAULT_PAUSE: Duration = Duration::from_mins(1);

/// Sends the messages of one alert.
pub(crate) struct Worker {
    common: Arc<Common>,
    place: WorkspaceName,
    name: AlertName,
    alert: Alert,
    changes: watch::Receiver<Alert>,
    head: watch::Receiver<Position>,
    store: AlertStore,
    reader: AlertReader,
    /// The position up to which the log was gone through.
    walked: Position,
    lanes: Lanes,
    letters: BTreeMap<Position, DeadLetter>,
    /// Dead letters that are being sent.
    sent_letters: HashSet<Position>,
    progress: AlertProgress,
    /// What is to be stored.
    writes: AlertWrites,
    stored_at: Instant,
    walked_at: Option<Instant>,
    /// Until when the worker rests after a fault.
    rests_until: Option<Instant>,
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
    sending: FuturesUnordered<BoxFuture<'static, Sent>>,
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
struct Sent {
    what: What,
    position: Position,
    event_id: EventId,
    type_name: &'static str,
    /// Whether it was to find out whether the receiver takes messages again.
    is_probe: bool,
    outcome: Outcome,
}

impl Worker {
    pub(crate) fn new(
        common: Arc<Common>,
        place: &WorkspaceName,
        name: &AlertName,
        mut changes: watch::Receiver<Alert>,
    ) -> Self {
        let alert = changes.borrow_and_update().clone();
        let engine = common.engine.clone();
        let store = engine.alert_store(&alert);
        let state = store.state();
        Self {
            reader: engine.alert_reader(place, name),
            head: engine.subscribe_head(),
            place: place.clone(),
            name: name.clone(),
            walked: state.progress.after,
            lanes: Lanes::of(state.held),
            letters: state.letters,
            sent_letters: HashSet::new(),
            progress: state.progress,
            writes: AlertWrites::default(),
            stored_at: Instant::now(),
            walked_at: None,
            rests_until: None,
            attempts: 0,
            taken: 0,
            taken_stored: 0,
            failing: HashSet::new(),
            tried_new: false,
            sending: FuturesUnordered::new(),
            common,
            alert,
            changes,
            store,
        }
    }

    /// Runs until the alert is removed or the server stops.
    pub(crate) async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        loop {
            self.head.mark_unchanged();
            let wait = match block_in_place(|| self.advance()) {
                Ok(wait) => wait,
                Err(error) => self.rest(&error),
            };
            let follows_head = self.follows_head();
            tokio::select! {
                Some(sent) = self.sending.next(), if !self.sending.is_empty() => {
                    if let Err(error) = block_in_place(|| self.finish(&sent)) {
                        self.rest(&error);
                    }
                }
                changed = self.changes.changed() => match changed {
                    Ok(()) => self.follow_change(),
                    // It was removed, or the server stops.
                    Err(_) => break,
                },
                Ok(()) = self.head.changed(), if follows_head => {}
                _ = stopped.wait_for(|stop| *stop) => break,
                () = tokio::time::sleep(wait) => {}
            }
        }
        while let Some(sent) = self.sending.next().await {
            if let Err(error) = block_in_place(|| self.finish(&sent)) {
                self.rest(&error);
            }
        }
        if let Err(error) = block_in_place(|| self.flush()) {
            self.rest(&error);
        }
    }

    fn now(&self) -> Micros {
        self.common.engine.clock().now()
    }

    /// Takes note of a fault, and returns how long to wait.
    fn rest(&mut self, error: &Fault) -> Duration {
        tracing::error!(
            ledger.alert = self.name.as_str(),
            ledger.workspace = self.place.as_str(),
            error = ledger_outgoing::with_causes(error),
            "an alert cannot be delivered"
        );
        self.store.note_failed("the ledger cannot read or store what is to be sent");
        self.rests_until = Some(Instant::now() + FAULT_PAUSE);
        FAULT_PAUSE
    }

    /// Takes over a change to the alert. Whatever it is, what waits is tried at once.
    fn follow_change(&mut self) {
        self.alert = self.changes.borrow_and_update().clone();
        let now = self.now();
        self.lanes.make_due(now);
        if let Some(down) = &mut self.progress.down {
            down.next = down.next.min(now);
        }
    }

    /// Returns whether this instance sends messages now.
    fn may_send(&self) -> bool {
        let is_resting = self.rests_until.is_some_and(|until| Instant::now() < until);
        self.alert.settings.enabled && !is_resting && self.common.engine.ready().is_ok()
    }

    /// Returns whether a new event is looked at as soon as it is there.
    fn follows_head(&self) -> bool {
        let has_waited = self.walked_at.is_none_or(|at| at.elapsed() >= WALK_INTERVAL);
        let has_room = self.sending.len() < IN_FLIGHT && self.lanes.len() < LANES_MAX;
        self.progress.down.is_none() && has_waited && has_room && self.may_send()
    }

    /// Sends what can be sent, and stores how far that is. Returns how long nothing else is to be
    /// done. Blocks.
    fn advance(&mut self) -> Result<Duration, Fault> {
        let mut wait = READY_INTERVAL;
        if self.changes.has_changed().unwrap_or_default() {
            self.follow_change();
        }
        if self.may_send() {
            let (turn, now) = (Instant::now(), self.now());
            match &self.progress.down {
                None => while turn.elapsed() < TURN && self.send_next(now)? {},
                Some(down) if self.sending.is_empty() && down.next <= now => self.probe()?,
                Some(_) => {}
            }
            wait = self.rest_of_turn(turn);
        }
        let is_due = self.stored_at.elapsed() >= STORE_INTERVAL;
        let has_quieted = self.sending.is_empty() && self.taken != self.taken_stored;
        if is_due || !self.writes.is_empty() || has_quieted {
            self.flush()?;
        }
        Ok(wait)
    }

    /// Returns how long there is nothing to do but to wait for answers and new events.
    fn rest_of_turn(&self, turn: Instant) -> Duration {
        if turn.elapsed() >= TURN {
            return Duration::ZERO;
        }
        let next = match &self.progress.down {
            Some(_) if !self.sending.is_empty() => None,
            Some(down) => Some(down.next),
            None if self.sending.len() < IN_FLIGHT => self.lanes.next(),
            None => None,
        };
        let now = self.now();
        let micros = next.map(|next| next.get().saturating_sub(now.get()).max(0));
        let wait = micros.and_then(|micros| u64::try_from(micros).ok()).map(Duration::from_micros);
        let pace =
            self.walked_at.map_or(Duration::ZERO, |at| WALK_INTERVAL.saturating_sub(at.elapsed()));
        let idle = if pace.is_zero() { READY_INTERVAL } else { pace };
        wait.map_or(idle, |wait| wait.min(idle))
    }

    /// Sends the next message, or looks on for one. Returns false if there is nothing to do.
    fn send_next(&mut self, now: Micros) -> Result<bool, Fault> {
        if self.sending.len() >= IN_FLIGHT {
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
            while self.sending.is_empty() {
                let goes_on = match self.lanes.least_tried() {
                    Some(waiting) if !new => self.send_held(waiting, true).map(|()| true),
                    _ if new => self.walk(true),
                    _ => Ok(false),
                };
                if !goes_on? {
                    break;
                }
                // It goes on with the same in the next turn.
                if self.sending.is_empty() && turn.elapsed() >= TURN {
                    self.tried_new = !self.tried_new;
                    return Ok(());
                }
            }
        }
        if self.sending.is_empty() && !self.send_letter(true)? {
            // Nothing waits any more.
            self.progress.down = None;
        }
        Ok(())
    }

    /// Sends an event that waits.
    fn send_held(&mut self, position: Position, is_probe: bool) -> Result<(), Fault> {
        match self.reader.at(&self.alert, position)? {
            Some(item) => self.send(What::Event, &item, is_probe),
            // Its connection was erased, or the alert is about other events by now.
            None => self.go_on(position),
        }
    }

    /// Sends a dead letter again, if one is to be. Returns false if there is none.
    fn send_letter(&mut self, is_probe: bool) -> Result<bool, Fault> {
        let is_next = |(position, letter): &(&Position, &DeadLetter)| {
            letter.replaying && !self.sent_letters.contains(*position)
        };
        let Some((position, _)) = self.letters.iter().find(is_next) else { return Ok(false) };
        let position = *position;
        match self.reader.at(&self.alert, position)? {
            Some(item) => {
                self.sent_letters.insert(position);
                self.send(What::Letter, &item, is_probe)?;
            }
            None => self.put_letter(position, None),
        }
        Ok(true)
    }

    /// Goes on through the log, and sends the event that it finds. Returns false at the end of the
    /// log, or if too much waits.
    fn walk(&mut self, is_probe: bool) -> Result<bool, Fault> {
        if self.lanes.len() >= LANES_MAX || self.walked >= self.common.engine.head() {
            return Ok(false);
        }
        self.walked_at = Some(Instant::now());
        let scan = self.reader.walk(&self.alert, self.walked, WALK)?;
        self.walked = scan.reached;
        for replay in scan.replays {
            self.replay(replay);
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

    /// Marks dead letters as to be sent again.
    fn replay(&mut self, which: ReplayedLetters) {
        let is_chosen = |position: Position| match which {
            ReplayedLetters::All => true,
            ReplayedLetters::One(one) => one == position,
        };
        let again = |letter: &DeadLetter| DeadLetter { replaying: true, ..letter.clone() };
        let chosen = self.letters.iter().filter(|(position, _)| is_chosen(**position));
        let chosen: Vec<_> = chosen.map(|(position, letter)| (*position, again(letter))).collect();
        for (position, letter) in chosen {
            self.put_letter(position, Some(letter));
        }
    }

    fn send(&mut self, what: What, item: &OutboxItem, is_probe: bool) -> Result<(), Fault> {
        let message = Message::of(item)
            .map_err(|_| Fault::Damaged("a notification is not JSON".to_owned()))?;
        let (url, now) = (self.alert.settings.url.as_str().to_owned(), self.now());
        let signed = message.signed(&self.common.engine.signing_secrets(&self.alert, now), now);
        self.attempts += 1;
        let position = item.position;
        if what == What::Event
            && let Some(lane) = self.lanes.get_mut(position)
        {
            lane.is_sending = true;
        }
        let (common, event_id, type_name) =
            (Arc::clone(&self.common), item.event_id, item.type_name);
        self.sending.push(Box::pin(async move {
            let outcome = common.receivers.send(&url, message, signed).await;
            Sent { what, position, event_id, type_name, is_probe, outcome }
        }));
        Ok(())
    }

    /// Goes on with the stream of an event that is done.
    fn go_on(&mut self, position: Position) -> Result<(), Fault> {
        let Some(done) = self.lanes.remove(position) else { return Ok(()) };
        if done.is_held {
            self.writes.held.insert(position, None);
        }
        let next = self.reader.next_in(&self.alert, &done.stream, done.version, self.walked)?;
        if let Some((item, version)) = next {
            let lane = Lane::new(done.stream, version, done.is_held);
            if done.is_held {
                self.writes.held.insert(item.position, Some(lane.row()));
            }
            self.lanes.insert(item.position, lane);
        }
        Ok(())
    }

    fn put_letter(&mut self, position: Position, letter: Option<DeadLetter>) {
        self.writes.letters.insert(position, letter.clone());
        match letter {
            Some(letter) => self.letters.insert(position, letter),
            None => self.letters.remove(&position),
        };
    }

    /// Stores how far the worker is.
    fn flush(&mut self) -> Result<(), Fault> {
        self.stored_at = Instant::now();
        self.taken_stored = self.taken;
        self.progress.after = self.lanes.passed().unwrap_or(self.walked).min(self.walked);
        if self.writes.is_empty() && self.store.progress() == self.progress {
            return Ok(());
        }
        let writes = std::mem::take(&mut self.writes);
        self.store.put(AlertWrites { progress: Some(self.progress.clone()), ..writes })
    }
}
