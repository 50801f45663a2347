//! Partial reading of records, without copying their text.
//!
//! A replay reads every record of the log, but needs only a few fields of most. Since the fields
//! have a fixed order, they are read here by walking over the bytes. Records that are not written
//! exactly as [`super::encode_event`] writes them go through [`super::decode`], which reads every
//! valid record and reports errors in others.

use std::borrow::Cow;
use std::net::IpAddr;

use ledger_domain::{
    Actor, CheckedText, ConnectionId, Event, EventFacts, EventId, LeaseFacts, LedgerId, Micros,
    Position, PrincipalName, Version, WorkspaceName,
};
use serde::de::DeserializeSeed;
use uuid::Uuid;

use super::decode::{Versioned, decode_versioned};
use super::erased_v1::EMPTIED;
use super::event_v1::DataSeed;
use super::repeats::{Repeats, StoredFingerprint};
use super::versions::{METADATA_VERSION, data_version};
use super::{Happened, Record, RecordError, StreamId, Via, decode};
use crate::time;

/// Length of a UUID as text.
const UUID_BYTES: usize = 36;
/// Length of a time as text.
const TIME_BYTES: usize = 27;

/// The stream and version of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The connection whose state it changes, if it changes one.
    pub connection: Option<ConnectionId>,
    /// The connection of which it reveals secrets, if it does.
    pub reveals: Option<ConnectionId>,
    /// Its version in its stream.
    pub version: Version,
}

impl Head {
    /// Reads the first fields of a stored record. `position` is where the bytes were found and must
    /// match the record.
    pub fn read(position: Position, bytes: &[u8]) -> Result<Self, RecordError> {
        if let Some((_, found, stream, version)) = Scan(bytes).head()
            && found == position
        {
            return Ok(Self::of(&stream.into(), version));
        }
        let Record { metadata, .. } = decode(position, bytes)?;
        Ok(Self::of(&metadata.stream, metadata.version))
    }

    fn of(stream: &StreamId, version: Version) -> Self {
        let (connection, reveals) = match stream {
            StreamId::Connection(id) => (Some(*id), None),
            StreamId::Reveals(id) => (None, Some(*id)),
            StreamId::Workspace(_)
            | StreamId::Principal(_)
            | StreamId::Consumers(_)
            | StreamId::Policies(_)
            | StreamId::Alerts(_)
            | StreamId::Leases(_)
            | StreamId::Handovers(_)
            | StreamId::Ledger(_) => (None, None),
        };
        Self { connection, reveals, version }
    }
}

/// A record whose metadata is parsed and whose event is still unchecked text. [`Self::happened`]
/// parses the event.
#[derive(Debug)]
pub struct Frame<'a> {
    /// Log position.
    pub position: Position,
    /// The stream it belongs to.
    pub stream: StreamId,
    /// Version in that stream.
    pub version: Version,
    /// Id of the event.
    pub event_id: EventId,
    /// The stored name of the event's type.
    pub type_name: &'static str,
    /// The version of the event's data.
    schema: u32,
    /// The workspace that the event belongs to.
    pub workspace: Cow<'a, str>,
    /// When it was recorded.
    pub recorded_at: Micros,
    /// Actor of the event.
    pub actor: Cow<'a, str>,
    /// Command id.
    pub command_id: Cow<'a, str>,
    /// Correlation id, if the caller gave one.
    pub correlation_id: Option<Cow<'a, str>>,
    /// Whether and how a repeat of the command is recognized.
    pub repeats: Repeats,
    data: Data<'a>,
}

#[derive(Debug)]
enum Data<'a> {
    Text(&'a [u8]),
    Read(Happened),
}

impl<'a> Frame<'a> {
    /// Reads the metadata of a stored record. `position` is where the bytes were found and must
    /// match the record.
    pub fn read(position: Position, bytes: &'a [u8]) -> Result<Self, RecordError> {
        match Scan(bytes).frame() {
            Some(frame) if frame.position == position => Ok(frame),
            _ => decode_versioned(position, bytes).map(Self::from),
        }
    }

    /// Reads the event.
    pub fn happened(self) -> Result<Happened, RecordError> {
        let (position, type_name, schema) = (self.position, self.type_name, self.schema);
        let text = match self.data {
            Data::Text(text) => text,
            Data::Read(happened) => return Ok(happened),
        };
        let mut reader = serde_json::Deserializer::from_slice(text);
        let read = DataSeed { type_name, schema }.deserialize(&mut reader);
        read.and_then(|happened| reader.end().map(|()| happened))
            .map_err(|source| RecordError { position, source })
    }

    /// Returns the digest of the record as it was first stored, if this is what is left of it; see
    /// `erased_v1.rs`.
    pub fn emptied_digest(self) -> Result<Option<[u8; 32]>, RecordError> {
        if self.schema != EMPTIED && matches!(self.data, Data::Text(_)) {
            return Ok(None);
        }
        Ok(match self.happened()? {
            Happened::Connection(Event::Emptied(emptied)) => Some(emptied.digest),
            _ => None,
        })
    }

    /// Returns the metadata that the state of `connection` depends on. `actor` is this record's
    /// actor, passed in so that many records can share one.
    pub fn facts(&self, connection: ConnectionId, actor: Actor) -> EventFacts {
        EventFacts {
            connection,
            event_id: self.event_id,
            version: self.version,
            position: self.position,
            recorded_at: self.recorded_at,
            actor,
        }
    }

    /// Returns the metadata that leases on secrets depend on.
    pub fn lease_facts(&self) -> LeaseFacts {
        LeaseFacts {
            connection: self.stream.leased(),
            workspace: WorkspaceName::stored(self.workspace.as_ref().into()),
            event_id: self.event_id,
            actor: Actor::new(&*self.actor),
            recorded_at: self.recorded_at,
            position: self.position,
        }
    }
}

impl From<Versioned> for Frame<'_> {
    fn from(versioned: Versioned) -> Self {
        let Versioned { metadata_version, record: Record { metadata, happened } } = versioned;
        let owned = |text: &str| Cow::Owned(text.to_owned());
        Self {
            position: metadata.position,
            version: metadata.version,
            event_id: metadata.event_id,
            type_name: happened.type_name(),
            schema: data_version(happened.type_name()),
            workspace: owned(metadata.workspace.as_str()),
            recorded_at: metadata.recorded_at,
            actor: owned(metadata.actor.as_str()),
            command_id: owned(metadata.provenance.command_id.as_str()),
            correlation_id: metadata.provenance.correlation_id.map(|id| owned(id.as_str())),
            repeats: Repeats::of(metadata_version, metadata.fingerprint),
            stream: metadata.stream,
            data: Data::Read(happened),
        }
    }
}

/// A stream whose name borrows from the record.
enum Stream<'a> {
    Connection(ConnectionId),
    Workspace(&'a str),
    Principal(&'a str),
    Reveals(ConnectionId),
    Consumers(ConnectionId),
    Policies(&'a str),
    Alerts(&'a str),
    Leases(&'a str),
    Ledger(LedgerId),
}

impl From<Stream<'_>> for StreamId {
    fn from(stream: Stream<'_>) -> Self {
        match stream {
            Stream::Connection(id) => Self::Connection(id),
            Stream::Workspace(name) => Self::Workspace(WorkspaceName::stored(name.into())),
            Stream::Principal(name) => Self::Principal(PrincipalName::stored(name.into())),
            Stream::Reveals(id) => Self::Reveals(id),
            Stream::Consumers(id) => Self::Consumers(id),
            Stream::Policies(name) => Self::Policies(WorkspaceName::stored(name.into())),
            Stream::Alerts(name) => Self::Alerts(WorkspaceName::stored(name.into())),
            Stream::Leases(name) => Self::Leases(WorkspaceName::stored(name.into())),
            Stream::Ledger(id) => Self::Ledger(id),
        }
    }
}

/// The unread bytes of a record. Every step returns `None` if the bytes differ from what it
/// expects.
struct Scan<'a>(&'a [u8]);

impl<'a> Scan<'a> {
    /// Reads the version of the metadata, the position, the stream and the version in it.
    fn head(&mut self) -> Option<(u32, Position, Stream<'a>, Version)> {
        self.skip(b"{")?;
        let mut metadata_version = 1;
        if self.skip(b"\"record\":").is_some() {
            metadata_version = u32::try_from(self.number()?).ok()?;
            self.skip(b",")?;
        }
        self.skip(b"\"position\":")?;
        let position = Position::new(self.number()?);
        self.skip(b",\"stream\":\"")?;
        let stream = if self.skip(b"connection/").is_some() {
            Stream::Connection(ConnectionId::new(self.uuid()?))
        } else if self.skip(b"reveals/").is_some() {
            Stream::Reveals(ConnectionId::new(self.uuid()?))
        } else if self.skip(b"consumers/").is_some() {
            Stream::Consumers(ConnectionId::new(self.uuid()?))
        } else if self.skip(b"leases/").is_some() {
            Stream::Leases(self.text()?)
        } else if self.skip(b"ledger/").is_some() {
            Stream::Ledger(LedgerId::new(self.uuid()?))
        } else if self.skip(b"policies/").is_some() {
            Stream::Policies(self.text()?)
        } else if self.skip(b"alerts/").is_some() {
            Stream::Alerts(self.text()?)
        } else if self.skip(b"principal/").is_some() {
            Stream::Principal(self.text()?)
        } else {
            self.skip(b"workspace/")?;
            Stream::Workspace(self.text()?)
        };
        self.skip(b",\"version\":")?;
        Some((metadata_version, position, stream, Version::new(self.number()?)))
    }

    fn frame(mut self) -> Option<Frame<'a>> {
        let (metadata_version, position, stream, version) = self.head()?;
        self.skip(b",\"event_id\":\"")?;
        let event_id = EventId::new(self.uuid()?);
        self.skip(b",\"type\":\"")?;
        let type_name = known_type(self.text()?)?;
        self.skip(b",\"schema\":")?;
        let schema = u32::try_from(self.number()?).ok()?;
        self.skip(b",\"workspace\":\"")?;
        let workspace = self.text()?;
        self.skip(b",\"recorded_at\":\"")?;
        let recorded_at = self.time()?;
        self.skip(b",\"actor\":\"")?;
        let actor = self.text()?;
        self.skip(b",\"via\":\"")?;
        let via = self.text()?;
        Via::ALL.into_iter().find(|known| known.as_str() == via)?;
        self.skip(b",\"command_id\":\"")?;
        let command_id = self.text()?;
        let mut correlation_id = None;
        if self.skip(b",\"correlation_id\":\"").is_some() {
            correlation_id = Some(self.text()?);
        }
        for unread in [b",\"causation_id\":\"".as_slice(), b",\"trace_id\":\""] {
            if self.skip(unread).is_some() {
                self.text()?;
            }
        }
        let repeats = self.later_fields(metadata_version)?;
        self.skip(b",\"data\":")?;
        let data = self.0.strip_suffix(b"}")?;
        Some(Frame {
            position,
            stream: stream.into(),
            version,
            event_id,
            type_name,
            schema,
            workspace: Cow::Borrowed(workspace),
            recorded_at,
            actor: Cow::Borrowed(actor),
            command_id: Cow::Borrowed(command_id),
            correlation_id: correlation_id.map(Cow::Borrowed),
            repeats,
            data: Data::Text(data),
        })
    }

    /// Reads what version 3 of the metadata says about repeats. Skips all else that version 1 has
    /// not.
    fn later_fields(&mut self, metadata_version: u32) -> Option<Repeats> {
        match metadata_version {
            1 => return Some(Repeats::Unknown),
            2..=METADATA_VERSION => {}
            _ => return None,
        }
        if self.skip(b",\"epoch\":").is_some() {
            self.number()?;
        }
        if self.skip(b",\"clock\":\"").is_some() {
            self.time()?;
        }
        if self.skip(b",\"key\":\"").is_some() {
            self.text()?;
        }
        if self.skip(b",\"address\":\"").is_some() {
            self.text()?.parse::<IpAddr>().ok()?;
        }
        let mut fingerprint = None;
        if metadata_version > 2 && self.skip(b",\"fingerprint\":\"").is_some() {
            fingerprint = Some(StoredFingerprint::parse(self.text()?)?);
        }
        Some(Repeats::of(metadata_version, fingerprint))
    }

    fn skip(&mut self, bytes: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(bytes)?;
        Some(())
    }

    fn number(&mut self) -> Option<u64> {
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, rest) = self.0.split_at_checked(digits)?;
        if digits == 0 || (digits > 1 && number.first() == Some(&b'0')) {
            return None;
        }
        self.0 = rest;
        number
            .iter()
            .try_fold(0_u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
    }

    /// Reads a string whose opening quote has been skipped, including the closing quote. Returns
    /// `None` for strings with escapes.
    fn text(&mut self) -> Option<&'a str> {
        let plain = |byte: &&u8| !matches!(**byte, b'"' | b'\\' | 0..0x20);
        let length = self.0.iter().take_while(plain).count();
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest.strip_prefix(b"\"")?;
        std::str::from_utf8(text).ok()
    }

    fn uuid(&mut self) -> Option<Uuid> {
        Uuid::try_parse_ascii(self.quoted(UUID_BYTES)?).ok()
    }

    fn time(&mut self) -> Option<Micros> {
        let text = std::str::from_utf8(self.quoted(TIME_BYTES)?).ok()?;
        time::parse("time", text).ok()
    }

    /// Reads a string of known length and its closing quote.
    fn quoted(&mut self, length: usize) -> Option<&'a [u8]> {
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest.strip_prefix(b"\"")?;
        Some(text)
    }
}

fn known_type(name: &str) -> Option<&'static str> {
    crate::schemas::event_types().find(|known| *known == name)
}
