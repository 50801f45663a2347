//! `status`: the state of the ledger.

use std::collections::BTreeMap;

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NoParameters, Query, QuerySpec};
use crate::backups::BackupStatus;
use crate::master_keys::MasterKeyStatus;
use crate::route::{HttpRoute, Method};

/// The HTTP route.
pub const STATUS: HttpRoute =
    HttpRoute { method: Method::Get, path: "/api/v1/status", operation_id: "status" };

/// The query `status`.
#[derive(Clone, Copy, Debug)]
pub struct Status;

impl Query for Status {
    const SPEC: QuerySpec = QuerySpec {
        name: "status",
        summary: "Returns the state of the ledger",
        description: "",
        scopes: &[Scope::Read],
        on_ledger: true,
        in_access_check: false,
        routes: &[STATUS],
        refusals: &[],
    };
    type Parameters = NoParameters;
    type Answer<'a> = StatusView;
}

/// A curve key that was replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FormerXkey {
    /// The public key.
    pub xkey: String,
    /// Until when requests that are sealed to it are accepted.
    pub accepted_until: String,
}

/// The history that a ledger was restored from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RestoredFrom {
    /// Its name.
    pub incarnation: String,
    /// The last position that both histories have. Up to it they are the same.
    pub position: u64,
}

/// Answer to `status`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct StatusView {
    /// Id of this ledger.
    pub ledger_id: String,
    /// Name of this history of the ledger; copies of its data directory share it.
    pub incarnation: String,
    /// The history that this one was restored from; absent if the ledger was never restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored_from: Option<RestoredFrom>,
    /// Number of times the ledger was opened for writing.
    pub epoch: u64,
    /// Version of the program.
    pub program_version: String,
    /// The ledger's public curve key, to which requests over NATS are sealed.
    pub xkey: String,
    /// The former curve key, while requests that are sealed to it are still accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former_xkey: Option<FormerXkey>,
    /// Last position of the log.
    pub position: u64,
    /// Last position that is known to be in the event stream.
    pub published: u64,
    /// Number of connections ever created.
    pub connections: u64,
    /// What is signed of the log.
    #[serde(default)]
    pub log: LogStatus,
    /// Whether a write has failed, so that no more writes are accepted until the ledger is opened
    /// again.
    pub poisoned: bool,
    /// What the disk has and needs, if it was full at the failed write. The ledger is opened again
    /// by itself once there is room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_full: Option<DiskFullStatus>,
    /// What is being rebuilt from the log; absent if nothing is. Queries that need it are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebuilding: Option<RebuildStatus>,
    /// The active master key, and what is still wrapped under others.
    pub master_keys: MasterKeyStatus,
    /// Number of commands that wait for the writer.
    pub queued: u64,
    /// Number of commands refused since the start, by error code.
    pub refused: BTreeMap<String, u64>,
    /// That the clock is behind the latest event; absent if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockStatus>,
    /// State of the ledger's name on NATS; absent if the ledger is not served over NATS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nats: Option<NatsStatus>,
    /// State of the HTTP server; absent if the ledger is not served over HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpStatus>,
    /// What is known of backups; absent if the server makes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<BackupStatus>,
    /// The tests of connections that the server makes by itself; absent without a schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_tests: Option<ScheduledTestsStatus>,
    /// How far the messages of alerts are; absent if there are no alerts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<AlertsStatus>,
}

/// What is signed of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogStatus {
    /// The public key under which checkpoints of this history are signed.
    pub key: String,
    /// The last position in the latest checkpoint; absent if none was signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_position: Option<u64>,
    /// The root of the tree over the log up to there, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_root: Option<String>,
    /// The witnesses that have signed it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub witnesses: Vec<String>,
    /// Why nothing is signed; absent if checkpoints are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
}

/// Tests of connections by a schedule, since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduledTestsStatus {
    /// Connections that are tested.
    pub connections: u64,
    /// Tests that are being made.
    pub running: u64,
    /// Tests made, by outcome.
    pub made: BTreeMap<String, u64>,
    /// Tests that could not be made, because the ledger is sealed or a secret cannot be read.
    pub not_made: u64,
    /// Tests left out, because the one before had not ended.
    pub skipped: u64,
}

/// How far the messages of all alerts are. What is counted is known since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlertsStatus {
    /// Number of alerts.
    pub alerts: u64,
    /// How many of them are disabled.
    pub disabled: u64,
    /// How many of them have a receiver that takes nothing now.
    pub down: u64,
    /// How many events of the log one of them has not looked at yet, at most.
    pub behind: u64,
    /// Events that were not taken yet and wait for another attempt.
    pub waiting: u64,
    /// Events that are not sent any more.
    pub dead_letters: u64,
    /// Messages that were taken.
    pub delivered: u64,
    /// Attempts that failed.
    pub failed: u64,
}

/// Room on a disk that was full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiskFullStatus {
    /// Bytes that are free now; absent if that cannot be determined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_bytes: Option<u64>,
    /// Bytes that must be free before writes are accepted again.
    pub needed_bytes: u64,
}

/// A clock that was ahead, and was set back. Until it has caught up, events have the time of the
/// latest event, and what the clock says beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClockStatus {
    /// By how many seconds it is behind the latest event.
    pub behind_seconds: u64,
    /// The time of the latest event.
    pub latest_event_at: String,
}

/// A rebuild of read models while the ledger is served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RebuildStatus {
    /// The read models, such as `lists` and `audit`.
    pub projections: Vec<String>,
    /// Events read so far.
    pub done: u64,
    /// Events to read.
    pub total: u64,
}

/// State of the ledger's name on NATS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NatsStatus {
    /// The name: the first token of all subjects.
    pub prefix: String,
    /// Name of this instance, as it is written into the lease.
    pub instance: String,
    /// Whether this instance owns the name: it holds the lease, and the event stream is a copy of
    /// its log.
    pub owner: bool,
    /// Who held the lease when this instance last looked; absent if nobody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<LeaseHolder>,
    /// Why this instance refuses commands; absent if it accepts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// Settings of the streams that differ from those that this instance was given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<String>,
    /// What the event stream holds of the log; absent until this instance has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<EventWindow>,
    /// Requests over NATS rejected because of a rate (`rate_limited`), since the start.
    #[serde(default)]
    pub requests_rate_limited: u64,
    /// Requests over NATS rejected because their sender sent too many wrong keys
    /// (`credential_lockout`), since the start.
    #[serde(default)]
    pub requests_locked_out: u64,
}

/// The part of the log that the event stream holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventWindow {
    /// Position of the oldest event in the stream; one more than `last_position` if it is empty.
    pub first_position: u64,
    /// Position of the newest event that was in the stream.
    pub last_position: u64,
    /// Size of the stream before compression, as the NATS server counts it.
    pub bytes: u64,
    /// Position up to which the bucket with the latest states was filled; absent without a bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket_position: Option<u64>,
}

/// The holder of a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeaseHolder {
    /// Name of the instance.
    pub instance: String,
    /// Id of its ledger.
    pub ledger_id: String,
    /// Incarnation of its ledger.
    pub incarnation: String,
    /// Epoch of its ledger.
    pub epoch: u64,
}

/// Counters of the HTTP server. Refusals are counted since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HttpStatus {
    /// Open connections.
    pub connections_open: u64,
    /// Connections rejected because there were too many in total or from their address.
    pub connections_refused: u64,
    /// Requests rejected because their key or address exceeded its rate (`rate_limited`).
    pub requests_rate_limited: u64,
    /// Requests rejected because their address sent too many wrong keys (`credential_lockout`).
    pub requests_locked_out: u64,
}
