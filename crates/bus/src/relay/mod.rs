//! The relay: publishes every event of the log to the event stream, once and in order.
//!
//! Stream sequence equals log position. Each message is stored only directly after its predecessor,
//! so an acknowledgment covers all earlier messages, and the relay requests one for each batch.
//! After any unexpected result it asks the stream for its last event and continues from there.
//!
//! The relay works only while this instance holds the lease. Its first look at the stream decides
//! whether the instance becomes the owner. The stream is a window, so what it removes must have
//! reached the bucket before; where the bucket is behind, the relay waits.
//!
//! The relay has its own thread and connection: it reads the store, which blocks; events must not
//! wait for the work of other tasks; and replies must not wait behind events. While it is far
//! behind, a second thread reads the log and writes messages, and the relay sends them.
//!
//! A single event is sent at once. If several arrived since the last batch, more are likely to
//! follow, and they are gathered for a few milliseconds. That costs the NATS server and the ledger
//! a fraction of sending them one by one.

mod ahead;
mod completeness;
mod in_flight;
mod look;
mod message;
mod pace;
mod prepare;
mod resume;

use std::collections::VecDeque;
use std::future::IntoFuture;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, Context};
use ledger_contract::errors::{Code, Problem};
use ledger_contract::subjects::Subjects;
use ledger_domain::Position;
use ledger_engine::{Engine, Outbox, log_fault};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use tracing::{error, warn};

use crate::connect::unreachable;
use crate::lease::Ownership;
use crate::shared_log::{LogState, written};
use crate::stop::{is_stopped, stopped};
use crate::topology::Topology;
use ahead::{Next, ReadAhead};
use completeness::Completeness;
use in_flight::{Sent, first};
use look::{Look, looked};
use message::{Letterhead, Message};
use pace::Pace;

/// Maximum number of events in a batch, which is acknowledged as a whole.
const BATCH_EVENTS_MAX: usize = 256;
/// Maximum number of unacknowledged batches.
const BATCHES_IN_FLIGHT_MAX: usize = 16;
/// Maximum number of unacknowledged batches before a partial one is sent.
const PARTIAL_IN_FLIGHT_MAX: usize = 2;
/// Number of waiting events from which on a second thread reads them.
const AHEAD_EVENTS_MIN: u64 = 4_096;
/// How far an event is behind the newest one before its state may be left out.
const LEAVE_OUT_EVENTS_MIN: u64 = 100_000;
/// Number of waiting events from which on more are gathered.
const GATHER_EVENTS_MIN: u64 = 8;
/// How long after a batch the next gathered one may be sent.
const GATHER_TIME: Duration = Duration::from_millis(5);
/// Acknowledged events after which the outbox mark is stored. Every check of the connection also
/// stores it.
const MARK_EVENTS: u64 = 1_024;
/// How long to wait for a connection before reporting an error.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// Interval between checks whether the connection is still the same.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// Checks of the connection for each look at the streams.
const CHECKS_PER_LOOK: u32 = 2;
/// Interval between looks at a bucket that is waited for.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(20);
/// First wait after a failure; each wait is twice as long, up to the maximum.
const RETRY_DELAY_MIN: Duration = Duration::from_millis(50);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(5);
/// Wait after a failure that only an operator can resolve.
const REFUSED_DELAY: Duration = Duration::from_secs(10);

/// Publishes events from the log to the stream.
#[derive(Debug)]
pub(crate) struct Relay {
    engine: Engine,
    outbox: Outbox,
    client: Client,
    jetstream: Context,
    subjects: Subjects,
    topology: Arc<Topology>,
    adopts: Adopts,
    ownership: Arc<Ownership>,
    /// The log that several nodes share, if this is one of them.
    log: Option<watch::Receiver<LogState>>,
    letterhead: Arc<Letterhead>,
    head: watch::Receiver<Position>,
    /// The last event that must not wait for others.
    urgent: watch::Receiver<Position>,
    stop: watch::Receiver<bool>,
    /// The last problem logged, so that each is logged once.
    complained: Option<Problem>,
    completeness: Completeness,
}

/// What the relay needs besides the engine.
#[derive(Debug)]
pub(crate) struct RelayOptions {
    pub(crate) client: Client,
    pub(crate) subjects: Subjects,
    pub(crate) topology: Topology,
    pub(crate) adopts: Adopts,
    pub(crate) ownership: Arc<Ownership>,
    pub(crate) log: Option<watch::Receiver<LogState>>,
}

/// Whether streams of this ledger that hold another history are made anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Adopts {
    /// They are refused.
    #[default]
    Never,
    /// They are made anew, until the stream was once a copy of the log.
    Once,
    /// They are always made anew, since nobody else uses the NATS server.
    Always,
}

impl Relay {
    pub(crate) fn new(engine: Engine, options: RelayOptions, stop: watch::Receiver<bool>) -> Self {
        let RelayOptions { client, subjects, topology, adopts, ownership, log } = options;
        Self {
            letterhead: Arc::new(Letterhead::new(engine.identity(), &subjects)),
            head: engine.subscribe_head(),
            urgent: engine.subscribe_urgent(),
            outbox: engine.outbox(),
            jetstream: jetstream::new(client.clone()),
            engine,
            client,
            subjects,
            topology: Arc::new(topology),
            adopts,
            ownership,
            log,
            stop,
            complained: None,
            completeness: Completeness::new(),
        }
    }

    /// Runs until it is told to stop and everything is published, or until publishing is hopeless.
    pub(crate) async fn run(mut self) {
        let mut delay = RETRY_DELAY_MIN;
        loop {
            let Some(tenure) = self.next_tenure().await else { return };
            let before = self.engine.published();
            let Err(problem) = self.attempt(tenure).await else { return };
            if self.ownership.tenure() != Some(tenure) && problem.code == Code::NatsUnreachable {
                // The lease was lost, which the keeper has logged.
                continue;
            }
            let stopping = is_stopped(&self.stop);
            if stopping && self.is_vain(&problem) {
                log_fault(&problem);
                return;
            }
            if self.engine.published() > before {
                delay = RETRY_DELAY_MIN;
            }
            self.complain(&problem);
            let wait = if problem.code == Code::NatsUnreachable { delay } else { REFUSED_DELAY };
            delay = RETRY_DELAY_MAX.min(delay * 2);
            tokio::select! {
                () = sleep(wait) => {}
                () = stopped(&mut self.stop), if !stopping => {}
            }
        }
    }

    /// Waits until this instance holds the lease. Returns `None` if it is told to stop before.
    async fn next_tenure(&mut self) -> Option<u64> {
        if let Some(tenure) = self.ownership.tenure() {
            return Some(tenure);
        }
        tokio::select! {
            tenure = self.ownership.next_tenure() => Some(tenure),
            () = stopped(&mut self.stop) => None,
        }
    }

    /// Relays until an error occurs. Afterwards the relay must ask the stream for its last event.
    async fn attempt(&mut self, tenure: u64) -> Result<(), Problem> {
        let synchronized = match self.await_log(tenure).await {
            Ok(()) => self.synchronize(tenure).await,
            Err(problem) => Err(problem),
        };
        let progress = synchronized.inspect_err(|problem| {
            if problem.code != Code::NatsUnreachable {
                self.ownership.unsuitable(tenure, problem);
            }
        })?;
        self.ownership.synchronized(tenure);
        self.pump(tenure, progress).await
    }

    /// Waits until this node writes the log that several share, while it holds the lease.
    async fn await_log(&mut self, tenure: u64) -> Result<(), Problem> {
        let Some(log) = &mut self.log else { return Ok(()) };
        let mut looks = interval(LOOK_INTERVAL);
        loop {
            tokio::select! {
                () = written(log, tenure) => return Ok(()),
                () = stopped(&mut self.stop) => return Err(Problem::new(Code::NatsUnreachable)),
                _ = looks.tick() => {
                    if self.ownership.tenure() != Some(tenure) {
                        return Err(unreachable("this instance does not hold the lease"));
                    }
                }
            }
        }
    }

    /// Returns whether a retry is hopeless while stopping.
    fn is_vain(&self, problem: &Problem) -> bool {
        let connected = self.client.connection_state() == async_nats::connection::State::Connected;
        !connected || problem.code != Code::NatsUnreachable
    }

    fn is_disconnected(&self) -> bool {
        self.client.connection_state() != async_nats::connection::State::Connected
    }

    /// Publishes events as they are committed, until it is told to stop and everything is
    /// published.
    async fn pump(&mut self, tenure: u64, mut progress: Progress) -> Result<(), Problem> {
        let connects = self.connects();
        let mut looks = interval(LOOK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut count = 0_u32;
        loop {
            let gathering = self.fill(tenure, &mut progress).await?;
            let (sent, ahead) = (progress.in_flight.len(), progress.ahead.is_some());
            let waits = !progress.pace.is_open() && progress.sent < *self.head.borrow();
            let idle = sent == 0 && gathering.is_none() && !ahead && !waits;
            if idle && is_stopped(&self.stop) {
                self.mark(&mut progress, 1);
                return Ok(());
            }
            self.mark(&mut progress, MARK_EVENTS);
            let may_send = gathering.is_none() && !ahead && !waits && sent < PARTIAL_IN_FLIGHT_MAX;
            let may_hurry = !ahead && !waits && sent < BATCHES_IN_FLIGHT_MAX;
            let may_take = ahead && !waits && sent < BATCHES_IN_FLIGHT_MAX;
            tokio::select! {
                biased;
                acknowledged = first(&mut progress.in_flight), if sent > 0 => {
                    progress.acknowledged = acknowledged?;
                    self.engine.set_published(progress.acknowledged);
                }
                changed = self.head.changed(), if may_send => {
                    // The engine was dropped, so there is nothing more to publish.
                    if changed.is_err() {
                        return Ok(());
                    }
                }
                changed = self.urgent.changed(), if may_hurry => {
                    if changed.is_err() {
                        return Ok(());
                    }
                }
                () = ready(&mut progress.ahead), if may_take => {}
                () = until(gathering), if gathering.is_some() => {}
                () = stopped(&mut self.stop), if idle => {}
                _ = looks.tick() => {
                    count += 1;
                    self.mark(&mut progress, 1);
                    self.check_tenure(tenure)?;
                    self.check_connection(connects)?;
                    let is_due = count.is_multiple_of(CHECKS_PER_LOOK) && !self.is_disconnected();
                    if is_due && progress.look.is_none() {
                        progress.look = Some(self.look(&progress));
                    }
                }
                looked = looked(&mut progress.look), if progress.look.is_some() => {
                    self.consider(&mut progress, looked?)?;
                }
                () = sleep(FOLLOW_INTERVAL), if waits => self.follow(&mut progress).await?,
            }
        }
    }

    /// Sends waiting events, up to the limit of unacknowledged batches. Returns until when to
    /// gather the rest, if it is to be gathered.
    async fn fill(
        &mut self,
        tenure: u64,
        progress: &mut Progress,
    ) -> Result<Option<Instant>, Problem> {
        while progress.in_flight.len() < BATCHES_IN_FLIGHT_MAX && progress.pace.is_open() {
            // Read first: the head is never behind it.
            let is_urgent = *self.urgent.borrow_and_update() > progress.sent;
            let head = *self.head.borrow_and_update();
            let waiting = head.get().saturating_sub(progress.sent.get());
            if progress.ahead.is_none() && waiting >= AHEAD_EVENTS_MIN {
                progress.ahead = Some(self.read_ahead(progress.sent)?);
            }
            if let Some(ahead) = &mut progress.ahead {
                match ahead.take()? {
                    Next::Messages(batch) => self.send(tenure, progress, batch).await?,
                    Next::Pending => return Ok(None),
                    Next::End => progress.ahead = None,
                }
                continue;
            }
            let leaves = is_urgent || waiting >= BATCH_EVENTS_MAX as u64;
            if waiting == 0 || (!leaves && progress.in_flight.len() >= PARTIAL_IN_FLIGHT_MAX) {
                return Ok(None);
            }
            let gathered = progress.left_at + GATHER_TIME;
            if !leaves && waiting >= GATHER_EVENTS_MIN && Instant::now() < gathered {
                return Ok(Some(gathered));
            }
            let batch = self.letterhead.batch(&mut self.outbox, progress.sent)?;
            self.send(tenure, progress, batch).await?;
        }
        Ok(None)
    }

    /// Reads full batches after a position on another thread, until fewer events than one wait.
    fn read_ahead(&self, after: Position) -> Result<ReadAhead, Problem> {
        let (letterhead, head) = (self.letterhead.clone(), self.head.clone());
        let (mut outbox, mut after) = (self.engine.outbox_leaving_out(LEAVE_OUT_EVENTS_MIN), after);
        ReadAhead::start(move || {
            let waiting = head.borrow().get().saturating_sub(after.get());
            if waiting < BATCH_EVENTS_MAX as u64 {
                return None;
            }
            let batch = letterhead.batch(&mut outbox, after);
            if let Ok([.., last]) = batch.as_deref() {
                after = last.position;
            }
            Some(batch)
        })
    }

    /// Sends the batch after what was sent before, if this instance may still publish. Only its
    /// last message requests an acknowledgment.
    async fn send(
        &self,
        tenure: u64,
        progress: &mut Progress,
        mut batch: Vec<Message>,
    ) -> Result<(), Problem> {
        self.check_tenure(tenure)?;
        if self.is_disconnected() {
            return Err(Problem::new(Code::NatsUnreachable));
        }
        let after = progress.sent;
        let positions = batch.iter().map(|message| message.position.get());
        if !positions.eq((after.get() + 1..).take(batch.len())) {
            return Err(gap(after));
        }
        progress.pace.send(&batch);
        let final_message = batch.pop().ok_or_else(|| gap(after))?;
        for Message { subject, headers, payload, .. } in batch {
            let sent = self.client.publish_with_headers(subject, headers, payload).await;
            sent.map_err(|error| unsent(&error))?;
        }
        let Message { position: last, subject, headers, payload, span } = final_message;
        let message = PublishMessage::build().headers(headers).payload(payload);
        let sent = self.jetstream.send_publish(subject, message).await;
        drop(span);
        let acknowledgment = sent.map_err(|error| unsent(&error))?.into_future();
        progress.in_flight.push_back(Sent { last, acknowledgment });
        progress.sent = last;
        progress.left_at = Instant::now();
        Ok(())
    }

    /// Stores the outbox mark if at least `events_min` events were acknowledged since it was last
    /// stored.
    fn mark(&self, progress: &mut Progress, events_min: u64) {
        if progress.acknowledged.get() - progress.marked.get() >= events_min {
            self.store_mark();
            progress.marked = progress.acknowledged;
        }
    }

    /// Stores the outbox mark. It is only a hint, so publishing goes on without it, also when the
    /// log accepts no more writes: what is durable must reach the stream.
    fn store_mark(&self) {
        if let Err(fault) = self.engine.store_published() {
            warn!(error = %Problem::from(fault), "the outbox mark is not stored");
        }
    }

    /// Returns an error if this instance may no longer publish.
    fn check_tenure(&self, tenure: u64) -> Result<(), Problem> {
        if self.ownership.tenure() == Some(tenure) {
            return Ok(());
        }
        Err(unreachable("this instance does not hold the lease"))
    }

    /// Returns an error after a new connection, whose server may have another stream.
    fn check_connection(&self, connects: u64) -> Result<(), Problem> {
        if self.connects() == connects {
            return Ok(());
        }
        Err(unreachable("the client reconnected to NATS"))
    }

    /// Returns how often the client has connected.
    fn connects(&self) -> u64 {
        self.client.statistics().connects.load(Ordering::Relaxed)
    }

    fn complain(&mut self, problem: &Problem) {
        if self.complained.as_ref() == Some(problem) {
            return;
        }
        log_fault(problem);
        let (code, message) = (problem.code.as_str(), problem.message.as_str());
        if problem.code == Code::NatsUnreachable {
            warn!(ledger.error.code = code, error = message, "relay interrupted, retrying");
        } else {
            error!(ledger.error.code = code, error = message, "relay stopped, retrying later");
        }
        self.complained = Some(problem.clone());
    }
}

/// The relay's progress.
struct Progress {
    sent: Position,
    acknowledged: Position,
    marked: Position,
    /// When the last batch was sent.
    left_at: Instant,
    /// Batches that were sent and are not acknowledged.
    in_flight: VecDeque<Sent>,
    /// Reads what comes after `sent`, while that is much.
    ahead: Option<ReadAhead>,
    /// How much may be sent before the bucket has it.
    pace: Pace,
    /// A look at the streams that the server has not answered yet.
    look: Option<Look>,
}

impl Progress {
    fn at(position: Position, pace: Pace) -> Self {
        Self {
            sent: position,
            acknowledged: position,
            marked: position,
            left_at: Instant::now(),
            in_flight: VecDeque::new(),
            ahead: None,
            pace,
            look: None,
        }
    }
}

/// Waits until the next batch has been read ahead, or all of them.
async fn ready(ahead: &mut Option<ReadAhead>) {
    match ahead {
        Some(ahead) => ahead.ready().await,
        None => std::future::pending().await,
    }
}

/// Waits until a time, or forever for `None`.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

fn unsent(error: &dyn std::error::Error) -> Problem {
    unreachable(format!("events could not be sent: {error}"))
}

fn gap(after: Position) -> Problem {
    let message = format!("the log has no event after position {after}");
    Problem::because(Code::RecordCorrupt, message)
}
