//! The state of a watcher between two items.

use std::collections::VecDeque;
use std::time::Duration;

use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::Ordered;
use futures::StreamExt as _;
use tokio::sync::watch;

use super::notice::Notice;
use super::{RETRY, WatchItem, WatchScope, initial, reader};
use crate::connect::{Client, LOGIN_NOW_REFUSED, Link};

/// A watcher.
pub(super) struct Feed {
    client: Client,
    scope: WatchScope,
    link: watch::Receiver<Link>,
    /// Items to deliver.
    ready: VecDeque<WatchItem>,
    /// The last position delivered, or `None` before the initial states have been read.
    last: Option<u64>,
    messages: Option<Ordered>,
    interrupted: bool,
    /// Whether it was told that the login is refused, since it was interrupted.
    told_of_login: bool,
    pause: Duration,
}

/// The reason why waiting for a message ended.
enum Woke {
    Change(Notice),
    Nothing,
    Broken(String),
}

impl Feed {
    pub(super) fn new(client: Client, scope: WatchScope, after: Option<u64>) -> Self {
        let link = client.link.clone();
        Self {
            client,
            scope,
            link,
            ready: VecDeque::new(),
            last: after,
            messages: None,
            interrupted: false,
            told_of_login: false,
            pause: RETRY.0,
        }
    }

    /// Waits for the next item.
    pub(super) async fn next(&mut self) -> WatchItem {
        loop {
            if let Some(item) = self.ready.pop_front() {
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
        if self.messages.is_none() {
            // Requests made now would be queued and all reach the server much later.
            self.client.check_connected().map_err(|error| error.to_string())?;
        }
        let Some(last) = self.last else {
            return self.read_initial().await;
        };
        let Some(messages) = &mut self.messages else {
            self.messages = Some(self.open(last + 1).await?);
            self.resume();
            return Ok(());
        };
        match wait(messages, &mut self.link).await {
            Woke::Change(notice) if notice.position > last => {
                self.last = Some(notice.position);
                self.ready.push_back(WatchItem::Change(notice));
            }
            Woke::Change(_) | Woke::Nothing => {}
            Woke::Broken(reason) => {
                self.messages = None;
                return Err(reason);
            }
        }
        Ok(())
    }

    async fn read_initial(&mut self) -> Result<(), String> {
        let snapshot = initial::read(&self.client, &self.scope).await?;
        self.resume();
        self.last = Some(snapshot.position);
        self.ready.extend(snapshot.notices.into_iter().map(WatchItem::Initial));
        self.ready.push_back(WatchItem::CaughtUp { position: snapshot.position });
        Ok(())
    }

    /// Opens the event stream at a position. If the stream is missing, the ledger recreates it with
    /// the same numbers once it reaches the server.
    async fn open(&mut self, start_sequence: u64) -> Result<Ordered, String> {
        self.link.mark_unchanged();
        let subjects = self.client.subjects();
        let policy = DeliverPolicy::ByStartSequence { start_sequence };
        let filter = self.scope.events(subjects);
        let opened = reader::open(&self.client, &subjects.stream_name(), filter, policy).await;
        opened.map(|reader| reader.messages)
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
async fn wait(messages: &mut Ordered, link: &mut watch::Receiver<Link>) -> Woke {
    tokio::select! {
        message = messages.next() => match message {
            Some(Ok(message)) => {
                let message = message.split().0;
                let length_bytes = message.payload.len();
                Notice::read(message).map_or_else(
                    || {
                        tracing::warn!(length_bytes, "skipping an invalid event message");
                        Woke::Nothing
                    },
                    Woke::Change,
                )
            }
            Some(Err(error)) => Woke::Broken(error.to_string()),
            None => Woke::Broken("the consumer of the event stream ended".to_owned()),
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
