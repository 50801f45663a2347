//! Makes the streams what they have to be before anything is published, and determines where to
//! continue.

use std::sync::Arc;

use ledger_contract::errors::{Code, Problem};
use ledger_domain::Position;
use tracing::{info, warn};

use super::pace::Pace;
use super::resume::{self, Comparison};
use super::{Adopts, CONNECT_PATIENCE, Progress, Relay};
use crate::connect;
use crate::lease::HISTORY_BEGUN;
use crate::stop::stopped;
use crate::topology::{Existing, Streams};

/// What the streams are to this log.
enum Verdict {
    /// Copies of it, up to a position.
    Copies(Position),
    /// Copies of another history of this ledger.
    OfAnother {
        reason: String,
        /// Whether that history has another name. Otherwise another copy went on with this one.
        is_named: bool,
    },
    /// Copies up to a position that lack states that cannot come any more.
    Lacking { from: Position, reason: String },
}

impl Relay {
    /// Checks the server, makes missing streams, and determines where to continue.
    pub(super) async fn synchronize(&mut self, tenure: u64) -> Result<Progress, Problem> {
        let disconnected = self.is_disconnected();
        tokio::select! {
            checked = connect::check(&self.client, CONNECT_PATIENCE) => checked?,
            () = stopped(&mut self.stop), if disconnected => {
                return Err(Problem::new(Code::NatsUnreachable));
            }
        }
        let (from, existing) = self.comparable(tenure).await?;
        let published = self.engine.published();
        let base = self.forgotten_base()?;
        let streams = self.topology.complete(&self.jetstream, existing, base).await?;
        self.tell(&streams);
        let stream = self.subjects.stream_name();
        if from < published {
            warn!(
                nats.stream = stream,
                ledger.position = from.get(),
                ledger.published = published.get(),
                "the stream lost events, publishing them again"
            );
        }
        self.engine.set_published(from);
        self.store_mark();
        if self.adopts == Adopts::Once {
            self.adopts = Adopts::Never;
        }
        if self.complained.take().is_some() {
            info!(nats.stream = stream, ledger.position = from.get(), "relay continues");
        }
        Ok(self.begin(from, &streams))
    }

    /// Returns a number that no message of a former bucket has exceeded, when no stream tells one.
    ///
    /// Nothing else remembers at which number a bucket that was made anew began, or how long the
    /// former history of a restored ledger became. No server stores an event a microsecond, so no
    /// number of before exceeds the time in microseconds.
    fn forgotten_base(&self) -> Result<u64, Problem> {
        if self.engine.published() == Position::ZERO && self.engine.origin()?.is_none() {
            return Ok(0);
        }
        Ok(self.engine.clock().now().get().unsigned_abs())
    }

    /// Returns up to where the streams are copies of the log. Streams that are not, are made anew
    /// if that is permitted. Copies that lack states stay if the server does not permit it.
    async fn comparable(&mut self, tenure: u64) -> Result<(Position, Existing), Problem> {
        if self.ownership.is_history_begun() {
            return Err(begun());
        }
        let existing = self.topology.find(&self.jetstream).await?;
        match self.judge(&existing).await? {
            Verdict::Copies(from) => return Ok((from, existing)),
            Verdict::OfAnother { reason, .. } if self.adopts == Adopts::Never => {
                return Err(differs(&reason));
            }
            Verdict::OfAnother { reason, is_named: true } => {
                self.make_anew(tenure, &existing, &reason).await?;
            }
            Verdict::OfAnother { reason, is_named: false } => {
                self.check_tenure(tenure)?;
                return Err(self.begin_history(&reason)?);
            }
            Verdict::Lacking { from, reason } => {
                match self.make_anew(tenure, &existing, &reason).await {
                    Err(problem) if problem.code == Code::NatsRefused => {
                        return self.as_they_are(from, problem.message).await;
                    }
                    made => made?,
                }
            }
        }
        Ok((Position::ZERO, self.topology.find(&self.jetstream).await?))
    }

    /// Goes on with streams that lack states and cannot be made anew, as `reason` says.
    async fn as_they_are(
        &mut self,
        from: Position,
        reason: String,
    ) -> Result<(Position, Existing), Problem> {
        self.completeness.stays(reason);
        let existing = self.topology.find(&self.jetstream).await?;
        let from = if existing.events.is_some() { from } else { Position::ZERO };
        Ok((from, existing))
    }

    /// Begins another history, so that nobody takes its positions for those of the streams. It is
    /// opened by the next start, which then makes the streams anew.
    fn begin_history(&self, reason: &str) -> Result<Problem, Problem> {
        self.engine.begin_history()?;
        warn!(
            ledger.position = self.engine.head().get(),
            reason, "another history of the ledger is begun, since a copy went on with this one"
        );
        self.ownership.history_begun();
        Ok(begun())
    }

    /// Deletes both streams and makes them again, while this instance holds the lease.
    async fn make_anew(
        &mut self,
        tenure: u64,
        existing: &Existing,
        reason: &str,
    ) -> Result<(), Problem> {
        let identity = self.engine.identity();
        warn!(
            nats.stream = self.subjects.stream_name(),
            nats.bucket = self.subjects.bucket_name(),
            ledger.incarnation = %identity.incarnation,
            ledger.position = self.engine.head().get(),
            reason,
            "the event stream and its bucket are deleted and made anew from the log"
        );
        let goes_on = || self.check_tenure(tenure);
        let made = self.topology.make_anew(&self.jetstream, existing, goes_on).await;
        made.map_err(|problem| Problem {
            message: format!("{reason}; {}", problem.message),
            ..problem
        })?;
        self.completeness.made_anew();
        Ok(())
    }

    async fn judge(&mut self, existing: &Existing) -> Result<Verdict, Problem> {
        if let Some(reason) = self.topology.other_history(existing) {
            return Ok(Verdict::OfAnother { reason, is_named: true });
        }
        if let Some(reason) = self.topology.ahead(existing, self.engine.head().get()) {
            return Ok(Verdict::OfAnother { reason, is_named: false });
        }
        let from = match &existing.events {
            None => Position::ZERO,
            Some(events) => {
                let name = self.subjects.stream_name();
                let stream = resume::Stream {
                    name: &name,
                    last: events.state.last_sequence,
                    is_marked: self.topology.is_marked(events),
                };
                match resume::compare(&self.jetstream, &self.engine, stream).await? {
                    Comparison::SameUpTo(position) => position,
                    Comparison::OfAnother(reason) => {
                        return Ok(Verdict::OfAnother { reason, is_named: false });
                    }
                }
            }
        };
        let found = self.completeness.take_lacking();
        Ok(match self.topology.lacking(existing).or(found) {
            Some(reason) => Verdict::Lacking { from, reason },
            None => Verdict::Copies(from),
        })
    }

    fn begin(&mut self, from: Position, streams: &Streams) -> Progress {
        let stream = &streams.events.config;
        self.letterhead = Arc::new(self.letterhead.keeping_archived(streams.archived_age()));
        let has_bucket = streams.bucket.is_some();
        Progress::at(from, Pace::new(stream, has_bucket, from, streams.reached()))
    }
}

fn differs(reason: &str) -> Problem {
    let code = Code::StreamDiffers;
    let message = format!(
        "{reason}. If this log is the one to go on with, start this instance with --adopt-stream, \
         which makes stream and bucket anew from it; see `connledger explain {}`",
        code.as_str()
    );
    Problem::because(code, message)
}

fn begun() -> Problem {
    Problem::because(Code::StreamDiffers, HISTORY_BEGUN)
}
