//! Keeps the relay from sending so much that the stream removes events before they have reached the
//! bucket, which the server fills behind it.

use async_nats::jetstream::stream::Config;
use ledger_domain::Position;

use super::message::Message;

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
        let share =
            |limit: i64| u64::try_from(limit).ok().filter(|it| *it > 0).map(|it| it / SHARE);
        let limits = if has_bucket {
            Limits { bytes: share(stream.max_bytes), messages: share(stream.max_messages) }
        } else {
            Limits::default()
        };
        let reached = Position::new(reached);
        Self { limits, sent: Amount::default(), boundary: from, due: Position::ZERO, reached }
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

    /// Notes how far the bucket is.
    pub(super) fn reached(&mut self, position: u64) {
        self.reached = self.reached.max(Position::new(position));
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

    fn batch(positions: std::ops::RangeInclusive<u64>) -> Vec<Message> {
        let message = |position| Message {
            position: Position::new(position),
            subject: "s".repeat(100),
            headers: HeaderMap::new(),
            payload: vec![0; 836].into(),
        };
        positions.map(message).collect()
    }

    fn pace(max_bytes: i64, max_messages: i64, has_bucket: bool) -> Pace {
        let stream = Config { max_bytes, max_messages, ..Config::default() };
        Pace::new(&stream, has_bucket, Position::new(100), 90)
    }

    #[test]
    fn no_more_than_half_of_the_window_is_on_the_way_to_the_bucket() {
        // A message takes 1,000 bytes, and a share has 10 messages.
        for mut pace in [pace(40_000, -1, true), pace(-1, 40, true)] {
            pace.send(&batch(101..=110));
            assert!(!pace.is_open(), "what was there before has to arrive first");
            pace.reached(100);
            assert!(pace.is_open());
            pace.send(&batch(111..=120));
            assert!(!pace.is_open(), "20 of 40 are on the way");
            pace.reached(109);
            assert!(!pace.is_open());
            pace.reached(110);
            assert!(pace.is_open());
            pace.send(&batch(121..=129));
            assert!(pace.is_open(), "a share is not complete");
        }
    }

    #[test]
    fn without_a_bucket_or_a_limit_nothing_is_waited_for() {
        for mut pace in [pace(40_000, 40, false), pace(0, -1, true)] {
            for first in (101..200).step_by(10) {
                pace.send(&batch(first..=first + 9));
                assert!(pace.is_open());
            }
        }
    }
}
