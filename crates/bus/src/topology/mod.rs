//! The event stream and the bucket on the NATS server: made if missing, and otherwise compared with
//! what the ledger needs.
//!
//! The event stream is a window on the log: its oldest messages make room for new ones. The bucket
//! has the latest message of each subject, also of those that the stream holds no more. It has no
//! subjects of its own; the server fills it from the event stream. It is thus a KV bucket that can
//! be read and watched, but that nobody can write, not even the ledger. The bucket of the lease has
//! the one subject of its one key.
//!
//! A bucket is complete only if it was made while the stream still held its first event. So stream
//! and bucket are made anew together whenever states are missing that the stream cannot give.

mod config;
mod lease;
mod reach;
mod requests;
mod settings;
#[cfg(test)]
mod testing;

use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::stream::{Config, Info};
use ledger_contract::errors::{Code, Problem};
use ledger_contract::subjects::Subjects;
use ledger_engine::Identity;
use parking_lot::Mutex;
use tracing::{error, info, warn};

use crate::connect::{Denials, refused};
use config::{BASE, FORMAT_VERSION};
pub use config::{FORMAT, INCARNATION, LEDGER_ID, kept};
pub(crate) use lease::LeaseBucket;
pub(crate) use reach::{Idle, Reach};

/// How much of the log the event stream holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Events older than this are removed; `None` for no limit.
    pub age: Option<Duration>,
    /// The oldest events are removed above this size; `None` for no limit. The server counts
    /// messages as they are before compression.
    pub bytes: Option<u64>,
}

impl Default for Window {
    fn default() -> Self {
        Self { age: Some(Duration::from_hours(7 * 24)), bytes: Some(512 * 1024 * 1024) }
    }
}

/// Settings of the streams that the operator can choose.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choices {
    /// Copies in a cluster; `None` for one of new streams, and as many as there are of others.
    pub(crate) replicas: Option<usize>,
    pub(crate) window: Window,
    /// Whether there is a bucket.
    pub(crate) bucket: bool,
}

/// The streams that the server must have.
#[derive(Debug)]
pub(crate) struct Topology {
    events: Config,
    bucket: Config,
    choices: Choices,
    identity: Identity,
    denials: Denials,
    /// Why settings could not be changed at the last attempt.
    unchanged: Mutex<Vec<String>>,
    /// Until when the stream keeps its present window.
    postponed: Mutex<Option<Postponed>>,
    /// The deviations found last, so that each is logged once and not at every check.
    alarmed: Mutex<Vec<String>>,
}

/// Until when a stream keeps its present window.
#[derive(Clone, Copy, Debug)]
enum Postponed {
    /// Until the bucket has everything, since a smaller window removes events.
    Filled,
    /// Until the stream begins after this message. Up to it, those of archived connections last as
    /// long as the present window: in a longer one, others of their time would be there and they
    /// would not, and who continues within it would miss that a connection was archived.
    Begins { after: u64 },
}

/// The streams that the server has.
#[derive(Clone, Debug)]
pub(crate) struct Existing {
    pub(crate) events: Option<Info>,
    pub(crate) bucket: Option<Info>,
}

/// The streams, once all are there that are wanted.
#[derive(Clone, Debug)]
pub(crate) struct Streams {
    pub(crate) events: Info,
    pub(crate) bucket: Option<Info>,
}

impl Topology {
    pub(crate) fn new(
        subjects: &Subjects,
        identity: Identity,
        choices: Choices,
        denials: Denials,
    ) -> Self {
        Self {
            events: config::events(subjects, identity, choices),
            bucket: config::bucket(subjects, identity, choices),
            choices,
            identity,
            denials,
            unchanged: Mutex::default(),
            postponed: Mutex::default(),
            alarmed: Mutex::default(),
        }
    }

    /// Looks at both streams.
    ///
    /// Errors: `nats_refused` if one of them does not belong to this ledger.
    pub(crate) async fn find(&self, jetstream: &Context) -> Result<Existing, Problem> {
        let (events, bucket) = tokio::join!(
            requests::find(jetstream, &self.events.name),
            requests::find(jetstream, &self.bucket.name)
        );
        let existing = Existing { events: events?, bucket: bucket? };
        for found in [&existing.events, &existing.bucket].into_iter().flatten() {
            self.check_owner(&found.config)?;
        }
        Ok(existing)
    }

    /// Returns the last position of which everything has reached the bucket, if it is there.
    pub(crate) async fn bucket_reached(&self, jetstream: &Context) -> Result<Option<u64>, Problem> {
        let bucket = requests::find(jetstream, &self.bucket.name).await?;
        Ok(bucket.as_ref().map(reach::of))
    }

    /// Looks at the streams that there are to be. A bucket that is only left over is not one.
    ///
    /// Errors: `nats_unreachable` if one is missing, because it is made again.
    pub(crate) async fn present(&self, jetstream: &Context) -> Result<Streams, Problem> {
        let Existing { events, bucket } = self.find(jetstream).await?;
        let missing = |config: &Config| {
            let name = &config.name;
            crate::connect::unreachable(format!("the stream {name} was deleted"))
        };
        let events = events.ok_or_else(|| missing(&self.events))?;
        let bucket = match bucket {
            None if self.choices.bucket => return Err(missing(&self.bucket)),
            bucket => bucket.filter(|_| self.choices.bucket),
        };
        Ok(Streams { events, bucket })
    }

    /// Returns in what the streams show that they hold another history than this one, if they do.
    pub(crate) fn other_history(&self, existing: &Existing) -> Option<String> {
        let own = self.identity.incarnation.to_string();
        let bucket = existing.bucket.as_ref().filter(|_| self.choices.bucket);
        existing.events.iter().chain(bucket).find_map(|info| {
            let theirs = info.config.metadata.get(INCARNATION).filter(|theirs| **theirs != own)?;
            let name = &info.config.name;
            Some(format!(
                "the stream {name} holds another history of this ledger, incarnation {theirs}, \
                 and this one is {own}"
            ))
        })
    }

    /// Returns whether a stream says that it holds this history.
    pub(crate) fn is_marked(&self, found: &Info) -> bool {
        let own = self.identity.incarnation.to_string();
        found.config.metadata.get(INCARNATION) == Some(&own)
    }

    /// Makes what is missing, changes the settings that the ledger may change, and compares the
    /// others. `base` is a number that no message of a former bucket has exceeded, for when neither
    /// stream is there to tell one.
    pub(crate) async fn complete(
        &self,
        jetstream: &Context,
        existing: Existing,
        base: u64,
    ) -> Result<Streams, Problem> {
        let base = existing.base().unwrap_or(base);
        let mut unchanged = Vec::new();
        let bucket = match (existing.bucket, self.choices.bucket) {
            (Some(found), true) => {
                Some(self.update(jetstream, &self.bucket, found, &mut unchanged).await?)
            }
            (None, true) if existing.events.is_some() => {
                Some(self.make_bucket(jetstream, base).await?)
            }
            (Some(_), false) => {
                self.remove_bucket(jetstream, &mut unchanged).await;
                None
            }
            (None, _) => None,
        };
        let events = if let Some(found) = existing.events {
            let wanted = self.window_for(&found, bucket.as_ref());
            self.update(jetstream, &wanted, found, &mut unchanged).await?
        } else {
            *self.postponed.lock() = None;
            requests::create(jetstream, &with_base(&self.events, base)).await?
        };
        let bucket = match bucket {
            None if self.choices.bucket => Some(self.make_bucket(jetstream, base).await?),
            bucket => bucket,
        };
        *self.unchanged.lock() = unchanged;
        let streams = Streams { events, bucket };
        self.compare(&streams, None);
        Ok(streams)
    }

    /// Deletes both streams and makes them again, empty.
    ///
    /// Whoever watches the bucket continues with the sequence number after the last one that was
    /// seen, so the new bucket begins there. `goes_on` is asked before each deletion.
    pub(crate) async fn make_anew(
        &self,
        jetstream: &Context,
        existing: &Existing,
        goes_on: impl Fn() -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let base = existing.base();
        // The bucket first: without the right to it, nothing is changed.
        for (config, found) in [(&self.bucket, &existing.bucket), (&self.events, &existing.events)]
        {
            if found.is_some() {
                goes_on()?;
                let deleted = requests::delete(jetstream, &self.denials, &config.name).await;
                deleted.map_err(|problem| self.by_hand(problem))?;
            }
        }
        goes_on()?;
        let base = base.unwrap_or_default();
        requests::create(jetstream, &with_base(&self.events, base)).await?;
        if self.choices.bucket {
            self.make_bucket(jetstream, base).await?;
        }
        Ok(())
    }

    /// Compares the settings with the wanted ones, and logs an error for each that differs.
    /// `behind` says what is wrong between both streams, if anything is.
    pub(crate) fn compare(&self, streams: &Streams, behind: Option<String>) {
        let replicas = self.choices.replicas;
        let events = &streams.events.config;
        let mut told = settings::deviations(&self.wanted_events(events), events, replicas);
        if let Some(bucket) = &streams.bucket {
            told.extend(settings::deviations(&self.bucket, &bucket.config, replicas));
        }
        told.extend(self.unchanged.lock().iter().cloned());
        told.extend(behind);
        alarm(&self.alarmed, told);
    }

    /// Returns whether the stream can now become the window that it is to be.
    pub(crate) fn is_due(&self, streams: &Streams) -> bool {
        let state = &streams.events.state;
        match *self.postponed.lock() {
            None => false,
            Some(Postponed::Filled) => streams.reached() >= state.last_sequence,
            Some(Postponed::Begins { after }) => state.first_sequence > after,
        }
    }

    /// Returns what differs from the wanted settings, as found by the last comparison.
    pub(crate) fn drift(&self) -> Vec<String> {
        self.alarmed.lock().clone()
    }

    /// Returns whether there is to be a bucket.
    pub(crate) fn keeps_bucket(&self) -> bool {
        self.choices.bucket
    }

    /// Returns the settings of the event stream for now. What a smaller window would remove must
    /// have reached the bucket before.
    fn window_for(&self, found: &Info, bucket: Option<&Info>) -> Config {
        let is_behind = |bucket| reach::of(bucket) < found.state.last_sequence;
        let next = settings::next(&self.events, &found.config);
        let archived = settings::Archived::next(&next, found);
        let is_smaller = settings::is_tighter(&next, &found.config);
        *self.postponed.lock() = if is_smaller && bucket.is_some_and(is_behind) {
            Some(Postponed::Filled)
        } else {
            archived.prevents(&next, found).map(|after| Postponed::Begins { after })
        };
        let mut wanted = self.wanted_events(&found.config);
        archived.record(&mut wanted);
        wanted
    }

    /// Returns the settings that the event stream should have now.
    fn wanted_events(&self, found: &Config) -> Config {
        let Config { max_age, max_bytes, .. } = *found;
        let mut wanted = match *self.postponed.lock() {
            None => return self.events.clone(),
            Some(Postponed::Filled) => Config { max_age, max_bytes, ..self.events.clone() },
            Some(Postponed::Begins { .. }) => Config { max_age, ..self.events.clone() },
        };
        wanted.duplicate_window = wanted.duplicate_window.min(settings::or_for_ever(max_age));
        settings::record(&mut wanted);
        wanted
    }

    async fn make_bucket(&self, jetstream: &Context, base: u64) -> Result<Info, Problem> {
        let mut config = with_base(&self.bucket, base);
        config.first_sequence = (base > 0).then_some(base + 1);
        requests::create(jetstream, &config).await
    }

    /// Removes a bucket that is not wanted any more, or tells that it is left over.
    async fn remove_bucket(&self, jetstream: &Context, unchanged: &mut Vec<String>) {
        let name = &self.bucket.name;
        warn!(nats.stream = name, "the bucket is removed, as told by --nats-bucket off");
        if let Err(problem) = requests::delete(jetstream, &self.denials, name).await {
            unchanged.push(format!(
                "{name}: is left over and still filled: {}; remove it with `nats stream rm {name} \
                 -f`",
                problem.message
            ));
        }
    }

    /// Changes the settings of a stream that the ledger set itself, and the number of its copies if
    /// that was asked for.
    ///
    /// Errors: `nats_refused` if the server cannot keep so many copies. What else it refuses is
    /// told by `unchanged`.
    async fn update(
        &self,
        jetstream: &Context,
        wanted: &Config,
        mut found: Info,
        unchanged: &mut Vec<String>,
    ) -> Result<Info, Problem> {
        let next = settings::next(wanted, &found.config);
        if next != settings::stored(&found.config) {
            match requests::update(jetstream, &self.denials, &next).await {
                Ok(info) => found = info,
                Err(problem) if problem.code == Code::NatsRefused => {
                    unchanged
                        .push(format!("{}: keeps its settings: {}", wanted.name, problem.message));
                }
                Err(problem) => return Err(problem),
            }
        }
        if let Some(given) = self.choices.replicas.filter(|it| *it != found.config.num_replicas) {
            let next = Config { num_replicas: given, ..settings::stored(&found.config) };
            found = requests::update(jetstream, &self.denials, &next).await?;
        }
        Ok(found)
    }

    fn check_owner(&self, found: &Config) -> Result<(), Problem> {
        let ledger = self.identity.ledger.to_string();
        let whose = match found.metadata.get(LEDGER_ID) {
            Some(id) if *id == ledger => return self.check_format(found),
            Some(id) => format!("belongs to another ledger ({id})"),
            None => "was not created by a ledger".to_owned(),
        };
        Err(refused(format!(
            "the stream {} on the NATS server {whose}; this ledger is {ledger}. Give it a subject \
             prefix or a NATS account of its own",
            found.name
        )))
    }

    fn check_format(&self, found: &Config) -> Result<(), Problem> {
        match found.metadata.get(FORMAT).map(String::as_str) {
            Some(FORMAT_VERSION) => Ok(()),
            format => Err(refused(format!(
                "the stream {} of ledger {} has format {:?}, which this version cannot continue",
                found.name,
                self.identity.ledger,
                format.unwrap_or("unknown")
            ))),
        }
    }

    /// Adds to a refusal what an administrator of the NATS server can do.
    fn by_hand(&self, problem: Problem) -> Problem {
        if problem.code != Code::NatsRefused {
            return problem;
        }
        let (events, bucket) = (&self.events.name, &self.bucket.name);
        refused(format!(
            "{}; an administrator of the NATS server can run `nats stream rm {events} -f` and then \
             `nats stream rm {bucket} -f`, and the ledger makes both again and fills them",
            problem.message
        ))
    }
}

impl Streams {
    /// Returns how long the messages of archived connections are to last; `None` for ever.
    pub(crate) fn archived_age(&self) -> Option<Duration> {
        let config = &self.events.config;
        settings::Archived::read(config).age().filter(|_| config.allow_message_ttl)
    }
}

impl Existing {
    /// Returns a number that no message of the bucket has exceeded, if one can be known.
    fn base(&self) -> Option<u64> {
        let of_bucket = self.bucket.as_ref().map(|bucket| bucket.state.last_sequence);
        let of_events =
            self.events.as_ref().map(|events| base_of(&events.config) + events.state.last_sequence);
        of_bucket.max(of_events)
    }
}

/// Returns the sequence number before the first message of a bucket.
fn base_of(config: &Config) -> u64 {
    config.metadata.get(BASE).and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn with_base(config: &Config, base: u64) -> Config {
    let mut config = config.clone();
    if base > 0 {
        config.metadata.insert(BASE.to_owned(), base.to_string());
    }
    config
}

/// Logs deviations, unless they are the same as at the last check.
fn alarm(alarmed: &Mutex<Vec<String>>, found: Vec<String>) {
    let mut alarmed = alarmed.lock();
    if *alarmed == found {
        return;
    }
    for deviation in found.iter().filter(|deviation| !alarmed.contains(deviation)) {
        error!(deviation, "a stream is not as the ledger needs it or was told to make it");
    }
    if found.is_empty() {
        info!("the streams are as the ledger needs them again");
    }
    *alarmed = found;
}

#[cfg(test)]
mod tests {
    use super::testing::{EARLY, choices, identity, info};
    use super::*;

    #[test]
    fn a_stream_of_another_ledger_is_refused() {
        let topology =
            Topology::new(&Subjects::default(), identity(), choices(), Denials::default());
        let mut config = topology.events.clone();
        assert!(topology.check_owner(&config).is_ok());
        config.metadata.insert(FORMAT.to_owned(), "2".to_owned());
        assert!(topology.check_owner(&config).is_err());
        config.metadata.insert(LEDGER_ID.to_owned(), "other".to_owned());
        assert!(topology.check_owner(&config).unwrap_err().message.contains("(other)"));
        config.metadata.clear();
        assert!(topology.check_owner(&config).is_err());
    }

    #[test]
    fn a_bucket_begins_after_the_number_that_it_is_given() {
        let topology =
            Topology::new(&Subjects::default(), identity(), choices(), Denials::default());
        assert_eq!(base_of(&topology.bucket), 0);
        assert_eq!(base_of(&with_base(&topology.bucket, 0)), 0);
        assert_eq!(base_of(&with_base(&topology.bucket, 150)), 150);
    }

    #[test]
    fn only_a_window_that_becomes_smaller_waits_for_the_bucket() {
        let topology =
            Topology::new(&Subjects::default(), identity(), choices(), Denials::default());
        let copy = |config: &Config, last| info(config, EARLY, 1, last, last);
        let bucket = copy(&topology.bucket, 8);
        let is_due = |topology: &Topology, events: &Info| {
            topology.window_for(events, Some(&bucket));
            let bucket = Some(copy(&topology.bucket, 9));
            topology.is_due(&Streams { events: events.clone(), bucket })
        };
        assert!(!is_due(&topology, &copy(&topology.events, 9)), "it is as it is to be");
        let mut unlimited = choices();
        unlimited.window = Window { age: None, bytes: None };
        let larger = config::events(&Subjects::default(), identity(), unlimited);
        assert!(is_due(&topology, &copy(&larger, 9)), "events would leave before");
        let longer = Topology::new(&Subjects::default(), identity(), unlimited, Denials::default());
        assert!(!is_due(&longer, &copy(&topology.events, 9)), "nothing would leave");
    }
}
