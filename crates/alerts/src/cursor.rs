//! How far the delivery of one alert is, and what goes on around it: changes to the alert, faults,
//! the end of the server. It is the same whether messages go as requests or by mail.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use ledger_contract::alerts::{AlertProgress, HeldEvent, ReceiverDown};
use ledger_domain::{Alert, AlertName, Micros, Position, WorkspaceName};
use ledger_engine::{AlertReader, AlertStore, AlertWrites, Fault};
use tokio::sync::watch;
use tokio::task::block_in_place;

use crate::delivery::{Common, Ended};
use crate::letters::Letters;

/// Events that are looked at in one go.
pub(crate) const WALK: usize = 1_024;
/// How long a worker looks for events before it lets others run.
pub(crate) const TURN: Duration = Duration::from_millis(20);
/// How often a worker looks whether there is something to do, at least.
pub(crate) const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// How often the log is looked at, at most.
const WALK_INTERVAL: Duration = Duration::from_millis(20);
/// How often it is stored how far a worker is, at most, while nothing has to be stored.
const STORE_INTERVAL: Duration = Duration::from_millis(500);
/// How long a worker waits after a fault of the ledger.
const FAULT_PAUSE: Duration = Duration::from_mins(1);

/// How far the delivery of an alert is. `S` is what became of what was sent.
pub(crate) struct AlertCursor<S> {
    pub(crate) common: Arc<Common>,
    pub(crate) place: WorkspaceName,
    pub(crate) name: AlertName,
    pub(crate) alert: Alert,
    changes: watch::Receiver<Alert>,
    head: watch::Receiver<Position>,
    pub(crate) store: AlertStore,
    pub(crate) reader: AlertReader,
    /// The position up to which the log was gone through.
    pub(crate) walked: Position,
    pub(crate) letters: Letters,
    pub(crate) progress: AlertProgress,
    /// What is to be stored of the events that wait as requests.
    pub(crate) held_writes: BTreeMap<Position, Option<HeldEvent>>,
    /// What is on its way.
    pub(crate) sending: FuturesUnordered<BoxFuture<'static, S>>,
    stored_at: Instant,
    walked_at: Option<Instant>,
    /// Until when the worker rests after a fault.
    rests_until: Option<Instant>,
}

/// Delivers one alert in one way.
pub(crate) trait Deliver: Send {
    /// What became of what was sent.
    type Sent: Send;

    /// Returns how far it is.
    fn cursor(&mut self) -> &mut AlertCursor<Self::Sent>;

    /// Returns whether the alert is delivered in this way.
    fn is_its_way(&self) -> bool;

    /// Sends what can be sent, and stores how far that is. Returns how long nothing else is to be
    /// done. Blocks.
    fn advance(&mut self) -> Result<Duration, Fault>;

    /// Takes account of what became of what was sent. Blocks.
    fn finish(&mut self, sent: &Self::Sent) -> Result<(), Fault>;

    /// Takes over a change to the alert. Whatever it is, what waits is tried at once.
    fn follow_change(&mut self);

    /// Returns whether a new event is looked at as soon as it is there.
    fn follows_head(&self) -> bool;

    /// Stores how far it is. Blocks.
    fn flush(&mut self) -> Result<(), Fault>;

    /// Takes note of a fault, and returns how long to wait.
    fn rest(&mut self, error: &Fault) -> Duration {
        self.cursor().rest(error)
    }
}

/// What is to be done next.
enum Next<S> {
    Finish(S),
    FollowChange,
    Look,
    End,
}

/// Delivers until the alert is removed or goes another way, another node delivers it, or the server
/// stops.
pub(crate) async fn deliver(mut worker: impl Deliver, mut stopped: watch::Receiver<bool>) -> Ended {
    let mut ended = Ended::Anew;
    while worker.is_its_way() && !worker.cursor().store.is_outdated() {
        worker.cursor().head.mark_unchanged();
        let wait = match block_in_place(|| worker.advance()) {
            Ok(wait) => wait,
            Err(error) => worker.rest(&error),
        };
        let follows_head = worker.follows_head();
        match worker.cursor().next(wait, follows_head, &mut stopped).await {
            Next::Finish(sent) => finish(&mut worker, &sent),
            Next::FollowChange => worker.follow_change(),
            Next::Look => {}
            Next::End => {
                ended = Ended::Stopped;
                break;
            }
        }
    }
    while let Some(sent) = worker.cursor().sending.next().await {
        finish(&mut worker, &sent);
    }
    if let Err(error) = block_in_place(|| worker.flush()) {
        worker.rest(&error);
    }
    ended
}

fn finish<D: Deliver>(worker: &mut D, sent: &D::Sent) {
    if let Err(error) = block_in_place(|| worker.finish(sent)) {
        worker.rest(&error);
    }
}

impl<S> AlertCursor<S> {
    /// Begins where the delivery ended before. Returns the events that waited as requests, too.
    pub(crate) fn new(
        common: Arc<Common>,
        place: &WorkspaceName,
        name: &AlertName,
        mut changes: watch::Receiver<Alert>,
    ) -> (Self, BTreeMap<Position, HeldEvent>) {
        let alert = changes.borrow_and_update().clone();
        let engine = common.engine.clone();
        let store = engine.alert_store(&alert);
        let state = store.state();
        let cursor = Self {
            reader: engine.alert_reader(place, name),
            head: engine.subscribe_head(),
            place: place.clone(),
            name: name.clone(),
            walked: state.progress.after,
            letters: Letters::of(state.letters),
            progress: state.progress,
            held_writes: BTreeMap::new(),
            sending: FuturesUnordered::new(),
            stored_at: Instant::now(),
            walked_at: None,
            rests_until: None,
            common,
            alert,
            changes,
            store,
        };
        (cursor, state.held)
    }

    async fn next(
        &mut self,
        wait: Duration,
        follows_head: bool,
        stopped: &mut watch::Receiver<bool>,
    ) -> Next<S> {
        tokio::select! {
            Some(sent) = self.sending.next(), if !self.sending.is_empty() => Next::Finish(sent),
            changed = self.changes.changed() => match changed {
                Ok(()) => Next::FollowChange,
                // It was removed, or the server stops.
                Err(_) => Next::End,
            },
            Ok(()) = self.head.changed(), if follows_head => Next::Look,
            _ = stopped.wait_for(|stop| *stop) => Next::End,
            () = tokio::time::sleep(wait) => Next::Look,
        }
    }

    pub(crate) fn now(&self) -> Micros {
        self.common.engine.clock().now()
    }

    /// Takes note of a fault, and returns how long to wait.
    pub(crate) fn rest(&mut self, error: &Fault) -> Duration {
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

    /// Returns whether a change to the alert has not been taken over.
    pub(crate) fn has_changed(&self) -> bool {
        self.changes.has_changed().unwrap_or_default()
    }

    /// Takes over a change to the alert, and has a receiver that is down tried at once. Returns the
    /// alert of before.
    pub(crate) fn follow_change(&mut self) -> Alert {
        let former = std::mem::replace(&mut self.alert, self.changes.borrow_and_update().clone());
        let now = self.now();
        if let Some(down) = &mut self.progress.down {
            down.next = down.next.min(now);
        }
        former
    }

    /// Returns whether this instance delivers the alert now.
    pub(crate) fn may_deliver(&self) -> bool {
        let is_resting = self.rests_until.is_some_and(|until| Instant::now() < until);
        let is_ready = self.common.engine.ready().is_ok() && !self.store.is_outdated();
        self.alert.settings.enabled && !is_resting && is_ready
    }

    /// Notes that the log is gone through.
    pub(crate) fn begin_walk(&mut self) {
        self.walked_at = Some(Instant::now());
    }

    /// Returns how long the log is not gone through, so that many events are one look.
    pub(crate) fn walk_pause(&self) -> Duration {
        self.walked_at.map_or(Duration::ZERO, |at| WALK_INTERVAL.saturating_sub(at.elapsed()))
    }

    /// Returns how long there is nothing to do but to wait for new events.
    pub(crate) fn idle(&self) -> Duration {
        let pause = self.walk_pause();
        if pause.is_zero() { LOOK_INTERVAL } else { pause }
    }

    /// Holds everything back until the receiver is tried again. `pause` says how long, by how often
    /// it was tried in vain.
    pub(crate) fn go_down(&mut self, because: &str, pause: impl FnOnce(u32) -> Duration) {
        let now = self.now();
        let (since, attempts) = match &self.progress.down {
            Some(down) => (down.since, down.attempts.saturating_add(1)),
            None => (now, 1),
        };
        if attempts == 1 {
            tracing::warn!(
                ledger.alert = self.name.as_str(),
                ledger.workspace = self.place.as_str(),
                because,
                "the receiver of an alert takes no messages; they wait"
            );
        }
        let (next, because) = (later(now, pause(attempts)), because.to_owned());
        self.progress.down = Some(ReceiverDown { since, attempts, next, because });
    }

    /// Notes that the receiver takes messages.
    pub(crate) fn come_up(&mut self) {
        if self.progress.down.take().is_some() {
            tracing::info!(
                ledger.alert = self.name.as_str(),
                ledger.workspace = self.place.as_str(),
                "the receiver of an alert takes messages again"
            );
        }
    }

    /// Returns whether there is something that has to be stored, or it is time to store how far
    /// this is.
    pub(crate) fn is_due(&self) -> bool {
        self.stored_at.elapsed() >= STORE_INTERVAL || self.has_writes()
    }

    fn has_writes(&self) -> bool {
        !self.held_writes.is_empty() || self.letters.has_writes()
    }

    /// Stores how far this is, if that is news.
    pub(crate) fn flush(&mut self) -> Result<(), Fault> {
        self.stored_at = Instant::now();
        if !self.has_writes() && self.store.progress() == self.progress {
            return Ok(());
        }
        let held = std::mem::take(&mut self.held_writes);
        let (progress, letters) = (Some(self.progress.clone()), self.letters.take_writes());
        self.store.put(AlertWrites { progress, held, letters })
    }
}

/// Returns the time that is some time after another.
pub(crate) fn later(now: Micros, wait: Duration) -> Micros {
    let wait = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
    Micros::new(now.get().saturating_add(wait))
}
