//! The state of a watcher between two items.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use ledger_contract::ResumePoint;
use tokio::sync::watch;

use super::ledger::Listed;
use super::notice::Notice;
use super::opening::{self, Opened};
use super::reached::Reached;
use super::reader::{Reader, Received};
use super::restart::Restart;
use super::window::Window;
use super::{RETRY, WatchItem, WatchScope, initial, reader};
use crate::connect::{Client, LOGIN_NOW_REFUSED, Link};

/// A watcher.
pub(super) struct Feed {
    client: Client,
    scope: WatchScope,
    link: watch::Receiver<Link>,
    /// Items to deliver.
    ready: VecDeque<WatchItem>,
    /// What has been delivered, or `None` before the initial states have been read.
    reached: Option<Reached>,
    /// The connections whose initial states are later than that, with their positions.
    settled: HashMap<String, u64>,
    /// The initial states that the ledger listed before it was away.
    listed: Option<Listed>,
    reader: Option<Box<Reader>>,
    window: Window,
    interrupted: bool,
    /// Whether it was told that the login is refused, since it was interrupted.
    told_of_login: bool,
    pause: Duration,
}

/// The reason why waiting for a message ended.
enum Woke {
    /// An event arrived, and so many more wait.
    Change(Notice, u64),
    Nothing,
    Broken(String),
}

impl Feed {
    pub(super) fn new(client: Client, scope: WatchScope, after: Option<ResumePoint>) -> Self {
        let link = client.link.clone();
        Self {
            client,
            scope,
            link,
            ready: VecDeque::new(),
            reached: after.map(Reached::after),
            settled: HashMap::new(),
            listed: None,
            reader: None,
            window: Window::new(),
            interrupted: false,
            told_of_login: false,
            pause: RETRY.0,
        }
    }

    /// Waits for the next item.
    pub(super) async fn next(&mut self) -> WatchItem {
        self.window.asks();
        loop {
            if let Some(item) = self.ready.pop_front() {
                self.window.given();
                return item;
            }
            if let Err(reason) = self.advance().await {
                self.interrupt(reason);
                self.rest().await;
            }
        }
    }

    /// Waits before the next attempt, longer each time, or until a reconnect.
    async fn rest(&mut self) {
        let connected = self.client.connected();
        tokio::select! {
            () = tokio::time::sleep(self.pause) => {}
            Ok(()) = self.link.changed(), if !connected => {}
        }
        self.pause = (self.pause * 2).min(RETRY.1);
    }

    /// Performs one step: reads the initial states, opens the event stream, or receives a change.
    async fn advance(&mut self) -> Result<(), String> {
        if self.reader.is_none() {
            // Requests made now would be queued and all reach the server much later.
            self.client.check_connected().map_err(|error| error.to_string())?;
        }
        let Some(mut reached) = self.reached else {
            return self.read_initial().await;
        };
        let Some(reader) = &mut self.reader else {
            self.link.mark_unchanged();
            let opened = opening::open(&self.client, &self.scope, &mut reached).await?;
            self.reached = Some(reached);
            self.go_on(opened);
            return Ok(());
        };
        match wait(reader, &mut self.link).await {
            Woke::Change(notice, _) if !notice.is_of(reached.point.incarnation) => {
                self.reader = None;
                let found = notice.incarnation;
                let decided =
                    opening::other_history(&self.client, &self.scope, &reached, found).await?;
                self.go_on(decided);
            }
            Woke::Change(notice, waiting) => self.take(notice, &reached, waiting).await?,
            Woke::Nothing => {}
            Woke::Broken(reason) => {
                self.reader = None;
                return Err(reason);
            }
        }
        Ok(())
    }

    /// Delivers the next event, unless it was delivered before, by itself or in an initial state,
    /// or others are missing before it.
    async fn take(&mut self, notice: Notice, before: &Reached, waiting: u64) -> Result<(), String> {
        if notice.position <= before.position() {
            return Ok(());
        }
        if !self.follows(&notice, before, waiting).await? {
            self.reader = None;
            let decided = opening::missed(&self.client, &self.scope, before).await?;
            self.go_on(decided);
            return Ok(());
        }
        let mut reached = Reached::at(&notice);
        reached.point.incarnation = notice.incarnation.or(before.point.incarnation);
        self.reached = Some(reached);
        let settled = self.settled.get(notice.key()).copied();
        if settled.is_none_or(|settled| notice.position > settled) {
            self.ready.push_back(WatchItem::Change(notice));
        }
        Ok(())
    }

    /// Returns whether nothing is missing between what was delivered and an event.
    async fn follows(
        &mut self,
        notice: &Notice,
        before: &Reached,
        waiting: u64,
    ) -> Result<bool, String> {
        if self.scope == WatchScope::Everything {
            return Ok(notice.position == before.position() + 1);
        }
        let Some(since) = self.window.received(before.position(), waiting) else {
            return Ok(true);
        };
        let is_whole = match reader::begin(&self.client, &self.scope).await {
            Ok(begin) => begin <= since + 1,
            Err(reason) => {
                self.reader = None;
                return Err(reason);
            }
        };
        if is_whole {
            self.window.is_whole();
        }
        Ok(is_whole)
    }

    fn go_on(&mut self, opened: Opened) {
        match opened {
            Opened::Continues(reader) => {
                self.reader = Some(reader);
                self.resume();
            }
            Opened::Again => {}
            Opened::Restart(reason) => self.restart(reason),
        }
    }

    /// Forgets where the watcher stands, so that the initial states are read next.
    fn restart(&mut self, reason: Restart) {
        tracing::info!(reason = reason.as_str(), "watch starts anew");
        self.reached = None;
        self.settled.clear();
        self.reader = None;
        self.window = Window::new();
        self.ready.push_back(WatchItem::Restarted { reason });
    }

    async fn read_initial(&mut self) -> Result<(), String> {
        let snapshot = initial::read(&self.client, &self.scope, &mut self.listed).await?;
        self.listed = None;
        self.resume();
        let point = snapshot.reached.point;
        self.reached = Some(snapshot.reached);
        self.settled = snapshot.settled;
        self.ready.extend(snapshot.notices.into_iter().map(WatchItem::Initial));
        self.ready.push_back(WatchItem::CaughtUp { point });
        Ok(())
    }

    fn interrupt(&mut self, reason: String) {
        tracing::debug!(%reason, "watch interrupted");
        let login_refused = self.link.borrow().login_refused;
        let tells_more =
            login_refused && !std::mem::replace(&mut self.told_of_login, login_refused);
        if !self.interrupted || tells_more {
            self.interrupted = true;
            self.ready.push_back(WatchItem::Interrupted { reason });
        }
    }

    fn resume(&mut self) {
        self.pause = RETRY.0;
        if self.interrupted {
            self.interrupted = false;
            self.told_of_login = false;
            self.ready.push_back(WatchItem::Resumed);
        }
    }
}

/// Waits for a message or a broken connection. A reader does not survive a restart of the server,
/// may not survive a reconnect, and may notice late; opening a new one is cheap.
async fn wait(reader: &mut Reader, link: &mut watch::Receiver<Link>) -> Woke {
    tokio::select! {
        received = reader.next() => match received {
            Ok(Received { message, pending }) => {
                let length_bytes = message.payload.len();
                if let Some(notice) = Notice::read(message) {
                    return Woke::Change(notice, pending);
                }
                tracing::warn!(length_bytes, "skipping an invalid event message");
                Woke::Nothing
            }
            Err(reason) => Woke::Broken(reason),
        },
        Ok(()) = link.changed() => match *link.borrow_and_update() {
            // The event for the first connection may arrive late, when it is already in use.
            Link { up: true, connects: 0..=1, .. } => Woke::Nothing,
            Link { up: true, .. } => Woke::Broken("NATS was reconnected".to_owned()),
            Link { login_refused: true, .. } => Woke::Broken(LOGIN_NOW_REFUSED.to_owned()),
            Link { up: false, .. } => Woke::Broken("NATS is disconnected".to_owned()),
        },
    }
}
