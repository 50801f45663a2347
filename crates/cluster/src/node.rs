//! Follows the log, and leads while this node holds the lease of the names.
//!
//! ```text
//! follow: read ─> check ─> engine                       until the lease is held
//! lead:   catch up ─> append the beginning of a term ─> engine decides
//!                                                       until an append fails or the lease is lost
//! ```

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::HeaderValue;
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::OrderedConfig;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use ledger_bus::{LogState, Tenures};
use ledger_contract::errors::{Code, Problem};
use ledger_contract::log_stream::{Beside, Term, encode_term};
use ledger_domain::Position;
use ledger_engine::{FollowedGroup, StreamPlace, Unavailable};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tracing::{error, info, warn};

use crate::append::StreamLog;
use crate::read::{Gathered, Parts, Read, Stored};
use crate::stream::MAC;
use crate::{Common, away, differs};

/// Interval between looks whether the lease is held.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// Wait after something failed.
const RETRY_DELAY: Duration = Duration::from_millis(200);
/// How long the holder of the lease tries to write the log before it leaves it to another node.
const GIVE_UP: Duration = Duration::from_secs(5);
/// Wait after a fault that only an operator can mend.
const FAULT_DELAY: Duration = Duration::from_secs(5);
/// Interval between looks at the end of the stream.
const END_INTERVAL: Duration = Duration::from_secs(1);
/// Looks until the stream is believed to have lost messages.
const END_LOOKS: u32 = 5;
/// Messages that are handed to the engine together.
const TOGETHER_MAX: usize = 64;
/// Values that are read at the same time.
const VALUES_AT_ONCE: usize = 32;

/// What this node knows of the stream.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The last message that was read.
    pub(crate) read: u64,
    /// The last message of the stream, when it was last looked at.
    pub(crate) end: u64,
    /// The last term.
    pub(crate) term: Option<Term>,
    /// How the log of this node differs from the writer's, if it was found to.
    pub(crate) differs: Option<String>,
    /// Why this node does not go on.
    pub(crate) fault: Option<String>,
}

/// The task of a node.
#[derive(Debug)]
pub(crate) struct Node {
    common: Arc<Common>,
    log: Arc<StreamLog>,
    tenures: Tenures,
    state: watch::Sender<LogState>,
    parts: Parts,
    read: u64,
}

/// What went wrong lately.
#[derive(Debug, Default)]
struct Trouble {
    /// The tenure that was left to another node.
    given_up: Option<u64>,
    /// The tenure in which the log cannot be written, and since when.
    failing: Option<(u64, Instant)>,
    /// What was logged last.
    complained: Option<Problem>,
}

impl Trouble {
    /// Returns whether the log cannot be written in this tenure for a while now.
    fn lasts(&mut self, tenure: u64) -> bool {
        let now = Instant::now();
        let failing = self.failing.filter(|(of, _)| *of == tenure).unwrap_or((tenure, now));
        self.failing = Some(failing);
        now - failing.1 >= GIVE_UP
    }

    /// Logs an outage once for each of its reasons.
    fn complain(&mut self, problem: Problem) {
        if self.complained.as_ref() != Some(&problem) {
            warn!(error = problem.message, "the log stream cannot be used now, retrying");
            self.complained = Some(problem);
        }
    }
}

impl Node {
    pub(crate) fn new(
        common: Arc<Common>,
        log: Arc<StreamLog>,
        tenures: Tenures,
        state: watch::Sender<LogState>,
    ) -> Self {
        Self { common, log, tenures, state, parts: Parts::default(), read: 0 }
    }

    /// Runs until it is told to stop.
    pub(crate) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        // An error means that the sender is gone.
        let stopped = async move { stop.wait_for(|stop| *stop).await.map(drop).ok() };
        tokio::select! {
            () = self.work() => {}
            _ = stopped => {}
        }
        self.log.end();
    }

    async fn work(&mut self) {
        let mut trouble = Trouble::default();
        loop {
            let tenure = self.tenures.now();
            let leads = tenure.filter(|tenure| trouble.given_up != Some(*tenure));
            let done = match leads {
                Some(tenure) => self.lead(tenure).await,
                None => self.follow(trouble.given_up).await,
            };
            let Err(problem) = done else {
                self.common.known.lock().fault = None;
                if let Some(tenure) = leads
                    && self.common.engine.steps_down()
                {
                    let why = "this node was asked to leave it to another one to write";
                    self.give_up(tenure, &Problem::because(Code::NotOwner, why));
                    trouble.given_up = Some(tenure);
                }
                trouble = Trouble { given_up: trouble.given_up, ..Trouble::default() };
                continue;
            };
            self.begin_again();
            if problem.code == Code::NatsUnreachable {
                if let Some(tenure) = leads
                    && trouble.lasts(tenure)
                {
                    self.give_up(tenure, &Problem::because(Code::NotOwner, &*problem.message));
                    trouble.given_up = Some(tenure);
                }
                trouble.complain(problem);
                sleep(RETRY_DELAY).await;
                continue;
            }
            self.note_fault(&problem);
            if let Some(tenure) = tenure {
                self.give_up(tenure, &problem);
                trouble.given_up = Some(tenure);
            }
            sleep(FAULT_DELAY).await;
        }
    }

    /// Leaves the lease of a tenure to another node.
    fn give_up(&self, tenure: u64, problem: &Problem) {
        self.state.send_replace(LogState::Follows);
        self.tenures.leave(tenure, problem);
    }

    fn note_fault(&self, problem: &Problem) {
        let before = self.common.known.lock().fault.replace(problem.message.clone());
        if before.as_ref() != Some(&problem.message) {
            error!(error = problem.message, "this node does not follow the log of the cluster");
        }
    }

    /// Reads again from what the engine has.
    fn begin_again(&mut self) {
        self.parts = Parts::default();
        self.read = 0;
    }

    /// Continues after what the engine has, unless this node already reads further on.
    fn begin(&mut self) -> Result<(), Problem> {
        if self.read == 0 {
            let followed = self.common.engine.followed().map_err(Problem::from)?;
            self.read = match followed {
                StreamPlace::Up { to, .. } => to,
                StreamPlace::Never | StreamPlace::ToJoin => 0,
            };
            self.parts = Parts::default();
        }
        Ok(())
    }

    /// Takes over what others append, until this node holds the lease in another tenure than the
    /// one that it has given up.
    async fn follow(&mut self, given_up: Option<u64>) -> Result<(), Problem> {
        self.common.stream.find_or_make(&self.common).await?;
        self.begin()?;
        self.check_end().await?;
        self.check_digest()?;
        let name = &self.common.stream.log.name;
        let stream = self.common.jetstream.get_stream_no_info(name).await;
        let stream = stream.map_err(|error| away(format!("no log stream: {error}")))?;
        let config = OrderedConfig {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: self.read + 1 },
            ..OrderedConfig::default()
        };
        let unread = |error: &dyn std::fmt::Display| away(format!("cannot read the log: {error}"));
        let consumer = stream.create_consumer(config).await.map_err(|error| unread(&error))?;
        let mut messages = consumer.messages().await.map_err(|error| unread(&error))?;
        let mut looks = interval(LOOK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looked_at = Instant::now();
        loop {
            let next = tokio::select! {
                next = messages.next() => next,
                _ = looks.tick() => {
                    if self.tenures.now().is_some_and(|tenure| given_up != Some(tenure)) {
                        return Ok(());
                    }
                    if looked_at.elapsed() >= END_INTERVAL {
                        self.check_end().await?;
                        looked_at = Instant::now();
                    }
                    self.check_digest()?;
                    continue;
                }
            };
            let mut together = Vec::new();
            let mut next = Some(next);
            while let Some(message) = next.take() {
                let message = message.ok_or_else(|| away("the log stream ended"))?;
                let message = message.map_err(|error| unread(&error))?;
                let info = message.info().map_err(|error| unread(&error))?;
                let sequence = info.stream_sequence;
                let mac = message.headers.as_ref().and_then(|headers| headers.get(MAC));
                let mac = mac.map(|mac| mac.as_str().to_owned());
                let stored =
                    Stored { sequence, mac: mac.as_deref(), body: &message.message.payload };
                self.take(&stored, &mut together).await?;
                if together.len() < TOGETHER_MAX {
                    next = messages.next().now_or_never();
                }
            }
            self.hand_over(together).await?;
        }
    }

    /// Checks that the log was not found to be another one than the writer's.
    fn check_digest(&self) -> Result<(), Problem> {
        match &self.common.known.lock().differs {
            None => Ok(()),
            Some(how) => Err(differs(how.clone())),
        }
    }

    /// Checks that the stream still has what this node has, and notes its end.
    async fn check_end(&self) -> Result<(), Problem> {
        let name = &self.common.stream.log.name;
        let next = self.read + 1;
        let (mut looks, mut end, mut first) = (0, 0, 0);
        // A server that led the stream before may not know its end.
        while looks < END_LOOKS && (looks == 0 || end < self.read) {
            if looks > 0 {
                sleep(END_INTERVAL).await;
            }
            let found = crate::stream::find(&self.common, name).await?;
            let info = found.ok_or_else(|| differs(format!("the stream {name} is gone")))?;
            (end, first) = (info.state.last_sequence, info.state.first_sequence);
            looks += 1;
        }
        self.common.known.lock().end = end;
        if end < self.read {
            return Err(differs(format!(
                "the stream {name} ends at message {end}, and this node has message {}: the NATS \
                 servers lost what they had acknowledged",
                self.read
            )));
        }
        if end >= next && first > next {
            return Err(differs(format!(
                "the stream {name} begins at message {first}, and this node needs message {next}; \
                 begin it anew with a copy of another node"
            )));
        }
        Ok(())
    }

    /// Becomes the writer in a tenure, and remains it as long as that is possible.
    async fn lead(&mut self, tenure: u64) -> Result<(), Problem> {
        self.common.stream.find_or_make(&self.common).await?;
        self.begin()?;
        let epoch = self.begin_term(tenure).await?;
        let Some(epoch) = epoch else { return Ok(()) };
        self.log.forget_failure();
        self.log.begin(self.read);
        let engine = self.common.engine.clone();
        let led = tokio::task::spawn_blocking(move || engine.lead(epoch)).await;
        let led = led.map_err(|error| away(format!("the writer did not begin: {error}")))?;
        led.map_err(Problem::from)?;
        self.common.known.lock().fault = None;
        self.state.send_replace(LogState::Writes(tenure));
        info!(ledger.epoch = epoch, "this node writes the log of the cluster");
        self.hold(tenure).await;
        self.common.engine.stop_leading();
        self.log.end();
        self.state.send_replace(LogState::Follows);
        self.begin_again();
        warn!(ledger.epoch = epoch, "this node does not write the log of the cluster any more");
        match self.common.engine.poisoned_by() {
            None => Ok(()),
            Some(poison) => Err(Problem::from(Unavailable::from(poison))),
        }
    }

    /// Waits until an append fails, or the lease is lost.
    async fn hold(&self, tenure: u64) {
        let mut looks = interval(LOOK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.log.until_failed() => return,
                _ = looks.tick() => {
                    let engine = &self.common.engine;
                    let is_poisoned = engine.poisoned_by().is_some();
                    if self.tenures.now() != Some(tenure) || !engine.leads() || is_poisoned {
                        return;
                    }
                }
            }
        }
    }

    /// Catches up, and appends the beginning of a term directly after what this node has. Returns
    /// its number, or `None` if the lease is lost before.
    async fn begin_term(&mut self, tenure: u64) -> Result<Option<u64>, Problem> {
        let started = Instant::now();
        loop {
            if self.tenures.now() != Some(tenure) {
                return Ok(None);
            }
            self.catch_up().await?;
            let engine = &self.common.engine;
            let term = Term {
                epoch: engine.term() + 1,
                node: self.common.node.clone(),
                position: engine.head().get(),
                event: engine.last_event()?.map(|id| id.to_string()),
            };
            match self.log.append_after(self.read, encode_term(&term)).await {
                Ok(sequence) => {
                    let mut together = Vec::new();
                    self.term(sequence, term.clone(), &mut together)?;
                    self.read = sequence;
                    self.hand_over(together).await?;
                    return Ok(Some(term.epoch));
                }
                Err(problem) if started.elapsed() >= GIVE_UP => return Err(problem),
                // Somebody else appended, or it is unknown, and then it is there to be read.
                Err(problem) => {
                    warn!(error = problem.message, "a term did not begin, trying again");
                    sleep(RETRY_DELAY).await;
                }
            }
        }
    }

    /// Reads from the leader of the stream up to its end.
    async fn catch_up(&mut self) -> Result<(), Problem> {
        self.check_end().await?;
        let name = self.common.stream.log.name.clone();
        let stream = self.common.jetstream.get_stream_no_info(&name).await;
        let stream = stream.map_err(|error| away(format!("no log stream: {error}")))?;
        loop {
            let mut together = Vec::new();
            while together.len() < TOGETHER_MAX {
                let message = match stream.get_raw_message(self.read + 1).await {
                    Ok(message) => message,
                    Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => {
                        break;
                    }
                    Err(error) => return Err(away(format!("cannot read the log: {error}"))),
                };
                let mac = message.headers.get(MAC).map(HeaderValue::as_str);
                let stored = Stored { sequence: message.sequence, mac, body: &message.payload };
                self.take(&stored, &mut together).await?;
            }
            if together.is_empty() {
                return Ok(());
            }
            self.hand_over(together).await?;
        }
    }

    /// Takes the next message, and adds what it completes to `together`.
    async fn take(
        &mut self,
        stored: &Stored<'_>,
        together: &mut Vec<FollowedGroup>,
    ) -> Result<(), Problem> {
        let sequence = stored.sequence;
        if sequence <= self.read {
            return Ok(());
        }
        if sequence != self.read + 1 {
            return Err(away(format!("message {} of the log stream is missing", self.read + 1)));
        }
        match self.parts.take(&self.common.engine, stored)? {
            Read::Part => {}
            Read::Term(term) => {
                // Positions are compared with what the engine has, so that has to be everything.
                self.hand_over(std::mem::take(together)).await?;
                self.term(sequence, term, together)?;
            }
            Read::Group(Gathered { first, records, beside }) => {
                let values = self.values(&beside).await?;
                together.push(FollowedGroup {
                    sequence,
                    first,
                    records,
                    beside,
                    values,
                    term: None,
                });
            }
        }
        self.read = sequence;
        let mut known = self.common.known.lock();
        known.read = sequence;
        known.end = known.end.max(sequence);
        Ok(())
    }

    /// Checks that a term begins where this log ends.
    fn term(
        &self,
        sequence: u64,
        term: Term,
        together: &mut Vec<FollowedGroup>,
    ) -> Result<(), Problem> {
        let engine = &self.common.engine;
        let (head, event) = (engine.head(), engine.last_event()?.map(|id| id.to_string()));
        if term.position != head.get() || term.event != event {
            return Err(differs(format!(
                "the term {} of {} begins after position {}, event {}, and this node has position \
                 {head}, event {}; begin it anew with a copy of another node",
                term.epoch,
                term.node,
                term.position,
                term.event.as_deref().unwrap_or("none"),
                event.as_deref().unwrap_or("none")
            )));
        }
        together.push(FollowedGroup {
            sequence,
            first: Position::new(term.position + 1),
            records: Vec::new(),
            beside: Beside::default(),
            values: HashMap::new(),
            term: Some(term.epoch),
        });
        self.common.known.lock().term = Some(term);
        Ok(())
    }

    async fn values(&self, beside: &Beside) -> Result<HashMap<Box<str>, Vec<u8>>, Problem> {
        let read = |name: Box<str>| async move {
            let value = self.common.stream.get(&self.common, &name).await?;
            Ok::<_, Problem>(value.map(|value| (name, value)))
        };
        futures::stream::iter(beside.values.iter().cloned().map(read))
            .buffer_unordered(VALUES_AT_ONCE)
            .try_filter_map(|found| std::future::ready(Ok(found)))
            .try_collect()
            .await
    }

    /// Hands groups to the engine, and waits until they are durable.
    async fn hand_over(&self, groups: Vec<FollowedGroup>) -> Result<(), Problem> {
        if groups.is_empty() {
            return Ok(());
        }
        let engine = self.common.engine.clone();
        let handed = tokio::task::spawn_blocking(move || {
            let told: Result<Vec<_>, _> =
                groups.into_iter().map(|group| engine.follow(group)).collect();
            for told in told? {
                told.recv().unwrap_or(Err(ledger_engine::Unavailable::ShuttingDown))?;
            }
            Ok::<_, ledger_engine::Unavailable>(())
        });
        let handed = handed.await.map_err(|error| away(format!("following ended: {error}")))?;
        handed.map_err(|failed| {
            let problem = Problem::from(failed);
            match problem.code {
                Code::NotOwner => differs(problem.message),
                _ => away(problem.message),
            }
        })
    }
}
