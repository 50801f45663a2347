//! Backups of a ledger that is served: how one is asked for, and what is known of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::operations::Progress;

/// A request to back the ledger up now, to the target that its server was started with.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BackupRequest {
    /// Writes everything anew instead of only what is new since the latest backup.
    pub full: bool,
}

/// What a backup did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BackupReport {
    /// Id of the backup.
    pub backup: String,
    /// Where it is.
    pub target: String,
    /// Position of the last event in it; 0 if there is none.
    pub position: u64,
    /// Time of that event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_at: Option<String>,
    /// Number of events that this backup wrote; the others are in the segments of earlier ones.
    pub events_written: u64,
    /// Number of segments that the backup consists of.
    pub segments: u64,
    /// Number of segments that this backup wrote.
    pub segments_written: u64,
    /// Number of bytes that this backup wrote.
    pub bytes_written: u64,
    /// Duration, in seconds.
    pub seconds: f64,
}

/// What a server knows of its backups.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BackupStatus {
    /// Where they go.
    pub target: String,
    /// Interval of the schedule, in seconds; absent if backups are only made when asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_seconds: Option<u64>,
    /// The latest good one, also of an earlier run of the server; absent if none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_good: Option<GoodBackup>,
    /// The latest attempt, if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<FailedBackup>,
    /// How far the one is that runs now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<Progress>,
    /// When the next one is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<String>,
}

/// A backup that is complete and was read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GoodBackup {
    /// Its id.
    pub backup: String,
    /// Position of the last event in it.
    pub position: u64,
    /// When it was begun; it holds what was durable then.
    pub created_at: String,
    /// How long ago that is, in seconds.
    pub age_seconds: u64,
}

/// An attempt at a backup that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailedBackup {
    /// The error code.
    pub code: String,
    /// What happened.
    pub message: String,
    /// When.
    pub at: String,
    /// How often in a row.
    pub times: u32,
}

/// What a readiness check tells of backups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackupHealth {
    /// How old the latest good one is, in seconds; absent if none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_seconds: Option<u64>,
    /// Position of the last event in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// The error code of the latest attempt, if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

impl From<BackupStatus> for BackupHealth {
    fn from(status: BackupStatus) -> Self {
        let good = status.last_good.as_ref();
        Self {
            age_seconds: good.map(|good| good.age_seconds),
            position: good.map(|good| good.position),
            failed: status.last_failure.map(|failure| failure.code),
        }
    }
}
