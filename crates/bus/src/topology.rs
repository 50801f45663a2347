//! The event stream and the bucket on the NATS server: created if missing, and otherwise checked.
//!
//! The bucket has no subjects of its own; the server fills it from the event stream. It is thus a
//! KV bucket that can be read and watched, but that nobody can write, not even the ledger. The
//! bucket of the lease has the one subject of its one key.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::jetstream::context::{
    CreateStreamError, CreateStreamErrorKind, GetStreamErrorKind,
};
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, Info, RetentionPolicy, Source, StorageType, SubjectTransform,
};
use async_nats::jetstream::{Context, ErrorCode};
use ledger_contract::errors::Problem;
use ledger_contract::subjects::Subjects;
use ledger_domain::LedgerId;
use parking_lot::Mutex;
use tracing::{error, info};

use crate::connect::{refused, unreachable};
use crate::jetstream_error;

/// Metadata key for the ledger to which the stream belongs.
const LEDGER_ID: &str = "ledger_id";
/// Metadata key for the format of the messages.
const FORMAT: &str = "ledger_format";
/// The only format so far.
const FORMAT_VERSION: &str = "1";
/// Leases have no message ids, so this is only a value that the server accepts.
const LEASE_DUPLICATE_WINDOW: Duration = Duration::from_mins(2);
/// NATS's value for no limit.
const UNLIMITED: i64 = -1;

/// The streams that the server must have.
#[derive(Debug)]
pub(crate) struct Topology {
    events: Config,
    bucket: Config,
    ledger: String,
    /// The deviations found last, so that each is logged once and not at every check.
    alarmed: Mutex<Vec<String>>,
}

/// The bucket of the lease, as the server must have it.
#[derive(Debug)]
pub(crate) struct LeaseBucket {
    config: Config,
    alarmed: Mutex<Vec<String>>,
}

impl LeaseBucket {
    pub(crate) fn new(subjects: &Subjects, choices: Choices) -> Self {
        Self { config: lease_config(subjects, choices), alarmed: Mutex::default() }
    }

    /// Creates the bucket if it is missing, and logs an error for changed settings. Returns what
    /// differs from the wanted settings.
    pub(crate) async fn ensure(&self, jetstream: &Context) -> Result<Vec<String>, Problem> {
        let found = find_or_create(jetstream, &self.config).await?;
        let deviations = deviations(&self.config, &found.config);
        alarm(&self.alarmed, deviations.clone());
        Ok(deviations)
    }
}

/// Settings of the streams that the operator can choose.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choices {
    pub(crate) duplicate_window: Duration,
    pub(crate) replicas: usize,
}

impl Topology {
    pub(crate) fn new(subjects: &Subjects, ledger: LedgerId, choices: Choices) -> Self {
        let ledger = ledger.to_string();
        Self {
            events: events_config(subjects, &ledger, choices),
            bucket: bucket_config(subjects, &ledger, choices),
            ledger,
            alarmed: Mutex::default(),
        }
    }

    /// Creates missing streams, rejects those of another ledger, and logs an error for changed
    /// settings. Returns the sequence number of the newest message in the event stream, or 0 if
    /// there is none.
    pub(crate) async fn ensure(&self, jetstream: &Context) -> Result<u64, Problem> {
        let events = self.ensure_stream(jetstream, &self.events).await?;
        let bucket = self.ensure_stream(jetstream, &self.bucket).await?;
        let mut found = deviations(&self.events, &events.config);
        if drift(&self.events, &events.config) == ["duplicate_window"] {
            update(jetstream, &self.events).await?;
            found.clear();
        }
        found.extend(deviations(&self.bucket, &bucket.config));
        let cut = events.state.first_sequence.saturating_sub(1);
        if cut > 0 {
            let name = &self.events.name;
            found.push(format!("{name}: the oldest {cut} events were removed"));
        }
        alarm(&self.alarmed, found);
        Ok(events.state.last_sequence)
    }

    /// Returns what differs from the wanted settings, as found by the last check.
    pub(crate) fn drift(&self) -> Vec<String> {
        self.alarmed.lock().clone()
    }

    async fn ensure_stream(&self, jetstream: &Context, wanted: &Config) -> Result<Info, Problem> {
        let found = find_or_create(jetstream, wanted).await?;
        self.check_owner(&found.config)?;
        Ok(found)
    }

    fn check_owner(&self, found: &Config) -> Result<(), Problem> {
        let whose = match found.metadata.get(LEDGER_ID) {
            Some(id) if *id == self.ledger => return self.check_format(found),
            Some(id) => format!("belongs to another ledger ({id})"),
            None => "was not created by a ledger".to_owned(),
        };
        Err(refused(format!(
            "the stream {} on the NATS server {whose}; this ledger is {}. Give it a subject \
             prefix or a NATS account of its own",
            found.name, self.ledger
        )))
    }

    fn check_format(&self, found: &Config) -> Result<(), Problem> {
        match found.metadata.get(FORMAT).map(String::as_str) {
            Some(FORMAT_VERSION) => Ok(()),
            format => Err(refused(format!(
                "the stream {} of ledger {} has format {:?}, which this version cannot continue",
                found.name,
                self.ledger,
                format.unwrap_or("unknown")
            ))),
        }
    }
}

/// Returns a stream, which is created if it is missing.
async fn find_or_create(jetstream: &Context, wanted: &Config) -> Result<Info, Problem> {
    let name = wanted.name.as_str();
    match jetstream.get_stream(name).await {
        Ok(stream) => return Ok(stream.cached_info().clone()),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(cause)
                if cause.error_code() == ErrorCode::STREAM_NOT_FOUND => {}
            GetStreamErrorKind::JetStream(cause) => {
                let about = format!("the NATS server refused to return information about {name}");
                return Err(jetstream_error::problem(&about, &cause));
            }
            _ => {
                return Err(unreachable(format!(
                    "the NATS server did not return information about {name}"
                )));
            }
        },
    }
    let created = jetstream.create_stream(wanted.clone()).await;
    let stream =
        created.map_err(|error| unwritten(&format!("create the stream {name}"), &error))?;
    info!(nats.stream = name, "stream created");
    Ok(stream.cached_info().clone())
}

/// Returns what differs from the wanted settings, in words.
fn deviations(wanted: &Config, found: &Config) -> Vec<String> {
    let name = &wanted.name;
    let tell = |setting: &str| match setting {
        "num_replicas" => {
            let (is, given) = (found.num_replicas, wanted.num_replicas);
            format!("{name}: num_replicas is {is}, and --nats-replicas is {given}")
        }
        _ => format!("{name}: {setting} was changed"),
    };
    drift(wanted, found).into_iter().map(tell).collect()
}

/// Logs deviations, unless they are the same as at the last check.
fn alarm(alarmed: &Mutex<Vec<String>>, found: Vec<String>) {
    let mut alarmed = alarmed.lock();
    if *alarmed == found {
        return;
    }
    for deviation in &found {
        error!(deviation, "a stream is not as the ledger needs it or was told to make it");
    }
    *alarmed = found;
}

async fn update(jetstream: &Context, wanted: &Config) -> Result<(), Problem> {
    let name = wanted.name.as_str();
    let updated = jetstream.update_stream(wanted).await;
    updated.map_err(|error| unwritten(&format!("change {name}"), &error))?;
    info!(nats.stream = name, "duplicate window changed");
    Ok(())
}

fn unwritten(what: &str, error: &CreateStreamError) -> Problem {
    match error.kind() {
        CreateStreamErrorKind::JetStream(cause) => {
            jetstream_error::problem(&format!("the NATS server refused to {what}"), &cause)
        }
        _ => unreachable(format!("the NATS server did not {what}: {error}")),
    }
}

fn base_config(name: String, metadata: HashMap<String, String>, choices: Choices) -> Config {
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
        num_replicas: choices.replicas,
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        duplicate_window: choices.duplicate_window,
        metadata,
        ..Config::default()
    }
}

/// Returns the metadata of a stream that belongs to one ledger.
fn metadata_of(ledger: &str) -> HashMap<String, String> {
    let mut metadata = format_metadata();
    metadata.insert(LEDGER_ID.to_owned(), ledger.to_owned());
    metadata
}

fn format_metadata() -> HashMap<String, String> {
    HashMap::from([(FORMAT.to_owned(), FORMAT_VERSION.to_owned())])
}

fn events_config(subjects: &Subjects, ledger: &str, choices: Choices) -> Config {
    Config {
        subjects: vec![subjects.all_events()],
        description: Some("every event of the connection ledger, in log order".to_owned()),
        ..base_config(subjects.stream_name(), metadata_of(ledger), choices)
    }
}

fn bucket_config(subjects: &Subjects, ledger: &str, choices: Choices) -> Config {
    let bucket = subjects.bucket_name();
    let transform = SubjectTransform {
        source: format!("{}.events.*.*", subjects.prefix()),
        destination: format!("$KV.{bucket}.{{{{wildcard(1)}}}}.{{{{wildcard(2)}}}}"),
    };
    let source = Source {
        name: subjects.stream_name(),
        subject_transforms: vec![transform],
        ..Source::default()
    };
    Config {
        max_messages_per_subject: 1,
        sources: Some(vec![source]),
        description: Some(
            "latest public state of every connection; filled by the server".to_owned(),
        ),
        ..base_config(format!("KV_{bucket}"), metadata_of(ledger), choices)
    }
}

fn lease_config(subjects: &Subjects, choices: Choices) -> Config {
    let name = format!("KV_{}", subjects.lease_bucket_name());
    Config {
        subjects: vec![subjects.lease()],
        max_messages_per_subject: 1,
        // A replica could show a lease that is no longer in force.
        allow_direct: false,
        duplicate_window: LEASE_DUPLICATE_WINDOW,
        description: Some("which instance owns these names".to_owned()),
        ..base_config(name, format_metadata(), choices)
    }
}

/// Returns the names of the relevant settings that differ.
fn drift(wanted: &Config, found: &Config) -> Vec<&'static str> {
    // The server reports -1 for "no limit" where it was given 0, and the other way round.
    let limit = |value: i64| value.max(0);
    let equal = [
        ("subjects", wanted.subjects == found.subjects),
        ("sources", same_sources(wanted, found)),
        ("retention", wanted.retention == found.retention),
        ("storage", wanted.storage == found.storage),
        ("discard", wanted.discard == found.discard),
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
        ("allow_rollup_hdrs", !found.allow_rollup),
        ("sealed", !found.sealed),
        ("subject_transform", found.subject_transform.is_none()),
        ("num_replicas", wanted.num_replicas == found.num_replicas),
        ("duplicate_window", wanted.duplicate_window == found.duplicate_window),
    ];
    equal.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
}

fn same_sources(wanted: &Config, found: &Config) -> bool {
    let parts = |config: &Config| {
        let sources = config.sources.iter().flatten();
        sources
            .map(|source| (source.name.clone(), source.subject_transforms.clone()))
            .collect::<Vec<_>>()
    };
    parts(wanted) == parts(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configs() -> (Config, Config) {
        let choices = Choices { duplicate_window: Duration::from_mins(2), replicas: 1 };
        let subjects = Subjects::default();
        (events_config(&subjects, "L", choices), bucket_config(&subjects, "L", choices))
    }

    #[test]
    fn the_bucket_is_filled_only_from_the_stream() {
        let (events, bucket) = configs();
        assert_eq!(events.name, "LEDGER_EVENTS");
        assert_eq!(events.subjects, ["ledger.events.>"]);
        assert_eq!(bucket.name, "KV_ledger-connections");
        assert!(bucket.subjects.is_empty());
        let source = &bucket.sources.unwrap()[0];
        assert_eq!(source.name, "LEDGER_EVENTS");
        assert_eq!(
            source.subject_transforms[0].destination,
            "$KV.ledger-connections.{{wildcard(1)}}.{{wildcard(2)}}"
        );
    }

    #[test]
    fn drift_names_only_the_settings_that_differ() {
        let (events, bucket) = configs();
        assert!(drift(&events, &events).is_empty());
        assert!(drift(&bucket, &bucket).is_empty());
        let mut changed = events.clone();
        changed.max_messages = 10;
        changed.max_bytes = 0;
        assert_eq!(drift(&events, &changed), ["max_msgs"]);
        changed.num_replicas = 3;
        let told = deviations(&events, &changed);
        assert_eq!(told[0], "LEDGER_EVENTS: max_msgs was changed");
        assert_eq!(told[1], "LEDGER_EVENTS: num_replicas is 3, and --nats-replicas is 1");
        let mut changed = bucket.clone();
        changed.sources = None;
        changed.subjects = vec!["$KV.ledger-connections.>".to_owned()];
        assert_eq!(drift(&bucket, &changed), ["subjects", "sources"]);
    }

    #[test]
    fn a_stream_of_another_ledger_is_refused() {
        let choices = Choices { duplicate_window: Duration::ZERO, replicas: 1 };
        let ledger = LedgerId::from_bytes([7; 16]);
        let topology = Topology::new(&Subjects::default(), ledger, choices);
        let mut config = topology.events.clone();
        assert!(topology.check_owner(&config).is_ok());
        config.metadata.insert(FORMAT.to_owned(), "2".to_owned());
        assert!(topology.check_owner(&config).is_err());
        config.metadata.insert(LEDGER_ID.to_owned(), "other".to_owned());
        assert!(topology.check_owner(&config).unwrap_err().message.contains("(other)"));
        config.metadata.clear();
        assert!(topology.check_owner(&config).is_err());
    }
}
