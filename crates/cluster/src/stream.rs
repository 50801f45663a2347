//! The stream and the bucket beside it, as the servers must have them.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{
    CreateStreamErrorKind, GetStreamErrorKind, PublishError, PublishErrorKind,
};
use async_nats::jetstream::message::{PublishMessage, StreamMessage};
use async_nats::jetstream::stream::{
    Compression, Config, DeleteMessageError, DeleteMessageErrorKind, DiscardPolicy, Info,
    LastRawMessageErrorKind,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger_bus::{FORMAT, INCARNATION, LEDGER_ID, kept};
use ledger_contract::errors::{Code, Problem};
use ledger_contract::subjects::Subjects;
use ledger_engine::{HANDOVER_NAMES as HANDOVER, Identity, StreamPlace, ValueBeside};
use tracing::info;

use crate::repair::is_repaired;
use crate::{Common, away, differs, join};

/// The header with the code of a message.
pub(crate) const MAC: &str = "Ledger-Mac";
const FORMAT_VERSION: &str = "1";
/// The stream and the bucket.
#[derive(Debug)]
pub(crate) struct LogStream {
    pub(crate) log: Config,
    values: Config,
    values_subject: String,
}

impl LogStream {
    pub(crate) fn new(subjects: &Subjects, identity: Identity, replicas: usize) -> Self {
        let bucket = subjects.values_bucket_name();
        let metadata = HashMap::from([
            (LEDGER_ID.to_owned(), identity.ledger.to_string()),
            (INCARNATION.to_owned(), identity.incarnation.to_string()),
            (FORMAT.to_owned(), FORMAT_VERSION.to_owned()),
        ]);
        let base = |name| kept(name, metadata.clone(), Some(replicas));
        let log = Config {
            subjects: vec![subjects.log()],
            description: Some("the log of the connection ledger's nodes".to_owned()),
            // Servers up to 2.15.1 cannot always write on after a compressed block, once a leader
            // is gone: "error reading compression reader". Two of three then have no log.
            compression: Some(Compression::None),
            ..base(subjects.log_stream_name())
        };
        let values_subject = format!("$KV.{bucket}");
        let values = Config {
            subjects: vec![format!("{values_subject}.>")],
            description: Some("wrapped keys beside the log".to_owned()),
            // The value, and the former one until that is overwritten, which the server does not
            // do with one that exceeds this.
            max_messages_per_subject: 2,
            discard: DiscardPolicy::Old,
            // What is destroyed is deleted for good.
            deny_delete: false,
            deny_purge: false,
            allow_direct: false,
            allow_message_ttl: true,
            ..base(format!("KV_{bucket}"))
        };
        Self { log, values, values_subject }
    }

    /// Finds both, or makes them if this ledger has never followed a stream.
    ///
    /// Errors: `log_differs` for those of another ledger or history, or with other settings;
    /// `nats_refused` if they cannot be made.
    pub(crate) async fn find_or_make(&self, common: &Common) -> Result<Info, Problem> {
        let followed = common.engine.followed().map_err(Problem::from)?;
        let name = &self.log.name;
        let (info, is_new) = match (find(common, name).await?, followed) {
            (Some(info), _) => (info, false),
            (None, StreamPlace::Never) => (make(common, &self.log).await?, true),
            (None, StreamPlace::ToJoin) => {
                return Err(away(format!(
                    "there is no stream {name} yet, which this copy of the ledger is to follow"
                )));
            }
            (None, StreamPlace::Up { to, .. }) => {
                return Err(differs(format!(
                    "the stream {name} is gone, of which this node has everything up to message \
                     {to}"
                )));
            }
        };
        compare(&self.log, &info.config)?;
        let values = match find(common, &self.values.name).await? {
            Some(values) => values,
            None => make(common, &self.values).await?,
        };
        compare(&self.values, &values.config)?;
        let created = created(&info);
        match followed {
            StreamPlace::Up { made_at, .. } if made_at == created => {}
            StreamPlace::Up { .. } if !is_repaired(&info.config) => {
                return Err(differs(format!(
                    "the stream {name} was deleted and made anew since this node followed it"
                )));
            }
            _ if is_repaired(&info.config) && info.state.messages == 0 => {
                return Err(away(format!("the repair of the stream {name} is not finished")));
            }
            // One that a repair made begins where the log of this node should end.
            StreamPlace::Up { .. } | StreamPlace::Never | StreamPlace::ToJoin => {
                let up_to = if is_new { 0 } else { join::find_place(common, &info).await? };
                common.engine.begin_following(created, up_to)?;
            }
        }
        Ok(info)
    }

    /// Stores a value beside the log.
    pub(crate) async fn put(&self, common: &Common, given: &ValueBeside) -> Result<(), Problem> {
        let message = self.message(common, given);
        let stored = self.publish(common, &given.name, message).await?;
        stored.map(drop).map_err(|error| unstored(&error))
    }

    /// Stores a value beside the log in the place of the one with a sequence. Returns its own, or
    /// `None` if that was changed or destroyed since.
    pub(crate) async fn replace(
        &self,
        common: &Common,
        given: &ValueBeside,
        sequence: u64,
    ) -> Result<Option<u64>, Problem> {
        let message = self.message(common, given).expected_last_subject_sequence(sequence);
        match self.publish(common, &given.name, message).await? {
            Ok(sequence) => Ok(Some(sequence)),
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => Ok(None),
            Err(error) => Err(unstored(&error)),
        }
    }

    /// Overwrites what a value beside the log was before the one with a sequence on the disks of
    /// the servers.
    pub(crate) async fn forget_former(
        &self,
        common: &Common,
        name: &str,
        sequence: u64,
    ) -> Result<(), Problem> {
        let unread = |error: &dyn std::fmt::Display| {
            away(format!("a former value beside the log was not overwritten: {error}"))
        };
        let stream = common.jetstream.get_stream_no_info(&self.values.name).await;
        let stream = stream.map_err(|error| unread(&error))?;
        let subject = self.subject(name);
        loop {
            let first = match stream.get_first_raw_message_by_subject(&subject, 1).await {
                Ok(first) if first.sequence < sequence => first.sequence,
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => {
                    return Ok(());
                }
                Err(error) => return Err(unread(&error)),
            };
            match stream.delete_message(first).await {
                Ok(_) => {}
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(unread(&error)),
            }
        }
    }

    fn message(&self, common: &Common, given: &ValueBeside) -> PublishMessage {
        let ValueBeside { name, value, lifetime } = given;
        let mac = STANDARD.encode(common.engine.log_mac(0, &named(name, value)));
        let mut message = PublishMessage::build()
            .payload(value.clone().into())
            .header(MAC, mac)
            .expected_stream(&self.values.name);
        if let Some(lifetime) = lifetime {
            // The server counts in seconds, and permits none below one.
            message = message.ttl(Duration::from_secs(lifetime.as_secs() + 1));
        }
        message
    }

    async fn publish(
        &self,
        common: &Common,
        name: &str,
        message: PublishMessage,
    ) -> Result<Result<u64, PublishError>, Problem> {
        let sent = common.jetstream.send_publish(self.subject(name), message).await;
        let acknowledged = sent.map_err(|error| unstored(&error))?.await;
        Ok(acknowledged.map(|acknowledged| acknowledged.sequence))
    }

    fn subject(&self, name: &str) -> String {
        format!("{}.{name}", self.values_subject)
    }

    /// Returns a value beside the log, or `None` if it is destroyed or its time is over.
    ///
    /// Errors: `log_differs` if it is missing or was not written by a node of this ledger.
    pub(crate) async fn get(
        &self,
        common: &Common,
        name: &str,
    ) -> Result<Option<Vec<u8>>, Problem> {
        match self.current(common, name).await? {
            None if name.starts_with(HANDOVER) => Ok(None),
            None => Err(differs(format!("the bucket beside the log does not have {name}"))),
            Some((_, value)) => Ok((!value.is_empty()).then_some(value)),
        }
    }

    /// Returns a value beside the log with its sequence, if there is one. One that is destroyed is
    /// empty.
    ///
    /// Errors: `log_differs` if it was not written by a node of this ledger.
    pub(crate) async fn current(
        &self,
        common: &Common,
        name: &str,
    ) -> Result<Option<(u64, Vec<u8>)>, Problem> {
        let Some(message) = self.last(common, name).await? else { return Ok(None) };
        let mac = message.headers.get(MAC).and_then(|mac| STANDARD.decode(mac.as_str()).ok());
        let is_ours = mac
            .is_some_and(|mac| common.engine.is_log_mac(&mac, 0, &named(name, &message.payload)));
        if is_ours {
            return Ok(Some((message.sequence, message.payload.to_vec())));
        }
        Err(differs(format!("{name} in the bucket beside the log is not as a node wrote it")))
    }

    /// Returns the message with a value beside the log.
    async fn last(&self, common: &Common, name: &str) -> Result<Option<StreamMessage>, Problem> {
        let stream = common.jetstream.get_stream_no_info(&self.values.name).await;
        let stream = stream.map_err(|error| away(format!("no bucket beside the log: {error}")))?;
        match stream.get_last_raw_message_by_subject(&self.subject(name)).await {
            Ok(message) => Ok(Some(message)),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(away(format!("a value beside the log was not read: {error}"))),
        }
    }

    /// Overwrites a value beside the log on the disks of the servers, and puts an empty one in its
    /// place.
    pub(crate) async fn destroy(&self, common: &Common, name: &str) -> Result<(), Problem> {
        let undone = |error: &dyn std::fmt::Display| {
            away(format!("a value beside the log was not destroyed: {error}"))
        };
        while let Some(message) = self.last(common, name).await? {
            if message.payload.is_empty() {
                return Ok(());
            }
            let stream = common.jetstream.get_stream_no_info(&self.values.name).await;
            let stream = stream.map_err(|error| undone(&error))?;
            match stream.delete_message(message.sequence).await {
                Ok(_) => {}
                // Another node was faster.
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(undone(&error)),
            }
        }
        let mark = ValueBeside { name: name.to_owned(), value: Vec::new(), lifetime: None };
        self.put(common, &mark).await
    }
}

fn unstored(error: &PublishError) -> Problem {
    away(format!("a value beside the log was not stored: {error}"))
}

/// Returns whether a message cannot be deleted because it is not there any more.
fn is_gone(error: &DeleteMessageError) -> bool {
    matches!(error.kind(), DeleteMessageErrorKind::JetStream(cause)
        if cause.error_code() == ErrorCode::NO_MESSAGE_FOUND
            || cause.error_code() == ErrorCode::STREAM_MESSAGE_DELETE_FAILED)
}

/// Returns a value with its name, for its code.
fn named(name: &str, value: &[u8]) -> Vec<u8> {
    [name.as_bytes(), &[0], value].concat()
}

/// Returns when a stream was made, in nanoseconds since 1970.
pub(crate) fn created(info: &Info) -> u64 {
    u64::try_from(info.created.unix_timestamp_nanos()).unwrap_or(u64::MAX)
}

/// Returns a stream, if there is one of this name.
pub(crate) async fn find(common: &Common, name: &str) -> Result<Option<Info>, Problem> {
    match common.jetstream.get_stream(name).await {
        Ok(stream) => Ok(Some(stream.cached_info().clone())),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(cause)
                if cause.error_code() == ErrorCode::STREAM_NOT_FOUND =>
            {
                Ok(None)
            }
            _ => Err(away(format!("the NATS servers do not tell about {name}: {error}"))),
        },
    }
}

/// Makes a stream.
///
/// Errors: `nats_refused` if that cannot be; `nats_unreachable`.
pub(crate) async fn make(common: &Common, wanted: &Config) -> Result<Info, Problem> {
    let name = &wanted.name;
    let made = common.jetstream.create_stream(wanted.clone()).await;
    let stream = made.map_err(|error| {
        let text = format!("the NATS servers did not make {name}: {error}");
        match error.kind() {
            // No wait helps: it is one server, or its user may not.
            CreateStreamErrorKind::JetStream(cause)
                if cause.error_code() == ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED =>
            {
                Problem::because(Code::NatsRefused, text)
            }
            _ => away(text),
        }
    })?;
    info!(nats.stream = name, "stream created");
    Ok(stream.cached_info().clone())
}

/// Checks what the ledger relies on.
fn compare(wanted: &Config, found: &Config) -> Result<(), Problem> {
    let name = &wanted.name;
    for key in [LEDGER_ID, INCARNATION, FORMAT] {
        if found.metadata.get(key) != wanted.metadata.get(key) {
            let theirs = found.metadata.get(key).map_or("nothing", String::as_str);
            let ours = wanted.metadata.get(key).map_or("nothing", String::as_str);
            return Err(differs(format!(
                "the stream {name} has {key} {theirs}, and this ledger needs {ours}"
            )));
        }
    }
    let differences: Vec<&str> = [
        ("subjects", found.subjects == wanted.subjects),
        ("storage", found.storage == wanted.storage),
        ("retention", found.retention == wanted.retention),
        ("max_bytes", found.max_bytes <= 0),
        ("max_messages", found.max_messages <= 0),
        ("max_age", found.max_age.is_zero()),
        (
            "max_messages_per_subject",
            found.max_messages_per_subject == wanted.max_messages_per_subject
                || (found.max_messages_per_subject <= 0 && wanted.max_messages_per_subject <= 0),
        ),
        ("discard", found.discard == wanted.discard),
        ("deny_delete", found.deny_delete || !wanted.deny_delete),
        ("deny_purge", found.deny_purge || !wanted.deny_purge),
        ("num_replicas", found.num_replicas >= wanted.num_replicas),
        ("compression", matches!(found.compression, None | Some(Compression::None))),
        ("sources", found.sources.as_ref().is_none_or(Vec::is_empty)),
        ("mirror", found.mirror.is_none()),
        ("no_ack", !found.no_ack),
    ]
    .into_iter()
    .filter_map(|(setting, is_right)| (!is_right).then_some(setting))
    .collect();
    if differences.is_empty() {
        return Ok(());
    }
    Err(differs(format!(
        "the stream {name} is not as the ledger needs it: {}",
        differences.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use ledger_domain::{Incarnation, LedgerId};

    use super::*;

    /// Changes a setting.
    type Change = fn(&mut Config);

    fn stream() -> LogStream {
        let identity = Identity {
            ledger: LedgerId::from_bytes([1; 16]),
            incarnation: Incarnation::from_bytes([2; 16]),
            epoch: 3,
        };
        LogStream::new(&Subjects::default(), identity, 3)
    }

    #[test]
    fn a_stream_that_may_lose_messages_is_refused_by_the_name_of_the_setting() {
        let LogStream { log, values, .. } = stream();
        assert_eq!((log.name.as_str(), log.subjects[0].as_str()), ("LEDGER_LOG", "ledger.log"));
        assert_eq!(values.name, "KV_ledger-values");
        for wanted in [&log, &values] {
            assert!(compare(wanted, wanted).is_ok());
        }
        let changes: [(&str, Change); 6] = [
            ("max_messages", |config| config.max_messages = 10),
            ("max_age", |config| config.max_age = Duration::from_secs(1)),
            ("num_replicas", |config| config.num_replicas = 1),
            ("discard", |config| config.discard = DiscardPolicy::Old),
            ("deny_purge", |config| config.deny_purge = false),
            (INCARNATION, |config| config.metadata.clear()),
        ];
        for (setting, change) in changes {
            let mut found = log.clone();
            change(&mut found);
            if setting == INCARNATION {
                found.metadata.extend(log.metadata.clone());
                found.metadata.insert(INCARNATION.to_owned(), "other".to_owned());
            }
            let refused = compare(&log, &found).unwrap_err();
            assert_eq!(refused.code, Code::LogDiffers);
            assert!(refused.message.contains(setting), "{}", refused.message);
        }
    }
}
