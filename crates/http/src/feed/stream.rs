//! A feed as server-sent events. Text is produced on demand, so at most one batch of the ring is
//! queued for a reader.

use std::collections::VecDeque;
use std::convert::Infallible;

use axum::body::Bytes;
use futures::Stream;
use futures::stream::unfold;
use ledger_contract::errors::Code;
use ledger_engine::log_fault;
use tokio::time::Instant;

use super::follower::{Follower, Step, Woken};
use super::frame;

/// A piece of text, and the reader's position once it is delivered.
type Piece = (u64, Bytes);

/// An open feed.
struct Sending {
    follower: Follower,
    /// Pieces taken from the ring but not delivered yet.
    ready: VecDeque<Piece>,
    /// The reader's position after all delivered pieces.
    told: u64,
    caught_up: bool,
    ended: bool,
    /// When a piece was last delivered.
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
    /// Returns the next text. The server requests it once the reader has taken the last one, so the
    /// time in between measures the reader.
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
                    self.ready.extend(
                        texts.into_iter().map(|text| (text.point.position.get(), text.frame)),
                    );
                }
                Ok(Step::Passed) => self.pass(),
                Ok(Step::End) => self.rest().await,
                Err(problem) => {
                    log_fault(&problem);
                    self.end(problem.code);
                }
            }
        }
    }

    /// Sends a heartbeat when due while the feed skips events that the reader may not see.
    fn pass(&mut self) {
        if self.handed.elapsed() >= self.follower.hub().limits.heartbeat {
            let position = self.follower.position;
            let text = frame::heartbeat_at(self.follower.point_at(position));
            self.ready.push_back((position, text));
        }
    }

    /// Marks the end of the log once, then waits for new events.
    async fn rest(&mut self) {
        if !self.caught_up && self.follower.at_end() {
            self.caught_up = true;
            let position = self.follower.position;
            let text = frame::caught_up(self.follower.point_at(position));
            self.ready.push_back((position, text));
            return;
        }
        let until = self.handed + self.follower.hub().limits.heartbeat;
        match self.follower.wait(until).await {
            Woken::News => {}
            Woken::Stopped => self.end(Code::ShuttingDown),
            Woken::Late => {
                let position = self.follower.position;
                let moved = position > self.told;
                let text = if moved {
                    frame::heartbeat_at(self.follower.point_at(position))
                } else {
                    frame::heartbeat()
                };
                self.ready.push_back((position, text));
            }
        }
    }

    /// Ends the feed if its reader has lost the right to read it.
    fn end_unless_allowed(&mut self) {
        if let Err(problem) = self.follower.check() {
            self.end(problem.code);
        }
    }

    /// Replaces all undelivered pieces by the closing event.
    fn end(&mut self, code: Code) {
        self.ended = true;
        // If nothing is undelivered, the reader is also past all events that it may not see.
        let position = if self.ready.is_empty() { self.follower.position } else { self.told };
        self.ready.clear();
        let text = frame::closing(code, self.follower.point_at(position));
        self.ready.push_back((position, text));
    }
}
