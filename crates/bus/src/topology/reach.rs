//! How far the server has filled the bucket from the event stream, and whether the bucket lacks
//! what the stream cannot give any more.
//!
//! The bucket stores each message of the stream once, so the number of its last message tells how
//! many have reached it.

use std::time::Duration;

use async_nats::jetstream::stream::{Info, SourceInfo};
use tokio::time::Instant;

use super::{Existing, Streams, Topology, base_of, settings};

/// How long a bucket may stand still behind the stream. A server takes about ten seconds to go on
/// after it was interrupted.
const STILL_MAX: Duration = Duration::from_secs(15);
/// The number of looks in a row, within that time, at which nothing may be on its way to a bucket
/// that lost events. A process that is suspended sees nothing of what happens meanwhile.
const QUIET_LOOKS_MIN: u32 = 10;
/// The server hears of a stream that it fills a bucket from at least this often.
const HEARD_MAX: Duration = Duration::from_secs(10);
/// How much younger than its bucket a stream may be. Clocks of a cluster differ.
const YOUNGER_SECONDS_MAX: i64 = 1;

/// What the look at a stream and its bucket showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The bucket holds everything, or comes nearer.
    Good,
    /// The bucket has stood still for a while, so many events behind. The text says so.
    Behind { text: String, events: u64 },
    /// States are missing that will not come, of so many events at least. The text says so.
    Lacking { text: String, events: u64 },
}

/// Follows how a bucket is filled.
#[derive(Debug, Default)]
pub(crate) struct Idle {
    still: Option<Still>,
    quiet: Option<Quiet>,
    /// How many events will never reach the bucket.
    lost: u64,
    /// At what look there were too few states.
    fewer: Option<Fewer>,
}

/// Where a bucket stands, and since when.
#[derive(Clone, Copy, Debug)]
struct Still {
    at: u64,
    since: Instant,
}

/// Looks in a row that found stream and bucket the same and nothing on its way.
#[derive(Clone, Copy, Debug)]
struct Quiet {
    at: u64,
    last: u64,
    since: Instant,
    looks: u32,
}

/// A look at which a bucket had too few states.
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
        if at >= last {
            (self.still, self.quiet, self.lost) = (None, None, 0);
            return Reach::Good;
        }
        let (name, missing) = (&bucket.config.name, last - at);
        if self.is_quiet(bucket, last, now) {
            self.lost = missing;
        }
        self.lost = self.lost.min(missing);
        if self.lost > 0 {
            let events = self.lost;
            let text = format!("the bucket {name} lacks events: {events}");
            return Reach::Lacking { text, events };
        }
        let since = self.still.filter(|still| still.at == at).map_or(now, |still| still.since);
        self.still = Some(Still { at, since });
        if now.duration_since(since) < STILL_MAX {
            return Reach::Good;
        }
        let text = format!("{name}: stands still {missing} events behind the stream");
        Reach::Behind { text, events: missing }
    }

    /// Returns whether nothing has been on its way to the bucket for long enough, at enough looks.
    fn is_quiet(&mut self, bucket: &Info, last: u64, now: Instant) -> bool {
        if !is_waiting(bucket) {
            self.quiet = None;
            return false;
        }
        let at = of(bucket);
        let before = self.quiet.filter(|quiet| (quiet.at, quiet.last) == (at, last));
        let mut quiet = before.unwrap_or(Quiet { at, last, since: now, looks: 0 });
        quiet.looks += 1;
        self.quiet = Some(quiet);
        quiet.looks >= QUIET_LOOKS_MIN && now.duration_since(quiet.since) >= STILL_MAX
    }

    /// Compares the number of states with that of connections and workspaces, of which each has
    /// one. There may be more, such as those of principals. A second look has to find the same,
    /// since a connection may be counted before its event is.
    pub(crate) fn count(&mut self, streams: &Streams, lasting: u64) -> Reach {
        let found = streams.bucket.as_ref();
        let Some(bucket) = found.filter(|bucket| bucket.state.messages < lasting) else {
            self.fewer = None;
            return Reach::Good;
        };
        let (last, states) = (streams.events.state.last_sequence, bucket.state.messages);
        let fewer = Fewer { last, states };
        if self.fewer.replace(fewer) != Some(fewer) {
            return Reach::Good;
        }
        let name = &bucket.config.name;
        let text = format!(
            "the bucket {name} holds {states} states, and there are {lasting} connections and \
             workspaces"
        );
        Reach::Lacking { text, events: 0 }
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

    /// Returns in what a bucket shows that this ledger is an older copy, if it does and there is no
    /// stream that would show it. `head` is the end of the log.
    pub(crate) fn ahead(&self, existing: &Existing, head: u64) -> Option<String> {
        let (None, Some(bucket)) = (&existing.events, &existing.bucket) else { return None };
        let at = of(bucket);
        if at <= head || !self.is_marked(bucket) {
            return None;
        }
        let (events, bucket) = (&self.events.name, &self.bucket.name);
        Some(format!(
            "the stream {events} is missing, and the bucket {bucket} was filled up to {at}, while \
             this ledger ends at {head}: the ledger was restored from an older copy, or the stream \
             was written by another one"
        ))
    }

    /// Returns whether somebody has limited the streams by hand to less than the ledger would.
    /// States may be missing because of that, and would be missing again in streams that are made
    /// anew.
    pub(crate) fn is_limited(&self, events: Option<&Info>, bucket: Option<&Info>) -> bool {
        let found = [(events, &self.events), (bucket, &self.bucket)];
        found.into_iter().any(|(found, wanted)| {
            found.is_some_and(|found| settings::is_tighter(&found.config, wanted))
        })
    }
}

/// Returns how many messages of the stream have reached the bucket.
pub(super) fn of(bucket: &Info) -> u64 {
    bucket.state.last_sequence.saturating_sub(base_of(&bucket.config))
}

/// Returns whether the server knows of nothing more for the bucket.
fn is_waiting(bucket: &Info) -> bool {
    let is_silent = |source: &SourceInfo| {
        source.lag == 0 && source.active.is_some_and(|heard_ago| heard_ago < HEARD_MAX)
    };
    // A server that does not tell of the source does not fill the bucket at the moment.
    !bucket.sources.is_empty() && bucket.sources.iter().all(is_silent)
}

#[cfg(test)]
mod tests {
    use async_nats::jetstream::stream::Config;
    use ledger_contract::subjects::Subjects;

    use super::*;
    use crate::connect::Denials;
    use crate::topology::testing::{EARLY, LATE, choices, identity, info};

    fn topology() -> Topology {
        Topology::new(&Subjects::default(), identity(), choices(), Denials::default())
    }

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
    fn a_bucket_that_is_further_than_the_log_shows_an_older_copy() {
        let topology = topology();
        let existing = |events: Option<u64>, bucket| Existing {
            events: events.map(|last| info(&topology.events, EARLY, 1, last, last)),
            bucket: Some(info(bucket, EARLY, 1, 9, 1)),
        };
        let told = topology.ahead(&existing(None, &topology.bucket), 8).expect("it is further");
        assert!(told.contains("was filled up to 9, while this ledger ends at 8"), "{told}");
        assert_eq!(topology.ahead(&existing(None, &topology.bucket), 9), None);
        assert_eq!(topology.ahead(&existing(Some(9), &topology.bucket), 8), None, "it tells");
        let mut other = topology.bucket.clone();
        other.metadata.clear();
        assert_eq!(topology.ahead(&existing(None, &other), 8), None, "of an unknown history");
    }

    /// Looks once a second.
    fn look_on(idle: &mut Idle, streams: &Streams, start: Instant, seconds: u64) -> Reach {
        let at = |second| start + Duration::from_secs(second);
        (0..seconds).fold(Reach::Good, |_, second| idle.look(streams, at(second)))
    }

    #[test]
    fn a_bucket_that_lost_events_is_found_out_when_nothing_comes_any_more() {
        let (start, mut idle) = (Instant::now(), Idle::default());
        assert_eq!(look_on(&mut idle, &streams(1, 9, 7, 2), start, 14), Reach::Good);
        assert_eq!(look_on(&mut idle, &streams(1, 9, 8, 2), start, 15), Reach::Good, "nearer");
        let lacking = look_on(&mut idle, &streams(1, 9, 8, 2), start, 16);
        let text = "the bucket KV_ledger-connections lacks events: 1".to_owned();
        assert_eq!(lacking, Reach::Lacking { text, events: 1 });
        assert_eq!(look_on(&mut idle, &streams(1, 12, 10, 2), start, 1), lacking, "and stays so");
        assert_eq!(look_on(&mut idle, &streams(1, 12, 12, 2), start, 1), Reach::Good);
    }

    #[test]
    fn a_bucket_to_which_the_server_may_yet_bring_something_has_lost_nothing() {
        let (start, mut idle) = (Instant::now(), Idle::default());
        let with = |change: &dyn Fn(&mut Info)| {
            let mut streams = streams(1, 12, 9, 2);
            change(streams.bucket.as_mut().expect("it has one"));
            streams
        };
        let changes: [&dyn Fn(&mut Info); 3] = [
            &|bucket| bucket.sources[0].active = None,
            &|bucket| bucket.sources[0].lag = 3,
            &|bucket| bucket.sources.clear(),
        ];
        for change in changes {
            let reach = look_on(&mut idle, &with(change), start, 60);
            assert!(matches!(reach, Reach::Behind { events: 3, .. }), "{reach:?}");
        }
        // It was away, and now it is there again.
        let reach = idle.look(&streams(1, 12, 9, 2), start + Duration::from_mins(1));
        assert!(matches!(reach, Reach::Behind { .. }), "{reach:?}");
    }

    #[test]
    fn a_process_that_was_suspended_takes_nothing_for_lost() {
        let (start, mut idle) = (Instant::now(), Idle::default());
        assert_eq!(idle.look(&streams(1, 9, 8, 2), start), Reach::Good);
        let reach = idle.look(&streams(1, 9, 8, 2), start + Duration::from_mins(1));
        assert!(matches!(reach, Reach::Behind { .. }), "{reach:?}");
    }

    #[test]
    fn too_few_states_at_two_looks_are_a_loss() {
        let mut idle = Idle::default();
        assert_eq!(idle.count(&streams(5, 9, 9, 3), 3), Reach::Good);
        assert_eq!(idle.count(&streams(5, 9, 9, 3), 4), Reach::Good, "it may be on its way");
        assert_eq!(idle.count(&streams(5, 10, 10, 4), 5), Reach::Good, "another event came");
        let lacking = idle.count(&streams(5, 10, 10, 4), 5);
        assert!(matches!(lacking, Reach::Lacking { events: 0, .. }), "{lacking:?}");
    }
}
