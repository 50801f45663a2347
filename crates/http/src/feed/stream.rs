//! A feed as server-sent events. It is made as it is taken: nothing is queued for a reader beyond
//! one piece of the ring.

use std::collections::VecDeque;
use std::convert::Infallible;

use axum::body::Bytes;
use futures::Stream;
use futures::stream::unfold;
use ledger_contract::errors::Code;
use tokio::time::Instant;

use super::follower::{Follower, Step, Woken};
use super::frame;

/// A piece of text, and how far along the log its reader is when it has arrived.
type Piece = (u64, Bytes);

/// A feed on its way.
struct Sending {
    follower: Follower,
    /// What was taken from the ring and not from here.
    ready: VecDeque<Piece>,
    /// How far the reader is by all that was handed over.
    told: u64,
    caught_up: bool,
    ended: bool,
    /// When something was last handed over.
    handed: Instant,
}

impl Follower {
    /// Returns the feed as text.
    pub(crate) fn stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static {
        let sending = Sending {
            told: self.position,
            ready: VecDeque::from([(self.position, frame::greeting())]),
            caught_up: false,
            ended: false,
            handed: Instant::now(),
            follower: self,
        };
        unfold(sending, |mut sending| async move {
            let next = sending.next().await?;
            Some((Ok(next), sending))
        })
    }
}

impl Sending {
    /// Returns the next text. The server asks for it when the reader has taken the last one, so
    /// the time between is the reader's.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.ended {
            if self.handed.elapsed() > self.follower.hub().limits.patience {
                self.end(Code::FeedTooSlow);
            } else if self.follower.is_stopped() {
                self.end(Code::ShuttingDown);
            } else if self.ready.is_empty() {
                self.fill().await;
            }
        }
        if !self.ended {
            self.end_unless_allowed();
        }
        let (position, text) = self.ready.pop_front()?;
        self.told = position;
        self.handed = Instant::now();
        Some(text)
    }

    /// Waits until there is something to send.
    async fn fill(&mut self) {
        while self.ready.is_empty() {
            self.end_unless_allowed();
            if self.ended {
                return;
            }
            match self.follower.step().await {
                Ok(Step::Texts(texts)) => {
                    self.ready.extend(texts.into_iter().map(|text| (text.position, text.frame)));
                }
                Ok(Step::Passed) => self.pass(),
                Ok(Step::End) => self.rest().await,
                Err(problem) => self.end(problem.code),
            }
        }
    }

    /// On a long way past events of others: shows a sign of life when it is time for one.
    fn pass(&mut self) {
        if self.handed.elapsed() >= self.follower.hub().limits.heartbeat {
            let position = self.follower.position;
            self.ready.push_back((position, frame::heartbeat_at(position)));
        }
    }

    /// At the end of the log: says so once, then waits.
    async fn rest(&mut self) {
        if !self.caught_up && self.follower.at_end() {
            self.caught_up = true;
            let position = self.follower.position;
            self.ready.push_back((position, frame::caught_up(position)));
            return;
        }
        let until = self.handed + self.follower.hub().limits.heartbeat;
        match self.follower.wait(until).await {
            Woken::News => {}
            Woken::Stopped => self.end(Code::ShuttingDown),
            Woken::Late => {
                let position = self.follower.position;
                let moved = position > self.told;
                let text = if moved { frame::heartbeat_at(position) } else { frame::heartbeat() };
                self.ready.push_back((position, text));
            }
        }
    }

    /// Ends the feed when its reader may not read it any more.
    fn end_unless_allowed(&mut self) {
        if let Err(problem) = self.follower.check() {
            self.end(problem.code);
        }
    }

    /// Puts the last word in place of all that was not handed over.
    fn end(&mut self, code: Code) {
        self.ended = true;
        // With nothing left to hand over, the reader is past all events that are not for it too.
        let position = if self.ready.is_empty() { self.follower.position } else { self.told };
        self.ready.clear();
        self.ready.push_back((position, frame::closing(code, position)));
    }
}
