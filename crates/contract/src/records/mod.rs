//! The stored record: an event with its metadata, as JSON text in a fixed field order.
//!
//! ```text
//! {"record":3,"position":7,"stream":"connection/018f…","version":2,"event_id":"018f…",
//!  "type":"secret_rotated","schema":1,"workspace":"default",
//!  "recorded_at":"2026-11-21T01:02:03.123456Z","actor":"key:admin","via":"nats",
//!  "command_id":"…","correlation_id":"…","causation_id":"…","trace_id":"…","epoch":3,
//!  "clock":"…","key":"k3x9a2bq71ce","address":"192.0.2.7","fingerprint":"…","data":{…}}
//! ```
//!
//! The stored bytes are the truth, and are rewritten only if their connection is erased; see
//! `erased_v1.rs`. `record` is the version of the metadata,
//! `schema` that of the event's data; see `versions.rs`. Only the newest versions are written; all
//! are read.

mod access_v1;
mod alerts_v1;
mod consumers_v1;
mod decode;
mod erased_v1;
mod event_v1;
mod frame;
mod handovers_v1;
mod leases_v1;
mod ledger_v1;
mod parts_v1;
mod policies_v1;
mod provider_tokens_v1;
mod public;
mod repeats;
mod rotations_v1;
mod row;
mod secrets_v1;
mod tests_v1;
mod versions;

use std::fmt;
use std::net::IpAddr;

use ledger_domain::{
    Actor, AlertEvent, CheckedText, ConnectionId, ConsumerEvent, Event, EventFacts, EventId,
    HandoverEvent, LeaseEvent, LeaseFacts, LedgerEvent, LedgerId, Line, MessageId, Micros,
    PolicyEvent, Position, PrincipalEvent, PrincipalFacts, PrincipalName, SecretRevealed, Version,
    WorkspaceCreated, WorkspaceName,
};
use serde::{Deserializer, Serialize};

pub use access_v1::{decode_principal_row, encode_principal_row};
pub use consumers_v1::{decode_consumer_row, encode_consumer_row};
pub use decode::decode;
pub use erased_v1::emptied;
pub use event_v1::Happened;
pub use frame::{Frame, Head};
pub use handovers_v1::{decode_handover_row, encode_handover_row};
pub use leases_v1::{decode_lease_row, encode_lease_row};
pub use public::{Hide, announced, public};
pub(crate) use repeats::FINGERPRINT_CHARS;
pub use repeats::{Repeats, StoredFingerprint};
pub use row::{
    ConnectionRow, decode_snapshot, decode_workspace_row, encode_snapshot, encode_workspace_row,
};
pub use versions::{METADATA_VERSION, data_version, first_metadata_version};

use crate::shape::{self, Shape, Written};
use access_v1::PrincipalOut;
use alerts_v1::AlertOut;
use consumers_v1::ConsumerOut;
use event_v1::DataOut;
pub(crate) use event_v1::data_schema;
use handovers_v1::HandoverOut;
use leases_v1::LeaseOut;
use ledger_v1::LedgerOut;
use policies_v1::PolicyOut;

/// The way a command came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Via {
    /// A NATS request.
    Nats,
    /// The native HTTP API.
    Http,
    /// Blaxel's API.
    Blaxel,
    /// Pica's API.
    Pica,
    /// The API of Umbraco.AI.
    Umbraco,
    /// Portkey's API.
    Portkey,
    /// The API of ElevenLabs.
    ElevenLabs,
    /// The command line, directly on the data directory.
    Cli,
    /// The ledger itself.
    System,
}

impl Via {
    /// Every way.
    pub const ALL: [Self; 9] = [
        Self::Nats,
        Self::Http,
        Self::Blaxel,
        Self::Pica,
        Self::Umbraco,
        Self::Portkey,
        Self::ElevenLabs,
        Self::Cli,
        Self::System,
    ];

    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nats => "nats",
            Self::Http => "http",
            Self::Blaxel => "blaxel",
            Self::Pica => "pica",
            Self::Umbraco => "umbraco",
            Self::Portkey => "portkey",
            Self::ElevenLabs => "elevenlabs",
            Self::Cli => "cli",
            Self::System => "system",
        }
    }
}

impl Shape for Via {
    fn write<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        shape::read_text(deserializer, |text| {
            let known = Self::ALL.into_iter().find(|via| via.as_str() == text);
            known.ok_or_else(|| "unknown door".to_owned())
        })
    }
}

/// Which stream an event belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StreamId {
    /// One connection.
    Connection(ConnectionId),
    /// One workspace.
    Workspace(WorkspaceName),
    /// One principal.
    Principal(PrincipalName),
    /// Reveals of one connection's secrets.
    Reveals(ConnectionId),
    /// What the consumers of one connection say.
    Consumers(ConnectionId),
    /// The policies of one workspace, or of the ledger as a whole.
    Policies(WorkspaceName),
    /// The alerts of one workspace, or of the ledger as a whole.
    Alerts(WorkspaceName),
    /// What ends leases on secrets throughout a workspace.
    Leases(WorkspaceName),
    /// Handovers of one principal's keys.
    Handovers(PrincipalName),
    /// The ledger itself.
    Ledger(LedgerId),
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(id) => write!(f, "connection/{id}"),
            Self::Workspace(name) => write!(f, "workspace/{name}"),
            Self::Principal(name) => write!(f, "principal/{name}"),
            Self::Reveals(id) => write!(f, "reveals/{id}"),
            Self::Consumers(id) => write!(f, "consumers/{id}"),
            Self::Policies(name) => write!(f, "policies/{name}"),
            Self::Alerts(name) => write!(f, "alerts/{name}"),
            Self::Leases(name) => write!(f, "leases/{name}"),
            Self::Handovers(name) => write!(f, "handovers/{name}"),
            Self::Ledger(id) => write!(f, "ledger/{id}"),
        }
    }
}

impl Shape for StreamId {
    fn write<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        shape::read_text(deserializer, |text| {
            Self::parse(text).ok_or_else(|| "not a stream id".to_owned())
        })
    }
}

impl StreamId {
    /// Returns the connection whose leases the events of the stream are about, if it is one.
    pub const fn leased(&self) -> Option<ConnectionId> {
        match self {
            Self::Reveals(id) => Some(*id),
            _ => None,
        }
    }

    /// Parses the stored text.
    fn parse(text: &str) -> Option<Self> {
        match text.split_once('/')? {
            ("connection", id) => id.parse().ok().map(Self::Connection),
            ("workspace", name) => Some(Self::Workspace(WorkspaceName::stored(name.into()))),
            ("principal", name) => Some(Self::Principal(PrincipalName::stored(name.into()))),
            ("reveals", id) => id.parse().ok().map(Self::Reveals),
            ("consumers", id) => id.parse().ok().map(Self::Consumers),
            ("policies", name) => Some(Self::Policies(WorkspaceName::stored(name.into()))),
            ("alerts", name) => Some(Self::Alerts(WorkspaceName::stored(name.into()))),
            ("leases", name) => Some(Self::Leases(WorkspaceName::stored(name.into()))),
            ("handovers", name) => Some(Self::Handovers(PrincipalName::stored(name.into()))),
            ("ledger", id) => id.parse().ok().map(Self::Ledger),
            _ => None,
        }
    }
}

/// The metadata of the request that caused a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// The way the request came in.
    pub via: Via,
    /// Command id.
    pub command_id: MessageId,
    /// Correlation id, if the caller gave one.
    pub correlation_id: Option<MessageId>,
    /// Causation id, if the caller gave one.
    pub causation_id: Option<MessageId>,
    /// W3C trace id (32 hex digits), if the caller sent a `traceparent`.
    pub trace_id: Option<MessageId>,
    /// The credential: the id of an API key, or the issuer of a token and the token's id.
    pub key: Option<Line>,
    /// The client's address, if the request came over HTTP.
    pub address: Option<IpAddr>,
}

/// The metadata of an event in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Log position.
    pub position: Position,
    /// The stream it belongs to.
    pub stream: StreamId,
    /// Version in that stream.
    pub version: Version,
    /// Id of the event.
    pub event_id: EventId,
    /// The workspace that the event belongs to.
    pub workspace: WorkspaceName,
    /// When it was recorded; never goes back along the log.
    pub recorded_at: Micros,
    /// What the clock said, if that was before the time of the previous record.
    pub clock: Option<Micros>,
    /// The epoch of the ledger's owner that recorded it.
    pub epoch: Option<u64>,
    /// Actor of the event.
    pub actor: Actor,
    /// The request that caused it.
    pub provenance: Provenance,
    /// Fingerprint of the command, if it can be repeated. Records of earlier versions have none.
    pub fingerprint: Option<StoredFingerprint>,
}

impl Metadata {
    /// Returns the metadata that the state of `connection` depends on.
    pub fn facts(&self, connection: ConnectionId) -> EventFacts {
        EventFacts {
            connection,
            event_id: self.event_id,
            version: self.version,
            position: self.position,
            recorded_at: self.recorded_at,
            actor: self.actor.clone(),
        }
    }

    /// Returns the metadata that leases on secrets depend on.
    pub fn lease_facts(&self) -> LeaseFacts {
        LeaseFacts {
            connection: self.stream.leased(),
            workspace: self.workspace.clone(),
            event_id: self.event_id,
            actor: self.actor.clone(),
            recorded_at: self.recorded_at,
            position: self.position,
        }
    }

    /// Returns the metadata that the state of principal `name` depends on.
    pub fn principal_facts(&self, name: PrincipalName) -> PrincipalFacts {
        PrincipalFacts {
            name,
            version: self.version,
            position: self.position,
            recorded_at: self.recorded_at,
            actor: self.actor.clone(),
        }
    }
}

/// One stored record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Metadata of the event.
    pub metadata: Metadata,
    /// The event.
    pub happened: Happened,
}

/// A record that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("record at position {position} cannot be read")]
pub struct RecordError {
    /// Log position of the record.
    pub position: Position,
    /// The cause.
    #[source]
    pub source: serde_json::Error,
}

#[derive(Serialize)]
struct RecordOut<'a, D: Serialize> {
    record: u32,
    position: u64,
    stream: Written<'a, StreamId>,
    version: u64,
    event_id: Written<'a, EventId>,
    r#type: &'a str,
    schema: u32,
    workspace: &'a str,
    recorded_at: Written<'a, Micros>,
    actor: &'a str,
    via: &'a str,
    command_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causation_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clock: Option<Written<'a, Micros>>,
    // What only auditors see follows; see `announced`.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    // What nobody sees comes last; see `public`.
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<Written<'a, StoredFingerprint>>,
    data: D,
}

/// Appends the stored bytes of a record about a connection to `out`.
pub fn encode_event(out: &mut Vec<u8>, metadata: &Metadata, event: &Event) {
    let schema = match event {
        Event::Emptied(_) => erased_v1::EMPTIED,
        _ => data_version(event.type_name()),
    };
    encode_as(out, metadata, (event.type_name(), schema), DataOut(event));
}

/// Appends the stored bytes of a record about a workspace to `out`.
pub fn encode_workspace(out: &mut Vec<u8>, metadata: &Metadata, created: &WorkspaceCreated) {
    encode(out, metadata, WorkspaceCreated::TYPE_NAME, Written(created));
}

/// Appends the stored bytes of a record about a principal to `out`.
pub fn encode_principal(out: &mut Vec<u8>, metadata: &Metadata, event: &PrincipalEvent) {
    encode(out, metadata, event.type_name(), PrincipalOut(event));
}

/// Appends the stored bytes of a record about a reveal of secrets to `out`.
pub fn encode_revealed(out: &mut Vec<u8>, metadata: &Metadata, revealed: &SecretRevealed) {
    encode(out, metadata, SecretRevealed::TYPE_NAME, Written(revealed));
}

/// Appends the stored bytes of a record about the ledger itself to `out`.
pub fn encode_ledger(out: &mut Vec<u8>, metadata: &Metadata, event: &LedgerEvent) {
    encode(out, metadata, event.type_name(), LedgerOut(event));
}

/// Appends the stored bytes of a record about a policy of secret fields to `out`.
pub fn encode_policy(out: &mut Vec<u8>, metadata: &Metadata, event: &PolicyEvent) {
    encode(out, metadata, event.type_name(), PolicyOut(event));
}

/// Appends the stored bytes of a record about an alert to `out`.
pub fn encode_alert(out: &mut Vec<u8>, metadata: &Metadata, event: &AlertEvent) {
    encode(out, metadata, event.type_name(), AlertOut(event));
}

/// Appends the stored bytes of a record about a consumer of a connection to `out`.
pub fn encode_consumer(out: &mut Vec<u8>, metadata: &Metadata, event: &ConsumerEvent) {
    encode(out, metadata, event.type_name(), ConsumerOut(event));
}

/// Appends the stored bytes of a record about a handover to `out`.
pub fn encode_handover(out: &mut Vec<u8>, metadata: &Metadata, event: &HandoverEvent) {
    encode(out, metadata, event.type_name(), HandoverOut(event));
}

/// Appends the stored bytes of a record about leases on secrets to `out`.
pub fn encode_lease(out: &mut Vec<u8>, metadata: &Metadata, event: &LeaseEvent) {
    encode(out, metadata, event.type_name(), LeaseOut(event));
}

fn encode<D: Serialize>(out: &mut Vec<u8>, metadata: &Metadata, type_name: &str, data: D) {
    encode_as(out, metadata, (type_name, data_version(type_name)), data);
}

fn encode_as<D: Serialize>(
    out: &mut Vec<u8>,
    metadata: &Metadata,
    (type_name, schema): (&str, u32),
    data: D,
) {
    let provenance = &metadata.provenance;
    let record = RecordOut {
        record: METADATA_VERSION,
        position: metadata.position.get(),
        stream: Written(&metadata.stream),
        version: metadata.version.get(),
        event_id: Written(&metadata.event_id),
        r#type: type_name,
        schema,
        workspace: metadata.workspace.as_str(),
        recorded_at: Written(&metadata.recorded_at),
        actor: metadata.actor.as_str(),
        via: provenance.via.as_str(),
        command_id: provenance.command_id.as_str(),
        correlation_id: provenance.correlation_id.as_ref().map(MessageId::as_str),
        causation_id: provenance.causation_id.as_ref().map(MessageId::as_str),
        trace_id: provenance.trace_id.as_ref().map(MessageId::as_str),
        epoch: metadata.epoch,
        clock: metadata.clock.as_ref().map(Written),
        key: provenance.key.as_ref().map(Line::as_str),
        address: provenance.address,
        fingerprint: metadata.fingerprint.as_ref().map(Written),
        data,
    };
    serde_json::to_writer(out, &record).expect("checked values always have a JSON form");
}

impl Happened {
    /// Returns the stored type name.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Connection(event) => event.type_name(),
            Self::Workspace(_) => WorkspaceCreated::TYPE_NAME,
            Self::Principal(event) => event.type_name(),
            Self::Revealed(_) => SecretRevealed::TYPE_NAME,
            Self::Ledger(event) => event.type_name(),
            Self::Consumer(event) => event.type_name(),
            Self::Handover(event) => event.type_name(),
            Self::Policy(event) => event.type_name(),
            Self::Alert(event) => event.type_name(),
            Self::Lease(event) => event.type_name(),
        }
    }
}
