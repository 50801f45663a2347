//! What the streams are like that the ledger makes.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::jetstream::stream::{
    Compression, Config, DiscardPolicy, RetentionPolicy, Source, StorageType, SubjectTransform,
};
use ledger_contract::subjects::Subjects;
use ledger_engine::Identity;

use super::{Choices, settings};

/// Metadata key for the ledger to which a stream belongs.
pub const LEDGER_ID: &str = "ledger_id";
/// Metadata key for the history of the ledger that a stream holds. Earlier programs did not write
/// it.
pub const INCARNATION: &str = "ledger_incarnation";
/// Metadata key for the format of the messages.
pub const FORMAT: &str = "ledger_format";
/// The only format so far.
pub(super) const FORMAT_VERSION: &str = "1";
/// Metadata key for the sequence number before the first message of a bucket, if that is not 0.
pub(super) const BASE: &str = "ledger_base";
/// NATS's value for no limit.
pub(super) const UNLIMITED: i64 = -1;
/// How long the server remembers message ids. The ledger's messages have none, so this is only a
/// value that the server accepts beside every window.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(1);

/// Returns the event stream: a window on the log.
pub(super) fn events(subjects: &Subjects, identity: Identity, choices: Choices) -> Config {
    let window = choices.window;
    let mut config = Config {
        subjects: vec![subjects.all_events()],
        description: Some("the newest events of the connection ledger, in log order".to_owned()),
        max_age: window.age.unwrap_or_default(),
        max_bytes: window.bytes.and_then(|bytes| bytes.try_into().ok()).unwrap_or(UNLIMITED),
        ..copy(subjects.stream_name(), identity, choices)
    };
    settings::record(&mut config);
    config
}

/// Returns the bucket, which the server fills from the event stream.
pub(super) fn bucket(subjects: &Subjects, identity: Identity, choices: Choices) -> Config {
    let bucket = subjects.bucket_name();
    // Of the whole bucket: with one of the source, the server writes it into every message.
    let transform = SubjectTransform {
        source: format!("{}.events.*.*", subjects.prefix()),
        destination: format!("$KV.{bucket}.{{{{wildcard(1)}}}}.{{{{wildcard(2)}}}}"),
    };
    let source = Source { name: subjects.stream_name(), ..Source::default() };
    let mut config = Config {
        max_messages_per_subject: 1,
        sources: Some(vec![source]),
        subject_transform: Some(transform),
        description: Some(
            "latest public state of every connection; filled by the server".to_owned(),
        ),
        // Each change removes the former message of its connection, for which the server loads the
        // block of messages that has it. With compressed blocks that takes ten times as long.
        compression: Some(Compression::None),
        ..copy(format!("KV_{bucket}"), identity, choices)
    };
    settings::record(&mut config);
    config
}

/// Returns the bucket of the lease.
pub(super) fn lease(subjects: &Subjects, choices: Choices) -> Config {
    let name = format!("KV_{}", subjects.lease_bucket_name());
    Config {
        subjects: vec![subjects.lease()],
        max_messages_per_subject: 1,
        // A replica could show a lease that is no longer in force.
        allow_direct: false,
        description: Some("which instance owns these names".to_owned()),
        ..kept(name, format_metadata(), choices.replicas)
    }
}

/// Returns what the copies of the log have in common.
fn copy(name: String, identity: Identity, choices: Choices) -> Config {
    let mut metadata = format_metadata();
    metadata.insert(LEDGER_ID.to_owned(), identity.ledger.to_string());
    metadata.insert(INCARNATION.to_owned(), identity.incarnation.to_string());
    Config {
        // The oldest messages make room. What is in the log is never lost.
        discard: DiscardPolicy::Old,
        // Servers up to 2.15.1 cannot always write on after a compressed block of a stream with
        // several copies, once a leader is gone: "error reading compression reader".
        compression: Some(match choices.replicas {
            None | Some(1) => Compression::S2,
            Some(_) => Compression::None,
        }),
        allow_message_ttl: true,
        ..kept(name, metadata, choices.replicas)
    }
}

/// Returns the settings of a stream in files from which neither limits nor clients remove anything,
/// with one copy if nothing else is said.
#[expect(clippy::implicit_hasher, reason = "the client's settings have a map of this kind")]
pub fn kept(name: String, metadata: HashMap<String, String>, replicas: Option<usize>) -> Config {
    Config {
        name,
        max_bytes: UNLIMITED,
        max_messages: UNLIMITED,
        max_messages_per_subject: UNLIMITED,
        max_consumers: -1,
        max_age: Duration::ZERO,
        discard: DiscardPolicy::New,
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        num_replicas: replicas.unwrap_or(1),
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        duplicate_window: DUPLICATE_WINDOW,
        metadata,
        ..Config::default()
    }
}

fn format_metadata() -> HashMap<String, String> {
    HashMap::from([(FORMAT.to_owned(), FORMAT_VERSION.to_owned())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::testing::{choices, identity};

    #[test]
    fn the_bucket_is_filled_only_from_the_stream() {
        let subjects = Subjects::default();
        let events = events(&subjects, identity(), choices());
        let bucket = bucket(&subjects, identity(), choices());
        assert_eq!(events.name, "LEDGER_EVENTS");
        assert_eq!(events.subjects, ["ledger.events.>"]);
        assert_eq!(bucket.name, "KV_ledger-connections");
        assert!(bucket.subjects.is_empty());
        let source = &bucket.sources.unwrap()[0];
        assert_eq!(source.name, "LEDGER_EVENTS");
        assert!(source.subject_transforms.is_empty());
        assert_eq!(
            bucket.subject_transform.unwrap().destination,
            "$KV.ledger-connections.{{wildcard(1)}}.{{wildcard(2)}}"
        );
    }

    #[test]
    fn only_the_stream_is_a_window() {
        let subjects = Subjects::default();
        let mut choices = choices();
        choices.window.age = Some(Duration::from_mins(1));
        let stream = events(&subjects, identity(), choices);
        assert_eq!(stream.max_age, Duration::from_mins(1));
        let bucket = bucket(&subjects, identity(), choices);
        assert_eq!((bucket.max_age, bucket.max_bytes), (Duration::ZERO, UNLIMITED));
        choices.window = super::super::Window { age: None, bytes: None };
        let stream = events(&subjects, identity(), choices);
        assert_eq!((stream.max_age, stream.max_bytes), (Duration::ZERO, UNLIMITED));
    }
}
