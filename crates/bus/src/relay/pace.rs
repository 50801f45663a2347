//! Keeps the relay from sending so much that the stream removes events before they have reached the
//! bucket, which the server fills behind it.
//!
//! A window that somebody made so small by hand that one batch takes a share of it cannot be kept
//! from that, and events that were lost never reach the bucket. The relay waits for neither.

use async_nats::jetstream::stream::Config;
use ledger_domain::Position;

use super::BATCH_EVENTS_MAX;
use super::message::Message;

/// About what a batch takes of the window, at most: as much as is read of the log at once.
const BATCH_BYTES: u64 = 4 * 1024 * 1024;
/// The share of the window that may be sent before the bucket has to be at the share before it. At
/// most twice as much is on the way to the bucket.
const SHARE: u64 = 4;
/// What the server stores with a message besides subject, headers and body, at most.
const RECORD_BYTES: usize = 64;
/// What a header takes besides name and value.
const HEADER_BYTES: usize = 4;

/// How much may be sent.
#[derive(Debug)]
pub(super) struct Pace {
    limits: Limits,
    /// What was sent since `boundary`.
    sent: Amount,
    /// Where the present share began.
    boundary: Position,
    /// What has to have reached the bucket before anything more is sent.
    due: Position,
    reached: Position,
    /// How many events will never reach the bucket.
    lost: u64,
}

/// A share of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Limits {
    bytes: Option<u64>,
    messages: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Amount {
    bytes: u64,
    messages: u64,
}

impl Pace {
    /// Returns the pace for a stream with these settings, of which everything up to `from` was
    /// sent. Without a bucket there is none to wait for.
    pub(super) fn new(stream: &Config, has_bucket: bool, from: Position, reached: u64) -> Self {
        let share = |limit: i64, batch: u64| {
            let limit = u64::try_from(limit).ok().filter(|limit| *limit > 0)?;
            Some(limit / SHARE).filter(|share| *share >= batch)
        };
        let limits = if has_bucket {
            Limits {
                bytes: share(stream.max_bytes, BATCH_BYTES),
                messages: share(stream.max_messages, BATCH_EVENTS_MAX as u64),
            }
        } else {
            Limits::default()
        };
        let (sent, reached) = (Amount::default(), Position::new(reached));
        Self { limits, sent, boundary: from, due: Position::ZERO, reached, lost: 0 }
    }

    /// Notes a batch that is about to be sent.
    pub(super) fn send(&mut self, batch: &[Message]) {
        let Some(last) = batch.last() else { return };
        if self.limits == Limits::default() {
            return;
        }
        self.sent.messages += batch.len() as u64;
        self.sent.bytes += batch.iter().map(stored_bytes).sum::<u64>();
        let over = |limit: Option<u64>, sent| limit.is_some_and(|limit| sent >= limit);
        if over(self.limits.bytes, self.sent.bytes)
            || over(self.limits.messages, self.sent.messages)
        {
            self.sent = Amount::default();
            self.due = self.boundary;
            self.boundary = last.position;
        }
    }

    /// Notes how far the bucket is, and how many events it will never have.
    pub(super) fn reached(&mut self, position: u64, lost: u64) {
        self.lost = lost;
        self.nearer(position);
    }

    /// Notes how far the bucket is.
    pub(super) fn nearer(&mut self, position: u64) {
        self.reached = self.reached.max(Position::new(position + self.lost));
    }

    /// Returns whether more may be sent.
    pub(super) fn is_open(&self) -> bool {
        self.reached >= self.due
    }
}

/// Returns how many bytes of the window a message takes, at most.
fn stored_bytes(message: &Message) -> u64 {
    let header = |(name, values): (&async_nats::HeaderName, &Vec<async_nats::HeaderValue>)| {
        let name: &str = name.as_ref();
        let lengths = values.iter().map(|value| name.len() + value.as_str().len() + HEADER_BYTES);
        lengths.sum::<usize>()
    };
    let headers: usize = message.headers.iter().map(header).sum();
    (message.subject.len() + headers + message.payload.len() + RECORD_BYTES) as u64
}

#[cfg(test)]
mod tests {
    use async_nats::HeaderMap;

    use super::*;
    use tracing::Span;

    const WINDOW_BYTES: i64 = 16 * 1024 * 1024;
    const WINDOW_MESSAGES: i64 = 1_024;

    /// Messages of which 256 take a share of either window.
    fn batch(positions: std::ops::RangeInclusive<u64>) -> Vec<Message> {
        let message = |position| Message {
            position: Position::new(position),
            subject: "s".repeat(100),
            headers: HeaderMap::new(),
            payload: vec![0; 16 * 1024 - 100 - RECORD_BYTES].into(),
            span: Span::none(),
        };
        positions.map(message).collect()
    }

    fn pace(max_bytes: i64, max_messages: i64, has_bucket: bool) -> Pace {
        let stream = Config { max_bytes, max_messages, ..Config::default() };
        Pace::new(&stream, has_bucket, Position::new(100), 90)
    }

    #[test]
    fn no_more_than_half_of_the_window_is_on_the_way_to_the_bucket() {
        for mut pace in [pace(WINDOW_BYTES, -1, true), pace(-1, WINDOW_MESSAGES, true)] {
            pace.send(&batch(101..=356));
            assert!(!pace.is_open(), "what was there before has to arrive first");
            pace.nearer(100);
            assert!(pace.is_open());
            pace.send(&batch(357..=612));
            assert!(!pace.is_open(), "two of four shares are on the way");
            pace.nearer(355);
            assert!(!pace.is_open());
            pace.nearer(356);
            assert!(pace.is_open());
            pace.send(&batch(613..=867));
            assert!(pace.is_open(), "a share is not complete");
        }
    }

    #[test]
    fn without_a_bucket_or_a_limit_nothing_is_waited_for() {
        let open = [
            pace(WINDOW_BYTES, WINDOW_MESSAGES, false),
            pace(0, -1, true),
            // A batch alone would remove what was sent before it.
            pace(WINDOW_BYTES - 4, -1, true),
            pace(-1, WINDOW_MESSAGES - 4, true),
        ];
        for mut pace in open {
            for first in (101..2_000).step_by(256) {
                pace.send(&batch(first..=first + 255));
                assert!(pace.is_open());
            }
        }
    }

    #[test]
    fn what_will_never_reach_the_bucket_is_not_waited_for() {
        let mut pace = pace(-1, WINDOW_MESSAGES, true);
        pace.send(&batch(101..=356));
        pace.nearer(94);
        assert!(!pace.is_open());
        pace.reached(94, 6);
        assert!(pace.is_open(), "six are lost");
        pace.send(&batch(357..=612));
        pace.nearer(349);
        assert!(!pace.is_open());
        pace.nearer(350);
        assert!(pace.is_open());
    }
}
