//! The position of one reader in the log.

use std::sync::Arc;
use std::time::Duration;

use ledger_contract::ResumePoint;
use ledger_contract::errors::{Code, Problem};
use ledger_domain::principal::Scope;
use ledger_domain::{Position, WorkspaceName};
use ledger_engine::{LiveCaller, Outbox};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::broadcaster;
use super::frame::{Notice, Text};
use super::hub::{Hub, Reader};
use super::ring::{Lookup, Tail};
use super::stop::stopped;
use super::visibility::EventVisibility;

/// Events that a reader behind the ring reads from the log at a time.
const LOG_PAGE: usize = 128;
/// Events after which a page is complete; the last batch may exceed it.
const PAGE_EVENTS: usize = 256;
/// Bytes after which a page is complete; the last batch may exceed it.
const PAGE_BYTES: usize = 1024 * 1024;

/// Where a feed starts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start {
    /// At the present end of the log.
    Now,
    /// After a position.
    After(Position),
}

/// A reader's position in the log, and the means to advance it.
pub(crate) struct Follower {
    reader: Reader,
    /// The last position that has been examined.
    pub(super) position: u64,
    visibility: EventVisibility,
    live_caller: LiveCaller,
    tail: watch::Receiver<Tail>,
    stop: watch::Receiver<bool>,
    /// Reads the log while the reader is behind the ring.
    outbox: Option<Outbox>,
}

/// The result of a step.
#[derive(Debug)]
pub(super) enum Step {
    /// Events, at least one.
    Texts(Vec<Text>),
    /// The position advanced past events that this reader may not see.
    Passed,
    /// Nothing more for now.
    End,
}

/// The reason why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// There may be new events.
    News,
    /// The time is up.
    Late,
    /// Feeds are to end.
    Stopped,
}

impl Follower {
    pub(super) fn new(
        reader: Reader,
        start: Start,
        only: Option<WorkspaceName>,
        live_caller: LiveCaller,
    ) -> Self {
        let (tail, stop) = (reader.hub.ring.subscribe(), reader.hub.stop.subscribe());
        let position = match start {
            Start::Now => reader.hub.engine.head(),
            Start::After(position) => position,
        };
        let visibility = EventVisibility::of_caller(live_caller.caller(), only);
        let position = position.get();
        Self { reader, position, visibility, live_caller, tail, stop, outbox: None }
    }

    pub(super) fn hub(&self) -> &Hub {
        &self.reader.hub
    }

    /// Returns what a reader continues after who has reached a position.
    pub(super) fn point_at(&self, position: u64) -> ResumePoint {
        ResumePoint::new(Position::new(position), self.hub().engine.identity().incarnation)
    }

    /// Returns whether feeds are to end.
    pub(super) fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Rejects readers who have lost the right to read, and updates what they may see. Call it
    /// after events are taken and before they are delivered.
    pub(super) fn check(&mut self) -> Result<(), Problem> {
        let subject = self.visibility.followed();
        if self.live_caller.check(&self.reader.hub.engine, Scope::Read, subject)? {
            self.visibility =
                EventVisibility::of_caller(self.live_caller.caller(), self.visibility.only.take());
        }
        Ok(())
    }

    /// Returns whether every durable event has been examined.
    pub(super) fn at_end(&self) -> bool {
        self.position >= self.hub().engine.head().get()
    }

    /// Takes the next events of the log and returns those that this reader may see. Does not wait.
    pub(super) async fn step(&mut self) -> Result<Step, Problem> {
        if self.is_stopped() {
            return Ok(Step::End);
        }
        self.tail.mark_unchanged();
        let notices = match self.hub().ring.after(self.position) {
            Lookup::Notices(notices) => {
                self.outbox = None;
                notices
            }
            Lookup::Behind => self.page_of_log().await?,
            Lookup::End => {
                let failed = self.tail.borrow().failed;
                return failed.map_or(Ok(Step::End), |code| Err(Problem::new(code)));
            }
        };
        let Some(last) = notices.last() else { return Ok(Step::End) };
        self.position = last.position();
        // Checked after taking, so that events after the loss of a right are filtered without it.
        self.check()?;
        let texts = notices.iter().filter_map(|notice| self.visibility.of(notice));
        let texts: Vec<_> = texts.cloned().collect();
        if texts.is_empty() {
            // A long run of invisible events must not starve other tasks.
            tokio::task::yield_now().await;
            return Ok(Step::Passed);
        }
        Ok(Step::Texts(texts))
    }

    async fn page_of_log(&mut self) -> Result<Vec<Arc<Notice>>, Problem> {
        let hub = Arc::clone(&self.reader.hub);
        let reading = hub.log_readers.acquire().await;
        let outbox = self.outbox.take().unwrap_or_else(|| hub.engine.outbox());
        let after = Position::new(self.position);
        let (notices, outbox) = broadcaster::batch(&hub.engine, outbox, after, LOG_PAGE).await?;
        self.outbox = Some(outbox);
        drop(reading);
        Ok(notices)
    }

    /// Waits until there may be new events since the last step, or the reader's credential expires.
    pub(super) async fn wait(&mut self, until: Instant) -> Woken {
        let left = self.live_caller.ends_in(&self.reader.hub.engine);
        let end = left.and_then(|left| Instant::now().checked_add(left));
        let until = end.map_or(until, |end| until.min(end));
        tokio::select! {
            biased;
            () = stopped(&mut self.stop) => Woken::Stopped,
            moved = self.tail.changed() => match moved {
                Ok(()) => Woken::News,
                Err(_) => Woken::Stopped,
            },
            () = sleep_until(until) => Woken::Late,
        }
    }

    /// Returns a page of the feed as JSON once it has an event, or after the wait. A page without
    /// events has the position reached, which may be before the end of the log if this reader may
    /// not see the examined events.
    ///
    /// Errors: those of a lost right to read; `shutting_down`; those of reading the log.
    pub(crate) async fn page(mut self, wait: Duration) -> Result<Vec<u8>, Problem> {
        let started = Instant::now();
        let (until, look) = (started + wait, started + self.hub().limits.look);
        let mut page = Vec::new();
        let mut bytes = 0;
        loop {
            match self.step().await? {
                Step::Texts(texts) => {
                    bytes += texts.iter().map(|text| text.json.len()).sum::<usize>();
                    page.extend(texts);
                    if page.len() >= PAGE_EVENTS || bytes >= PAGE_BYTES {
                        break;
                    }
                }
                Step::Passed => {
                    let enough = if page.is_empty() { until.max(look) } else { look };
                    if Instant::now() >= enough {
                        break;
                    }
                }
                // The ring may be slightly behind the log, so even a wait of zero allows for that.
                Step::End if page.is_empty() && (Instant::now() < until || !self.at_end()) => {
                    let until = if self.at_end() { until } else { until.max(soon()) };
                    match self.wait(until).await {
                        Woken::News => {}
                        Woken::Late => break,
                        Woken::Stopped => return Err(Problem::new(Code::ShuttingDown)),
                    }
                }
                Step::End => break,
            }
        }
        self.check()?;
        Ok(written(&page, self.point_at(self.position)))
    }
}

/// Returns the time by which the ring should have caught up with the log.
fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

/// Serializes a [`ledger_contract::reply::FeedPage`] from notifications that already are JSON.
fn written(texts: &[Text], end: ResumePoint) -> Vec<u8> {
    let mut page = b"{\"events\":[".to_vec();
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            page.push(b',');
        }
        page.extend_from_slice(&text.json);
    }
    let tail = format!("],\"position\":{},\"resume_after\":\"{end}\"}}", end.position);
    page.extend_from_slice(tail.as_bytes());
    page
}
