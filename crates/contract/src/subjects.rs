//! Names on NATS: subjects, streams, buckets and headers.

use ledger_domain::{CheckedText, WorkspaceName};

use crate::records::StreamId;

/// Carries the API key: `Bearer <key>`.
pub const AUTHORIZATION: &str = "Authorization";
/// Carries the caller's id of a command, the key of idempotency.
pub const COMMAND_ID: &str = "Ledger-Command-Id";
/// Carries `any`, `absent` or a version number.
pub const EXPECTED_VERSION: &str = "Ledger-Expected-Version";
/// Carries the RFC 3339 time after which a command is refused rather than run late.
pub const DEADLINE: &str = "Ledger-Deadline";
/// Carries the id of the whole conversation.
pub const CORRELATION_ID: &str = "Ledger-Correlation-Id";
/// Carries the id of the direct parent message.
pub const CAUSATION_ID: &str = "Ledger-Causation-Id";
/// Carries the W3C trace context.
pub const TRACEPARENT: &str = "traceparent";
/// On sealed messages, and on no others: the sender's public curve key.
pub const XKEY: &str = "Ledger-Xkey";
/// On replies: `true` when the command had been executed before.
pub const REPEATED: &str = "Ledger-Repeated";
/// On error replies: the stable code.
pub const ERROR_CODE: &str = "Ledger-Error-Code";
/// On events: the position in the log.
pub const POSITION: &str = "Ledger-Position";
/// On events: the stored type name.
pub const EVENT_TYPE: &str = "Ledger-Event-Type";

/// Stands where a workspace's name stands for what concerns the ledger as a whole: principals.
pub const LEDGER: &str = "_ledger";

/// Returns [`LEDGER`] as the workspace that records of such events name.
pub fn ledger_workspace() -> WorkspaceName {
    WorkspaceName::stored(LEDGER.into())
}

/// All names below one prefix, so that several ledgers can share a NATS server.
#[derive(Clone, Debug)]
pub struct Subjects {
    prefix: String,
}

impl Default for Subjects {
    fn default() -> Self {
        Self { prefix: "ledger".to_owned() }
    }
}

impl Subjects {
    /// Takes a prefix of one subject token: `a-z`, `0-9` and hyphen, not empty.
    pub fn with_prefix(prefix: &str) -> Result<Self, ledger_domain::InvalidField> {
        // The same alphabet as a workspace name: lower case, so that stream names stay distinct.
        let prefix = WorkspaceName::parse("prefix", prefix)?;
        Ok(Self { prefix: prefix.as_str().to_owned() })
    }

    /// Returns the prefix.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Where commands are answered: `<prefix>.cmd.>`.
    pub fn all_commands(&self) -> String {
        format!("{}.cmd.>", self.prefix)
    }

    /// Where one command is sent.
    pub fn command(&self, workspace: &str, verb: &str) -> String {
        format!("{}.cmd.{workspace}.{verb}", self.prefix)
    }

    /// Where queries are answered: `<prefix>.query.>`.
    pub fn all_queries(&self) -> String {
        format!("{}.query.>", self.prefix)
    }

    /// Where one query is sent.
    pub fn query(&self, workspace: &str, name: &str) -> String {
        format!("{}.query.{workspace}.{name}", self.prefix)
    }

    /// Where operations (`replay`, ...) are answered: `<prefix>.admin.>`.
    pub fn all_operations(&self) -> String {
        format!("{}.admin.>", self.prefix)
    }

    /// Where one operation is sent.
    pub fn operation(&self, name: &str) -> String {
        format!("{}.admin.{name}", self.prefix)
    }

    /// Where requests for secrets are answered: `<prefix>.reveal.>`.
    pub fn all_reveals(&self) -> String {
        format!("{}.reveal.>", self.prefix)
    }

    /// Where one request for secrets is sent.
    pub fn reveal(&self, workspace: &str, connection: &str) -> String {
        format!("{}.reveal.{workspace}.{connection}", self.prefix)
    }

    /// What the event stream holds: `<prefix>.events.>`.
    pub fn all_events(&self) -> String {
        format!("{}.events.>", self.prefix)
    }

    /// What one workspace's watchers read: `<prefix>.events.<workspace>.>`.
    pub fn workspace_events(&self, workspace: &str) -> String {
        format!("{}.events.{workspace}.>", self.prefix)
    }

    /// The one literal subject of one stream's events. The workspace's own events are under
    /// `_workspace` and readings of its secrets under `_reveals`, which no connection id can be;
    /// principals are under `_ledger`, which no workspace can be.
    pub fn event(&self, workspace: &WorkspaceName, stream: &StreamId) -> String {
        match stream {
            StreamId::Connection(id) => format!("{}.events.{workspace}.{id}", self.prefix),
            StreamId::Workspace(_) => format!("{}.events.{workspace}._workspace", self.prefix),
            StreamId::Reveals(_) => format!("{}.events.{workspace}._reveals", self.prefix),
            StreamId::Principal(name) => format!("{}.events.{LEDGER}.{name}", self.prefix),
        }
    }

    /// Name of the JetStream stream of events: `LEDGER_EVENTS` for the default prefix.
    pub fn stream_name(&self) -> String {
        format!("{}_EVENTS", self.prefix.to_ascii_uppercase())
    }

    /// Name of the KV bucket with the latest public state: `ledger-connections` by default. Its
    /// keys are `<workspace>.<connection id>`.
    pub fn bucket_name(&self) -> String {
        format!("{}-connections", self.prefix)
    }
}
