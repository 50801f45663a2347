//! One reader's way along the log.

use std::sync::Arc;
use std::time::Duration;

use ledger_contract::errors::{Code, Problem};
use ledger_domain::principal::Scope;
use ledger_domain::{Position, WorkspaceName};
use ledger_engine::LiveCaller;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::broadcaster;
use super::frame::{Notice, Text};
use super::hub::{Hub, Reader};
use super::ring::{Lookup, Tail};
use super::stop::stopped;
use super::visibility::EventVisibility;

/// Events that a reader behind the ring takes from the log at once.
const LOG_PAGE: usize = 128;
/// Most events of one page, give or take the last piece.
const PAGE_EVENTS: usize = 256;
/// Most bytes of one page, give or take the last piece.
const PAGE_BYTES: usize = 1024 * 1024;

/// Where a feed starts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start {
    /// At the end of the log as it is now.
    Now,
    /// After a position.
    After(Position),
}

/// A position in the log, and what moves it.
pub(crate) struct Follower {
    reader: Reader,
    /// Everything up to here was looked at.
    pub(super) position: u64,
    visibility: EventVisibility,
    live_caller: LiveCaller,
    tail: watch::Receiver<Tail>,
    stop: watch::Receiver<bool>,
}

/// What comes next.
#[derive(Debug)]
pub(super) enum Step {
    /// Events, at least one.
    Texts(Vec<Text>),
    /// The position went past events that are not for this reader.
    Passed,
    /// Nothing more for now.
    End,
}

/// What ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// There may be something new.
    News,
    /// The time is over.
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
        Self { reader, position: position.get(), visibility, live_caller, tail, stop }
    }

    pub(super) fn hub(&self) -> &Hub {
        &self.reader.hub
    }

    /// Tells whether feeds are to end.
    pub(super) fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Refuses a reader who may not read this any more, and settles anew what it is shown. To be
    /// asked after events were taken and before they are handed over.
    pub(super) fn check(&mut self) -> Result<(), Problem> {
        let subject = self.visibility.followed();
        if self.live_caller.check(&self.reader.hub.engine, Scope::Read, subject)? {
            self.visibility =
                EventVisibility::of_caller(self.live_caller.caller(), self.visibility.only.take());
        }
        Ok(())
    }

    /// Tells whether everything that is durable was looked at.
    pub(super) fn at_end(&self) -> bool {
        self.position >= self.hub().engine.head().get()
    }

    /// Takes the next events of the log and returns those that are for this reader, without
    /// waiting for any.
    pub(super) async fn step(&mut self) -> Result<Step, Problem> {
        if self.is_stopped() {
            return Ok(Step::End);
        }
        self.tail.mark_unchanged();
        let notices = match self.hub().ring.after(self.position) {
            Lookup::Notices(notices) => notices,
            Lookup::Behind => self.page_of_log().await?,
            Lookup::End => {
                let failed = self.tail.borrow().failed;
                return failed.map_or(Ok(Step::End), |code| Err(Problem::new(code)));
            }
        };
        let Some(last) = notices.last() else { return Ok(Step::End) };
        self.position = last.position();
        // Between taking and choosing: what came after a right was lost is shown without it.
        self.check()?;
        let texts = notices.iter().filter_map(|notice| self.visibility.of(notice));
        let texts: Vec<_> = texts.cloned().collect();
        if texts.is_empty() {
            // Many events of others must not keep everyone else from their turn.
            tokio::task::yield_now().await;
            return Ok(Step::Passed);
        }
        Ok(Step::Texts(texts))
    }

    async fn page_of_log(&self) -> Result<Vec<Arc<Notice>>, Problem> {
        let hub = self.hub();
        let reading = hub.log_readers.acquire().await;
        let after = Position::new(self.position);
        let read = broadcaster::batch(&hub.engine, after, LOG_PAGE).await;
        drop(reading);
        read
    }

    /// Waits until there may be something new since the last step, or the reader's credential
    /// ends.
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

    /// Returns a page of the feed as JSON: as soon as there is one event, or when the time is
    /// over. One without events has the position that was reached, which may be before the end
    /// of the log when all that was looked at was for others.
    ///
    /// Errors: those of a reader who may not read any more; `shutting_down`; of the log.
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
                // The ring may be a moment behind the log, also when nobody wants to wait.
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
        Ok(written(&page, self.position))
    }
}

/// How long the ring may take to catch up with the log.
fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

/// Writes a [`ledger_contract::reply::FeedPage`] of notifications that are JSON already.
fn written(texts: &[Text], position: u64) -> Vec<u8> {
    let mut page = b"{\"events\":[".to_vec();
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            page.push(b',');
        }
        page.extend_from_slice(&text.json);
    }
    page.extend_from_slice(format!("],\"position\":{position}}}").as_bytes());
    page
}
