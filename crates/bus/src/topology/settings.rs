//! Settings of streams: which differ from the wanted ones, and which of those the ledger may change
//! because it has set them itself.
//!
//! Each stream says in its metadata what the ledger set last. A value that differs from that was
//! set by hand: the ledger leaves it and says so.

use std::time::Duration;

use async_nats::jetstream::stream::{Compression, Config, Info, SubjectTransform};
use serde::{Deserialize, Serialize};

use super::config::{BASE, UNLIMITED};

/// Metadata key for what the ledger set last.
const SETTINGS: &str = "ledger_settings";
/// Metadata key for how long the messages of archived connections last, if that was changed.
const ARCHIVED: &str = "ledger_archived";
/// What the server adds to the metadata that it tells.
const OF_THE_SERVER: &str = "_nats.";

/// What the ledger sets and may later set in another way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Own {
    max_age_ms: u64,
    max_bytes: i64,
    is_window: bool,
    #[serde(default = "as_before")]
    is_compressed: bool,
}

/// Programs that made windows and did not say whether they are compressed made all of them so.
const fn as_before() -> bool {
    true
}

impl Own {
    /// Returns what earlier programs set, which wrote no metadata of it.
    const fn earlier() -> Self {
        Self { max_age_ms: 0, max_bytes: UNLIMITED, is_window: false, is_compressed: false }
    }

    fn of(config: &Config) -> Self {
        Self {
            max_age_ms: millis(config.max_age),
            max_bytes: limit(config.max_bytes),
            is_window: true,
            is_compressed: compression(config) == Compression::S2,
        }
    }

    fn read(config: &Config) -> Self {
        let text = config.metadata.get(SETTINGS);
        let read = text.and_then(|text| serde_json::from_str(text).ok());
        read.unwrap_or_else(Self::earlier)
    }
}

/// How long the messages of archived connections last: as long as the window that is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Archived {
    max_age_ms: u64,
    /// The last message that may last shorter.
    after: u64,
}

impl Archived {
    /// Returns how long they last if these settings are the next ones of a stream.
    pub(super) fn next(next: &Config, found: &Info) -> Self {
        let (before, max_age_ms) = (Self::read(&found.config), millis(next.max_age));
        if before.max_age_ms == max_age_ms {
            return before;
        }
        Self { max_age_ms, after: found.state.last_sequence }
    }

    /// Returns how long they last in a stream with these settings.
    pub(super) fn read(config: &Config) -> Self {
        let text = config.metadata.get(ARCHIVED);
        let read = text.and_then(|text| serde_json::from_str(text).ok());
        read.unwrap_or(Self { max_age_ms: millis(config.max_age), after: 0 })
    }

    /// Notes it in the metadata, unless that goes without saying.
    pub(super) fn record(self, config: &mut Config) {
        if self != Self::read(config) {
            let text = serde_json::to_string(&self).expect("it has a JSON form");
            config.metadata.insert(ARCHIVED.to_owned(), text);
        }
    }

    /// Returns the time, or `None` for ever.
    pub(super) fn age(self) -> Option<Duration> {
        Some(Duration::from_millis(self.max_age_ms)).filter(|age| !age.is_zero())
    }

    /// Returns the last message that leaves a window that is made longer before others of its time,
    /// if the stream still holds some.
    pub(super) fn prevents(self, next: &Config, found: &Info) -> Option<u64> {
        let [wanted, present] = [next.max_age, found.config.max_age].map(or_for_ever);
        let holds_some = found.state.first_sequence <= self.after;
        Some(self.after).filter(|_| wanted > present && holds_some)
    }
}

/// Notes in the metadata what the ledger sets.
pub(super) fn record(config: &mut Config) {
    let text = serde_json::to_string(&Own::of(config)).expect("it has a JSON form");
    config.metadata.insert(SETTINGS.to_owned(), text);
}

/// Returns the settings that a stream is to get: the wanted ones, except for what somebody set by
/// hand. Copies of the stream are not among them.
pub(super) fn next(wanted: &Config, found: &Config) -> Config {
    let own = Own::read(found);
    let mut next = stored(found);
    if millis(found.max_age) == own.max_age_ms {
        next.max_age = wanted.max_age;
    }
    if limit(found.max_bytes) == limit(own.max_bytes) {
        next.max_bytes = wanted.max_bytes;
    }
    if !own.is_window {
        next.discard = wanted.discard;
    }
    if own.is_compressed == (compression(found) == Compression::S2) {
        next.compression.clone_from(&wanted.compression);
    }
    // It cannot be taken back, so nobody did.
    next.allow_message_ttl = found.allow_message_ttl || wanted.allow_message_ttl;
    next.duplicate_window = wanted.duplicate_window.min(or_for_ever(next.max_age));
    for (key, value) in &wanted.metadata {
        if key != BASE {
            next.metadata.insert(key.clone(), value.clone());
        }
    }
    next
}

/// Returns whether a stream with these settings holds less than one with those of `than`.
pub(super) fn is_tighter(config: &Config, than: &Config) -> bool {
    let tighter = |own: i64, other: i64| own > 0 && (other <= 0 || own < other);
    let age = |config: &Config| i64::try_from(config.max_age.as_nanos()).unwrap_or(i64::MAX);
    tighter(config.max_messages, than.max_messages)
        || tighter(config.max_messages_per_subject, than.max_messages_per_subject)
        || tighter(config.max_bytes, than.max_bytes)
        || tighter(age(config), age(than))
}

/// Returns the settings of a stream without what the server adds.
pub(super) fn stored(found: &Config) -> Config {
    let mut stored = found.clone();
    stored.metadata.retain(|key, _| !key.starts_with(OF_THE_SERVER));
    stored
}

/// Returns what differs from the wanted settings, in words. `replicas` are those that the operator
/// asked for, if any.
pub(super) fn deviations(wanted: &Config, found: &Config, replicas: Option<usize>) -> Vec<String> {
    let name = &wanted.name;
    let mut told: Vec<String> = drift(wanted, found)
        .into_iter()
        .map(|setting| format!("{name}: {setting} was changed"))
        .collect();
    if let Some(given) = replicas.filter(|given| *given != found.num_replicas) {
        let is = found.num_replicas;
        told.push(format!("{name}: num_replicas is {is}, and --nats-replicas is {given}"));
    }
    told
}

/// Returns the names of the relevant settings that differ.
fn drift(wanted: &Config, found: &Config) -> Vec<&'static str> {
    let equal = [
        ("subjects", wanted.subjects == found.subjects),
        ("sources", filled_from(wanted) == filled_from(found)),
        ("retention", wanted.retention == found.retention),
        ("storage", wanted.storage == found.storage),
        ("discard", wanted.discard == found.discard),
        ("compression", compression(wanted) == compression(found)),
        ("max_bytes", limit(wanted.max_bytes) == limit(found.max_bytes)),
        ("max_msgs", limit(wanted.max_messages) == limit(found.max_messages)),
        (
            "max_msgs_per_subject",
            limit(wanted.max_messages_per_subject) == limit(found.max_messages_per_subject),
        ),
        ("max_age", wanted.max_age == found.max_age),
        ("max_msg_size", found.max_message_size <= 0),
        ("deny_delete", wanted.deny_delete == found.deny_delete),
        ("deny_purge", wanted.deny_purge == found.deny_purge),
        ("allow_direct", wanted.allow_direct == found.allow_direct),
        ("allow_msg_ttl", wanted.allow_message_ttl == found.allow_message_ttl),
        ("allow_rollup_hdrs", !found.allow_rollup),
        ("sealed", !found.sealed),
        ("duplicate_window", wanted.duplicate_window == found.duplicate_window),
    ];
    equal.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
}

/// Returns the streams from which one is filled, and how subjects are changed on the way. Earlier
/// programs had them changed by the source. That stays: for another source, the server would fill
/// the bucket again, from the first event of the window.
fn filled_from(config: &Config) -> (Vec<&str>, Vec<&SubjectTransform>) {
    let sources = || config.sources.iter().flatten();
    let transforms = sources().flat_map(|source| &source.subject_transforms);
    let transforms = transforms.chain(&config.subject_transform);
    (sources().map(|source| source.name.as_str()).collect(), transforms.collect())
}

fn compression(config: &Config) -> Compression {
    config.compression.clone().unwrap_or(Compression::None)
}

/// Returns the age of a window. NATS's value for no limit is zero.
pub(super) fn or_for_ever(age: Duration) -> Duration {
    if age.is_zero() { Duration::MAX } else { age }
}

/// Returns a limit in one form. The server reports -1 for "no limit" where it was given 0, and the
/// other way round.
fn limit(value: i64) -> i64 {
    value.max(0)
}

fn millis(time: Duration) -> u64 {
    time.as_millis().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use async_nats::jetstream::stream::DiscardPolicy;
    use ledger_contract::subjects::Subjects;

    use super::*;
    use crate::topology::config;
    use crate::topology::testing::{choices, identity};

    fn configs() -> (Config, Config) {
        let subjects = Subjects::default();
        (
            config::events(&subjects, identity(), choices()),
            config::bucket(&subjects, identity(), choices()),
        )
    }

    /// The event stream as earlier programs made it.
    fn earlier(wanted: &Config) -> Config {
        let mut earlier = Config {
            max_age: Duration::ZERO,
            max_bytes: UNLIMITED,
            discard: DiscardPolicy::New,
            compression: Some(Compression::None),
            allow_message_ttl: false,
            ..wanted.clone()
        };
        earlier.metadata.retain(|key, _| key == "ledger_id" || key == "ledger_format");
        earlier.metadata.insert("_nats.ver".to_owned(), "2.15.1".to_owned());
        earlier
    }

    #[test]
    fn drift_names_only_the_settings_that_differ() {
        let (events, bucket) = configs();
        assert!(drift(&events, &events).is_empty());
        assert!(drift(&bucket, &bucket).is_empty());
        let mut changed = events.clone();
        changed.max_messages = 10;
        assert_eq!(drift(&events, &changed), ["max_msgs"]);
        changed.num_replicas = 3;
        assert_eq!(deviations(&events, &changed, None), ["LEDGER_EVENTS: max_msgs was changed"]);
        let told = deviations(&events, &changed, Some(1));
        assert_eq!(told[1], "LEDGER_EVENTS: num_replicas is 3, and --nats-replicas is 1");
        let mut changed = bucket.clone();
        changed.sources = None;
        changed.subjects = vec!["$KV.ledger-connections.>".to_owned()];
        assert_eq!(drift(&bucket, &changed), ["subjects", "sources"]);
    }

    #[test]
    fn a_stream_of_an_earlier_program_gets_every_setting() {
        let (events, bucket) = configs();
        for wanted in [events, bucket] {
            let next = next(&wanted, &earlier(&wanted));
            assert_eq!(drift(&wanted, &next), [] as [&str; 0]);
            assert_eq!(next, wanted, "the server's own metadata is not sent back");
        }
    }

    #[test]
    fn a_bucket_that_was_made_compressed_is_compressed_no_more_unless_somebody_asked_for_it() {
        let (_, bucket) = configs();
        let mut before = Config { compression: Some(Compression::S2), ..bucket.clone() };
        let settings = r#"{"max_age_ms":0,"max_bytes":0,"is_window":true}"#;
        before.metadata.insert(SETTINGS.to_owned(), settings.to_owned());
        assert_eq!(next(&bucket, &before), bucket);
        let by_hand = Config { compression: Some(Compression::S2), ..bucket.clone() };
        assert_eq!(compression(&next(&bucket, &by_hand)), Compression::S2);
        assert_eq!(drift(&bucket, &by_hand), ["compression"]);
    }

    #[test]
    fn a_bucket_whose_source_changes_the_subjects_stays_as_earlier_programs_made_it() {
        let (_, bucket) = configs();
        let mut before = bucket.clone();
        let transform = before.subject_transform.take().expect("it changes subjects");
        let source = &mut before.sources.as_mut().expect("it is filled")[0];
        source.subject_transforms.push(transform);
        assert_eq!(next(&bucket, &before), before);
        assert_eq!(drift(&bucket, &before), [] as [&str; 0]);
        let by_hand = Config { subject_transform: None, ..bucket.clone() };
        assert_eq!(drift(&bucket, &by_hand), ["sources"]);
    }

    #[test]
    fn what_the_ledger_set_follows_its_options() {
        let (events, _) = configs();
        let mut choices = choices();
        choices.window.age = Some(Duration::from_hours(1));
        choices.window.bytes = None;
        let wanted = config::events(&Subjects::default(), identity(), choices);
        let next = next(&wanted, &events);
        assert_eq!((next.max_age, limit(next.max_bytes)), (Duration::from_hours(1), 0));
        assert_eq!(drift(&wanted, &next), [] as [&str; 0]);
    }

    #[test]
    fn what_somebody_set_by_hand_stays_and_is_named() {
        let (events, _) = configs();
        let mut by_hand = events.clone();
        by_hand.max_age = Duration::from_millis(500);
        by_hand.max_bytes = 1_000;
        by_hand.compression = Some(Compression::None);
        by_hand.max_messages = 5;
        let next = next(&events, &by_hand);
        assert_eq!((next.max_age, next.max_bytes), (by_hand.max_age, by_hand.max_bytes));
        assert_eq!(next.duplicate_window, by_hand.max_age, "no longer than the window");
        let named = drift(&events, &next);
        assert!(
            ["compression", "max_bytes", "max_msgs", "max_age"].iter().all(|it| named.contains(it)),
            "{named:?}"
        );
        let mut on_earlier = earlier(&events);
        on_earlier.max_bytes = 1_000;
        assert_eq!(super::next(&events, &on_earlier).max_bytes, 1_000);
    }
}
