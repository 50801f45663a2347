//! Answers to commands, and notifications of their events.

use ledger_domain::connection::{HealthState, TestResult};
use ledger_domain::{Connection, Incarnation, Position};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::access::IssuedKey;
use crate::alerts::IssuedSigning;
use crate::handover::IssuedHandover;
use crate::records::{self, Hide};
use crate::resume::ResumePoint;
use crate::view::ConnectionView;

/// Answer to an accepted command. A repeat with the same command id gets the same answer, forever,
/// except that a restored ledger names its own history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Receipt {
    /// Id of the connection; absent for commands about a workspace or a principal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// Version of the stream after the command.
    pub version: u64,
    /// Log position of the event.
    pub position: u64,
    /// The history in which it has that position; after a restore, another than before.
    pub incarnation: String,
    /// When the event was recorded.
    pub recorded_at: String,
}

/// Answer to an accepted `issue-key`: the receipt, and the key or the token that stands for it,
/// unless the command is a repeat.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct KeyReceipt {
    /// The receipt.
    #[serde(flatten)]
    pub receipt: Receipt,
    /// The key. It is not stored and shown only once. If it is lost, revoke it and issue another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<IssuedKey>,
    /// The handover in place of the key, if one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handover: Option<IssuedHandover>,
}

/// Answer to an accepted `create-alert` or `rotate-alert-secret`: the receipt, and what receivers
/// check signatures with, unless the command is a repeat or the alert goes by mail.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AlertReceipt {
    /// The receipt.
    #[serde(flatten)]
    pub receipt: Receipt,
    /// What receivers check signatures with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing: Option<IssuedSigning>,
}

/// Answer to an accepted `test-connection`: the receipt and the result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TestReceipt {
    /// The receipt.
    #[serde(flatten)]
    pub receipt: Receipt,
    /// The result.
    #[serde(flatten)]
    pub test: TestReport,
}

/// Answer to an accepted `report-failure`: the receipt of the connection's last change, and what
/// follows from the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReportReceipt {
    /// The receipt.
    #[serde(flatten)]
    pub receipt: Receipt,
    /// What follows.
    #[serde(flatten)]
    pub report: ReportTaken,
}

/// What follows from a report of a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReportTaken {
    /// What the server does: `test` (a test is begun), `wait` (one was begun moments ago, or there
    /// is no place for one now), `count` (it cannot be tested, and there are too few reports),
    /// `mark` (it becomes degraded), `known` (it is degraded or failed already, and cannot be
    /// tested) or `outdated` (other generations are given out by now: fetch them).
    pub action: String,
    /// The reports of the last minute, with this one.
    pub reports: u64,
    /// The health as it was when the report came.
    pub health: String,
}

/// Answer to an accepted `list-models`: the receipt of the connection's last change, and the
/// models.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelsReceipt {
    /// The receipt.
    #[serde(flatten)]
    pub receipt: Receipt,
    /// The models.
    #[serde(flatten)]
    pub list: ModelList,
}

/// The models of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelList {
    /// Where they are from: `provider` (it listed them for the credentials of the connection) or
    /// `catalogue` (they were known when the description of the provider was written).
    pub source: String,
    /// Why they are from the catalogue, or older than they should be; without anything of a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// When the provider listed them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed_at: Option<String>,
    /// How many seconds ago that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_seconds: Option<u64>,
    /// Whether the provider was to be asked again, and could not be.
    pub stale: bool,
    /// Whether the provider lists more: there are at most 2,000, with 256 KiB of text.
    pub truncated: bool,
    /// The models, in the provider's order.
    pub models: Vec<ModelView>,
}

/// A model of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelView {
    /// Its id in requests to the provider.
    pub id: String,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it can be used for, as far as that is known: `chat`, `embedding`, `media`, `moderation`
    /// or `speech_to_text`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// Whether the model policy of the connection permits it.
    pub allowed: bool,
}

/// Answer to an accepted `connect`: the receipt of the connection's last change, and where a person
/// permits the ledger to get tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectReceipt {
    /// The receipt.
    #[serde(flatten)]
    pub receipt: Receipt,
    /// Where.
    #[serde(flatten)]
    pub connect: ConnectBegun,
}

/// Where a person permits the ledger to get tokens of a connection.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectBegun {
    /// The id of the attempt, for the query `attempts`.
    pub attempt: String,
    /// How the person permits it: `authorization_code` or `device_code`.
    pub grant: String,
    /// The link to open, for `authorization_code`. Whoever opens it decides which account is
    /// connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// What to enter, for `device_code`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_code: Option<String>,
    /// Where to enter it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_uri: Option<String>,
    /// The same with the code in it, if the token service has such an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_uri_complete: Option<String>,
    /// Until when it can be permitted.
    pub expires_at: String,
}

/// Who has the link can use it.
impl std::fmt::Debug for ConnectBegun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ConnectBegun({}, {})", self.attempt, self.grant)
    }
}

/// The result of a test of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TestReport {
    /// What it found out: `works`, `credentials_refused`, `not_permitted`, `unreachable`,
    /// `rate_limited` or `inconclusive`.
    pub outcome: String,
    /// Why, without anything of a secret; at most 300 characters.
    pub reason: String,
    /// How long the provider took, in milliseconds.
    pub latency_ms: u64,
    /// The HTTP status, if there was an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The provider's name for the request, if it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The health that follows; absent if it stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
}

impl TestReport {
    /// Returns the report of a test.
    pub fn of(result: &TestResult, health: Option<HealthState>) -> Self {
        Self {
            outcome: result.outcome.as_str().to_owned(),
            reason: result.reason.as_str().to_owned(),
            latency_ms: result.latency_ms,
            status: result.status,
            request_id: result.request_id.as_ref().map(|id| id.as_str().to_owned()),
            health: health.map(|health| health.as_str().to_owned()),
        }
    }
}

/// Answer to any accepted command.
#[derive(Clone, Debug, Serialize)]
pub struct CommandAnswer {
    /// The receipt, with the key of `issue-key`.
    #[serde(flatten)]
    pub receipt: KeyReceipt,
    /// The result of `test-connection`.
    #[serde(flatten)]
    pub test: Option<TestReport>,
    /// What follows from `report-failure`.
    #[serde(flatten)]
    pub report: Option<ReportTaken>,
    /// The models of `list-models`.
    #[serde(flatten)]
    pub models: Option<ModelList>,
    /// Where a person permits what `connect` begins.
    #[serde(flatten)]
    pub connect: Option<ConnectBegun>,
    /// What messages of an alert are signed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing: Option<IssuedSigning>,
}

/// A notification: an event with the resulting public state. It is the value in the KV bucket and
/// the body on the event stream.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Notification<'a> {
    /// Log position of the event; later states have higher positions.
    pub position: u64,
    /// The history in which this is the event's position. A restored ledger has another one, and
    /// positions of two histories say nothing about each other. Empty in messages that an earlier
    /// program left on the event stream.
    #[serde(default)]
    pub incarnation: String,
    /// The stored record, without ciphertext, and without credential and address, which only
    /// `history` shows.
    pub event: Box<RawValue>,
    /// The state right after the event; absent for events about a workspace.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<ConnectionView<'a>>,
    /// Whether the state is left out, because the notification would take more than 640 KiB, or
    /// because the event stream gets very many events late and the state has passed since. `get`
    /// returns the present one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub state_omitted: bool,
}

/// The state in a notification that is written.
#[derive(Clone, Copy, Debug)]
pub enum NotifiedState<'a> {
    /// The event is about a workspace or a principal.
    None,
    /// This one.
    Is(&'a Connection),
    /// It is too large, or has passed.
    Omitted,
}

/// Writes the notifications of one history.
#[derive(Clone, Debug)]
pub struct NotificationWriter {
    /// What stands between the position and the record, the same in all of them.
    after_position: Box<str>,
}

impl NotificationWriter {
    /// Creates the writer for a history.
    pub fn new(incarnation: Incarnation) -> Self {
        let after_position = format!(",\"incarnation\":\"{incarnation}\",\"event\":");
        Self { after_position: after_position.into() }
    }

    /// Appends the JSON form of the [`Notification`] of a stored record to `out`. The record is
    /// JSON already, so it is cut and copied and not parsed, unless settings in it are hidden.
    pub fn write(
        &self,
        out: &mut Vec<u8>,
        position: Position,
        record: &[u8],
        hide: Option<Hide<'_>>,
        state: NotifiedState<'_>,
    ) {
        let event = records::announced(record, hide);
        for part in ["{\"position\":", &position.to_string(), &self.after_position, &event] {
            out.extend_from_slice(part.as_bytes());
        }
        match state {
            NotifiedState::None => {}
            NotifiedState::Is(connection) => {
                out.extend_from_slice(b",\"connection\":");
                let view = ConnectionView::of(connection);
                serde_json::to_writer(&mut *out, &view).expect("a view has a JSON form");
            }
            NotifiedState::Omitted => out.extend_from_slice(b",\"state_omitted\":true"),
        }
        out.push(b'}');
    }
}

/// One page of the event feed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FeedPage {
    /// Notifications in log order; empty if nothing that this reader may see happened in time.
    /// Without the scope `audit`, `event` contains only what is visible in the state itself.
    #[schemars(with = "Vec<Notification<'static>>")]
    pub events: Vec<Box<RawValue>>,
    /// Log position up to which the page is complete.
    pub position: u64,
    /// The same with its history; the `after` of the next request.
    pub resume_after: ResumePoint,
}
