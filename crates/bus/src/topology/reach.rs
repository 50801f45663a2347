//! How far the server has filled the bucket from the event stream, and whether the bucket lacks
//! what the stream cannot give any more.
//!
//! The bucket stores each message of the stream once, so the number of its last message tells how
//! many have reached it.

use std::time::Duration;

use async_nats::jetstream::stream::{Config, Info};
use tokio::time::Instant;

use super::{Existing, Streams, Topology, base_of};

/// How long a bucket may stand still behind the stream. A server takes about ten seconds to go on
/// after it was interrupted.
const STILL_MAX: Duration = Duration::from_secs(15);
/// The server hears of a stream that it fills a bucket from at least this often.
const HEARD_MAX: Duration = Duration::from_secs(10);
/// How much younger than its bucket a stream may be. Clocks of a cluster differ.
const YOUNGER_SECONDS_MAX: i64 = 1;

/// What the look at a stream and its bucket showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The bucket holds everything, or comes nearer.
    Good,
    /// The bucket has stood still for a while. The text says so.
    Behind(String),
    /// States are missing that will not come. The text says so.
    Lacking(String),
}

/// Follows how a bucket is filled.
#[derive(Debug, Default)]
pub(crate) struct Idle {
    /// Where it stands, and since when.
    still: Option<(u64, Instant)>,
    /// At what look there were fewer states than connections.
    fewer: Option<Fewer>,
}

/// A look at which a bucket had fewer states than there are connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fewer {
    last: u64,
    states: u64,
}

impl Idle {
    /// Looks at a bucket that should follow the stream.
    pub(crate) fn look(&mut self, streams: &Streams, now: Instant) -> Reach {
        let Some(bucket) = &streams.bucket else { return Reach::Good };
        let (at, last) = (of(bucket), streams.events.state.last_sequence);
        let since = match self.still {
            _ if at >= last => {
                self.still = None;
                return Reach::Good;
            }
            Some((before, since)) if before == at => since,
            _ => now,
        };
        self.still = Some((at, since));
        if now.duration_since(since) < STILL_MAX {
            return Reach::Good;
        }
        let name = &bucket.config.name;
        if is_waiting(bucket) {
            let missing = last - at;
            return Reach::Lacking(format!("the bucket {name} lacks events: {missing}"));
        }
        Reach::Behind(format!("{name}: stands still {} events behind the stream", last - at))
    }

    /// Compares the number of states with that of `connections`, of which each has one. A second
    /// look has to find the same, since a connection may be counted before its event is.
    pub(crate) fn count(&mut self, streams: &Streams, connections: u64) -> Reach {
        let found = streams.bucket.as_ref();
        let Some(bucket) = found.filter(|bucket| bucket.state.messages < connections) else {
            self.fewer = None;
            return Reach::Good;
        };
        let (last, states) = (streams.events.state.last_sequence, bucket.state.messages);
        let fewer = Fewer { last, states };
        if self.fewer.replace(fewer) != Some(fewer) {
            return Reach::Good;
        }
        let name = &bucket.config.name;
        Reach::Lacking(format!(
            "the bucket {name} holds {states} states, and there are {connections} connections"
        ))
    }
}

impl Streams {
    /// Returns the last position of which everything has reached the bucket; without a bucket, the
    /// last one of the stream.
    pub(crate) fn reached(&self) -> u64 {
        self.bucket.as_ref().map_or(self.events.state.last_sequence, of)
    }
}

impl Topology {
    /// Returns which states are missing that the stream cannot give, if any are and making both
    /// anew would help.
    pub(crate) fn lacking(&self, existing: &Existing) -> Option<String> {
        if !self.keeps_bucket()
            || self.is_limited(existing.events.as_ref(), existing.bucket.as_ref())
        {
            return None;
        }
        let (events, bucket) = (&self.events.name, &self.bucket.name);
        match (&existing.events, &existing.bucket) {
            (None, Some(_)) => Some(format!("the stream {events} was deleted")),
            (Some(found), None) if found.state.first_sequence > 1 => {
                let first = found.state.first_sequence;
                Some(format!(
                    "the bucket {bucket} is missing, and the stream {events} holds only the events \
                     from {first}"
                ))
            }
            (Some(stream), Some(found)) => {
                let first = stream.state.first_sequence;
                if (stream.created - found.created).whole_seconds() > YOUNGER_SECONDS_MAX {
                    return Some(format!("the stream {events} was deleted and made again"));
                }
                let lacks = of(found).saturating_add(1) < first;
                lacks.then(|| {
                    format!(
                        "the bucket {bucket} lacks events before {first}, which the stream \
                         {events} holds no more"
                    )
                })
            }
            (Some(_) | None, None) => None,
        }
    }

    /// Returns whether somebody has limited the streams by hand to less than the ledger would.
    /// States may be missing because of that, and would be missing again in streams that are made
    /// anew.
    pub(crate) fn is_limited(&self, events: Option<&Info>, bucket: Option<&Info>) -> bool {
        let tighter = |found: i64, wanted: i64| found > 0 && (wanted <= 0 || found < wanted);
        let is_limited = |wanted: &Config, found: Option<&Info>| {
            found.is_some_and(|Info { config: found, .. }| {
                let age =
                    |config: &Config| config.max_age.as_nanos().try_into().unwrap_or(i64::MAX);
                tighter(found.max_messages, wanted.max_messages)
                    || tighter(found.max_bytes, wanted.max_bytes)
                    || tighter(age(found), age(wanted))
            })
        };
        is_limited(&self.events, events) || is_limited(&self.bucket, bucket)
    }
}

/// Returns how many messages of the stream have reached the bucket.
pub(super) fn of(bucket: &Info) -> u64 {
    bucket.state.last_sequence.saturating_sub(base_of(&bucket.config))
}

/// Returns whether the server knows of nothing more for the bucket.
fn is_waiting(bucket: &Info) -> bool {
    bucket.sources.iter().all(|source| {
        source.lag == 0 && source.active.is_some_and(|heard_ago| heard_ago < HEARD_MAX)
    })
}

#[cfg(test)]
mod tests {
    use ledger_contract::subjects::Subjects;
    use serde_json::json;

    use super::*;
    use crate::connect::Denials;
    use crate::topology::testing::{choices, identity};

    fn info(config: &Config, created: &str, first: u64, last: u64, messages: u64) -> Info {
        let info = json!({
            "config": config, "created": created,
            "state": {
                "messages": messages, "bytes": 0, "consumer_count": 0,
                "first_seq": first, "first_ts": created, "last_seq": last, "last_ts": created,
            },
            "sources": [{"name": "LEDGER_EVENTS", "lag": 0, "active": 1_000_000}],
        });
        serde_json::from_value(info).expect("information")
    }

    fn topology() -> Topology {
        Topology::new(&Subjects::default(), identity(), choices(), Denials::default())
    }

    const EARLY: &str = "2026-11-21T01:02:03Z";
    const LATE: &str = "2026-11-21T02:02:03Z";

    fn streams(first: u64, last: u64, reached: u64, states: u64) -> Streams {
        let topology = topology();
        let events = info(&topology.events, EARLY, first, last, last + 1 - first);
        Streams { events, bucket: Some(info(&topology.bucket, EARLY, 1, reached, states)) }
    }

    #[test]
    fn what_the_stream_cannot_give_is_found_missing() {
        let topology = topology();
        let lacking = |events: Option<(u64, u64)>, bucket: Option<(&str, u64)>| {
            let made = |(first, last)| info(&topology.events, EARLY, first, last, 1);
            let of_bucket = |(created, last)| info(&topology.bucket, created, 1, last, 1);
            let existing = Existing { events: events.map(made), bucket: bucket.map(of_bucket) };
            topology.lacking(&existing).unwrap_or_default()
        };
        assert_eq!(lacking(None, None), "");
        assert_eq!(lacking(Some((1, 9)), None), "", "the stream holds everything");
        assert_eq!(lacking(Some((5, 9)), Some((EARLY, 4))), "", "the next one is there");
        assert_eq!(lacking(Some((10, 9)), Some((LATE, 9))), "", "nothing is in the stream");
        assert!(lacking(None, Some((EARLY, 9))).contains("LEDGER_EVENTS was deleted"));
        assert!(lacking(Some((2, 9)), None).contains("KV_ledger-connections is missing"));
        assert!(lacking(Some((5, 9)), Some((EARLY, 3))).contains("lacks events before 5"));
        let made_again = lacking(Some((1, 9)), Some(("2026-11-20T01:02:03Z", 9)));
        assert!(made_again.contains("deleted and made again"), "{made_again}");
    }

    #[test]
    fn limits_by_hand_are_a_reason_for_missing_states_that_stays() {
        let topology = topology();
        let existing = |events: &Config, bucket: Option<&Config>| Existing {
            events: Some(info(events, EARLY, 5, 9, 5)),
            bucket: bucket.map(|bucket| info(bucket, EARLY, 1, 2, 1)),
        };
        let found = |events: &Config, bucket| topology.lacking(&existing(events, bucket)).is_some();
        let (events, bucket) = (&topology.events, &topology.bucket);
        assert!(found(events, Some(bucket)) && found(events, None));
        let tight = Config { max_messages: 5, ..events.clone() };
        assert!(!found(&tight, Some(bucket)) && !found(&tight, None));
        let tight = Config { max_age: Duration::from_secs(1), ..bucket.clone() };
        assert!(!found(events, Some(&tight)));
        let wide = Config { max_age: Duration::ZERO, max_bytes: -1, ..events.clone() };
        assert!(found(&wide, Some(bucket)), "more than the ledger would hold is no reason");
    }

    #[test]
    fn a_bucket_that_was_begun_at_another_number_is_as_far_as_what_came_after() {
        let mut streams = streams(1, 100, 251, 5);
        let bucket = streams.bucket.as_mut().expect("it has one");
        bucket.config = super::super::with_base(&bucket.config, 151);
        assert_eq!(streams.reached(), 100);
    }

    #[test]
    fn a_bucket_that_stands_still_is_named_and_one_that_lost_events_is_found_out() {
        let start = Instant::now();
        let mut idle = Idle::default();
        let mut look =
            |streams: &Streams, seconds| idle.look(streams, start + Duration::from_secs(seconds));
        assert_eq!(look(&streams(1, 9, 7, 2), 0), Reach::Good);
        assert_eq!(look(&streams(1, 9, 8, 2), 14), Reach::Good, "it comes nearer");
        assert_eq!(look(&streams(1, 9, 8, 2), 28), Reach::Good);
        let lacking = look(&streams(1, 9, 8, 2), 30);
        assert_eq!(
            lacking,
            Reach::Lacking("the bucket KV_ledger-connections lacks events: 1".to_owned())
        );
        assert_eq!(look(&streams(1, 9, 9, 2), 40), Reach::Good);
        let mut silent = streams(1, 12, 9, 2);
        silent.bucket.as_mut().expect("it has one").sources[0].active = None;
        assert_eq!(look(&silent, 50), Reach::Good);
        assert!(matches!(look(&silent, 70), Reach::Behind(_)), "it may still come");
    }

    #[test]
    fn fewer_states_than_connections_at_two_looks_are_a_loss() {
        let mut idle = Idle::default();
        assert_eq!(idle.count(&streams(5, 9, 9, 3), 3), Reach::Good);
        assert_eq!(idle.count(&streams(5, 9, 9, 3), 4), Reach::Good, "it may be on its way");
        assert_eq!(idle.count(&streams(5, 10, 10, 4), 5), Reach::Good, "another event came");
        assert!(matches!(idle.count(&streams(5, 10, 10, 4), 5), Reach::Lacking(_)));
    }
}
