//! The outbox relay: every event of the log onto the event stream, once and in order.
//!
//! Stream sequence equals log position. Each message is stored only right after the one before
//! it, so the acknowledgment of one proves all before it; the relay asks for one acknowledgment a
//! batch. After anything unexpected it asks the stream where it ends and goes on from there.
//!
//! The relay runs on a thread and a connection of its own, because it reads the store, which
//! blocks, because an event must leave at once, with no other task's work in front of it, and
//! because no reply may wait behind events.
//!
//! An event that comes alone leaves at once. When several have come since the last batch left,
//! more are coming; then they are gathered for a few milliseconds, which costs the NATS server
//! and us a fraction of what sending them one by one does.

mod message;
mod resume;

use std::collections::VecDeque;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::context::PublishError;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::{self, Context};
use ledger_contract::errors::{Code, Problem};
use ledger_contract::subjects::Subjects;
use ledger_domain::Position;
use ledger_engine::{Engine, OutboxItem};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use tracing::{error, info, warn};

use crate::connect::{self, unreachable};
use crate::stop::{is_stopped, stopped};
use crate::topology::Topology;
use message::Letterhead;

/// Most events sent with one acknowledgment.
const BATCH_EVENTS_MAX: usize = 256;
/// Most batches sent and not acknowledged.
const BATCHES_IN_FLIGHT_MAX: usize = 4;
/// Most batches sent and not acknowledged when another that is not full is to leave.
const PARTIAL_IN_FLIGHT_MAX: usize = 2;
/// From this many waiting events on, more are gathered.
const GATHER_EVENTS_MIN: u64 = 8;
/// How long after a batch the next may leave that is gathered.
const GATHER_TIME: Duration = Duration::from_millis(5);
/// The outbox mark is stored after this many acknowledged events, and at every look.
const MARK_EVENTS: u64 = 1_024;
/// How long to wait for the connection before saying that there is none.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks at whether the connection is still the same one.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// Looks between two checks of the streams' settings.
const LOOKS_PER_CHECK: u32 = 20;
/// First wait after a failure; doubled up to the next one.
const RETRY_DELAY_MIN: Duration = Duration::from_millis(50);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(5);
/// Wait after something that only an operator can put right.
const REFUSED_DELAY: Duration = Duration::from_secs(10);

type Acknowledgment = Pin<Box<dyn Future<Output = Result<PublishAck, PublishError>> + Send>>;

/// Carries events from the log to the stream.
#[derive(Debug)]
pub(crate) struct Relay {
    engine: Engine,
    client: Client,
    jetstream: Context,
    subjects: Subjects,
    topology: Topology,
    letterhead: Letterhead,
    head: watch::Receiver<Position>,
    stop: watch::Receiver<bool>,
    /// What was complained about last, so that one trouble is told once.
    complained: Option<Problem>,
}

/// A batch on its way.
struct Sent {
    last: Position,
    acknowledgment: Acknowledgment,
}

impl Relay {
    pub(crate) fn new(
        engine: Engine,
        client: Client,
        subjects: Subjects,
        topology: Topology,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self {
            letterhead: Letterhead::new(engine.ledger_id(), subjects.stream_name()),
            head: engine.subscribe_head(),
            jetstream: jetstream::new(client.clone()),
            engine,
            client,
            subjects,
            topology,
            stop,
            complained: None,
        }
    }

    /// Runs until it is told to stop and everything is out, or until nothing can get out.
    pub(crate) async fn run(mut self) {
        let mut delay = RETRY_DELAY_MIN;
        loop {
            let before = self.engine.published();
            let Err(problem) = self.attempt().await else { return };
            let stopping = is_stopped(&self.stop);
            if stopping && self.is_vain(&problem) {
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

    /// Relays for as long as nothing goes wrong. After an error, where the stream ends has to be
    /// asked again.
    async fn attempt(&mut self) -> Result<(), Problem> {
        let from = self.synchronize().await?;
        self.pump(from).await
    }

    /// Tells whether it is no use to try again while stopping.
    fn is_vain(&self, problem: &Problem) -> bool {
        let connected = self.client.connection_state() == async_nats::connection::State::Connected;
        !connected || problem.code != Code::NatsUnreachable
    }

    /// Makes sure that the server will do and that the streams are there, then finds out where
    /// to go on.
    async fn synchronize(&mut self) -> Result<Position, Problem> {
        let disconnected = self.is_disconnected();
        tokio::select! {
            checked = connect::check(&self.client, CONNECT_PATIENCE) => checked?,
            () = stopped(&mut self.stop), if disconnected => {
                return Err(Problem::new(Code::NatsUnreachable));
            }
        }
        let extent = self.topology.ensure(&self.jetstream).await?;
        let stream = self.subjects.stream_name();
        let (engine, letterhead) = (&self.engine, &self.letterhead);
        let from =
            resume::resume_position(&self.jetstream, engine, letterhead, &stream, extent).await?;
        let mark = self.engine.published();
        if from < mark {
            warn!(
                nats.stream = stream,
                ledger.position = from.get(),
                ledger.published = mark.get(),
                "stream lost events, sending them again"
            );
        }
        self.engine.set_published(from);
        self.engine.store_published()?;
        if self.complained.take().is_some() {
            info!(nats.stream = stream, ledger.position = from.get(), "relay goes on");
        }
        Ok(from)
    }

    fn is_disconnected(&self) -> bool {
        self.client.connection_state() != async_nats::connection::State::Connected
    }

    /// Sends events after `from` as they come, until it is told to stop and everything is out.
    async fn pump(&mut self, from: Position) -> Result<(), Problem> {
        let mut progress = Progress::at(from);
        let mut in_flight = VecDeque::new();
        let connects = self.connects();
        let mut looks = interval(LOOK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut count = 0;
        loop {
            let gathering = self.fill(&mut progress, &mut in_flight).await?;
            let idle = in_flight.is_empty() && gathering.is_none();
            if idle && is_stopped(&self.stop) {
                return self.mark(&mut progress, 1);
            }
            self.mark(&mut progress, MARK_EVENTS)?;
            let may_send = gathering.is_none() && in_flight.len() < PARTIAL_IN_FLIGHT_MAX;
            tokio::select! {
                biased;
                acknowledged = first(&mut in_flight), if !in_flight.is_empty() => {
                    progress.acknowledged = acknowledged?;
                    self.engine.set_published(progress.acknowledged);
                }
                changed = self.head.changed(), if may_send => {
                    // The engine is gone, and with it what there is to send.
                    if changed.is_err() {
                        return Ok(());
                    }
                }
                () = until(gathering), if gathering.is_some() => {}
                () = stopped(&mut self.stop), if idle => {}
                _ = looks.tick() => {
                    count += 1;
                    self.mark(&mut progress, 1)?;
                    self.look(connects, count).await?;
                }
            }
        }
    }

    /// Sends what the log has, as far as may be in flight. Returns until when to gather what is
    /// left, if it is to be.
    async fn fill(
        &mut self,
        progress: &mut Progress,
        in_flight: &mut VecDeque<Sent>,
    ) -> Result<Option<Instant>, Problem> {
        while in_flight.len() < BATCHES_IN_FLIGHT_MAX {
            let head = *self.head.borrow_and_update();
            let waiting = head.get().saturating_sub(progress.sent.get());
            let is_full = usize::try_from(waiting).is_ok_and(|most| most >= BATCH_EVENTS_MAX);
            if waiting == 0 || (!is_full && in_flight.len() >= PARTIAL_IN_FLIGHT_MAX) {
                return Ok(None);
            }
            let gathered = progress.left_at + GATHER_TIME;
            if !is_full && waiting >= GATHER_EVENTS_MIN && Instant::now() < gathered {
                return Ok(Some(gathered));
            }
            let batch = self.engine.notifications(progress.sent, BATCH_EVENTS_MAX)?;
            let sent = self.send(batch, progress.sent).await?;
            progress.sent = sent.last;
            progress.left_at = Instant::now();
            in_flight.push_back(sent);
        }
        Ok(None)
    }

    /// Sends one batch; only its last message asks for an acknowledgment.
    async fn send(&self, batch: Vec<OutboxItem>, after: Position) -> Result<Sent, Problem> {
        if self.is_disconnected() {
            return Err(Problem::new(Code::NatsUnreachable));
        }
        let last = batch.len().checked_sub(1).ok_or_else(|| gap(after))?;
        let mut expected = after;
        for (index, item) in batch.into_iter().enumerate() {
            expected = expected.next();
            if item.position != expected {
                return Err(gap(after));
            }
            let subject = self.subjects.event(&item.workspace, &item.stream);
            let headers = self.letterhead.headers(&item);
            if index == last {
                let message = PublishMessage::build().headers(headers).payload(item.body.into());
                let sent = self.jetstream.send_publish(subject, message).await;
                let acknowledgment = sent.map_err(|error| unsent(&error))?.into_future();
                return Ok(Sent { last: expected, acknowledgment });
            }
            let sent = self.client.publish_with_headers(subject, headers, item.body.into()).await;
            sent.map_err(|error| unsent(&error))?;
        }
        Err(gap(after))
    }

    /// Stores the outbox mark when at least so many events were acknowledged since it last was.
    fn mark(&self, progress: &mut Progress, events_min: u64) -> Result<(), Problem> {
        if progress.acknowledged.get() - progress.marked.get() >= events_min {
            self.engine.store_published()?;
            progress.marked = progress.acknowledged;
        }
        Ok(())
    }

    /// Notices a new connection, behind which the stream may be another, and drift.
    async fn look(&self, connects: u64, count: u32) -> Result<(), Problem> {
        if self.connects() != connects {
            return Err(unreachable("the connection to NATS was made anew"));
        }
        if count.is_multiple_of(LOOKS_PER_CHECK) && !self.is_disconnected() {
            self.topology.ensure(&self.jetstream).await?;
        }
        Ok(())
    }

    /// Returns how often the client has connected so far.
    fn connects(&self) -> u64 {
        self.client.statistics().connects.load(Ordering::Relaxed)
    }

    fn complain(&mut self, problem: &Problem) {
        if self.complained.as_ref() == Some(problem) {
            return;
        }
        let (code, message) = (problem.code.as_str(), problem.message.as_str());
        if problem.code == Code::NatsUnreachable {
            warn!(ledger.error.code = code, error = message, "relay interrupted, trying on");
        } else {
            error!(ledger.error.code = code, error = message, "relay stopped, trying again later");
        }
        self.complained = Some(problem.clone());
    }
}

/// How far the relay is.
struct Progress {
    sent: Position,
    acknowledged: Position,
    marked: Position,
    /// When the last batch left.
    left_at: Instant,
}

impl Progress {
    fn at(position: Position) -> Self {
        let left_at = Instant::now();
        Self { sent: position, acknowledged: position, marked: position, left_at }
    }
}

/// Waits until a time, or forever.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Waits for the acknowledgment of the oldest batch. Nothing is lost when this is dropped before
/// it is done.
async fn first(in_flight: &mut VecDeque<Sent>) -> Result<Position, Problem> {
    let Some(sent) = in_flight.front_mut() else {
        return std::future::pending().await;
    };
    let acknowledgment = sent.acknowledgment.as_mut().await;
    let last = sent.last;
    in_flight.pop_front();
    match acknowledgment {
        Ok(stored) if stored.sequence == last.get() => Ok(last),
        Ok(stored) => {
            let at = stored.sequence;
            Err(unreachable(format!("event {last} was stored as message {at}")))
        }
        Err(error) => Err(unreachable(format!("event {last} was not acknowledged: {error}"))),
    }
}

fn unsent(error: &dyn std::error::Error) -> Problem {
    unreachable(format!("events could not be sent: {error}"))
}

fn gap(after: Position) -> Problem {
    let message = format!("the log does not tell the event after position {after}");
    Problem::because(Code::RecordCorrupt, message)
}
