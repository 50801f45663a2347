//! Names on NATS: subjects, streams, buckets and headers.

use ledger_domain::{CheckedText, WorkspaceName};

use crate::records::StreamId;

/// Credential: `Bearer` and an API key or access token.
pub const AUTHORIZATION: &str = "Authorization";
/// Command id, the idempotency key.
pub const COMMAND_ID: &str = "Ledger-Command-Id";
/// Expected version: `any`, `absent` or a version number.
pub const EXPECTED_VERSION: &str = "Ledger-Expected-Version";
/// RFC 3339 time after which a command is refused instead of executed.
pub const DEADLINE: &str = "Ledger-Deadline";
/// Correlation id.
pub const CORRELATION_ID: &str = "Ledger-Correlation-Id";
/// Causation id: the id of the parent message.
pub const CAUSATION_ID: &str = "Ledger-Causation-Id";
/// W3C trace context.
pub const TRACEPARENT: &str = "traceparent";
/// On sealed messages only: the sender's public curve key.
pub const XKEY: &str = "Ledger-Xkey";
/// On replies: `true` if the command had already been executed.
pub const REPEATED: &str = "Ledger-Repeated";
/// On error replies: the stable code.
pub const ERROR_CODE: &str = "Ledger-Error-Code";
/// On events: the position in the log.
pub const POSITION: &str = "Ledger-Position";
/// On events: the history in which the position is that of the event.
pub const INCARNATION: &str = "Ledger-Incarnation";
/// On events after which nobody may go on as before: why.
pub const URGENT: &str = "Ledger-Urgent";
/// Value of [`URGENT`]: others know a value that the event replaces.
pub const COMPROMISED: &str = "compromised";

/// The workspace that every new ledger has, in which callers are who name no other.
pub const DEFAULT_WORKSPACE: &str = "default";

/// Stands for the ledger as a whole in place of a workspace's name, as in commands about
/// principals.
pub const LEDGER: &str = "_ledger";

/// Returns [`LEDGER`] as the workspace in records of such events.
pub fn ledger_workspace() -> WorkspaceName {
    WorkspaceName::stored(LEDGER.into())
}

/// All NATS names under one prefix, so that several ledgers can share a NATS server.
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
    /// Returns the names under a prefix of one subject token: `a-z`, `0-9` and inner hyphens.
    pub fn with_prefix(prefix: &str) -> Result<Self, ledger_domain::InvalidField> {
        // The same alphabet as a workspace name: lower case, so that stream names stay distinct.
        let prefix = WorkspaceName::parse("prefix", prefix)?;
        Ok(Self { prefix: prefix.as_str().to_owned() })
    }

    /// Returns the prefix.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns the wildcard subject of commands: `<prefix>.cmd.>`.
    pub fn all_commands(&self) -> String {
        format!("{}.cmd.>", self.prefix)
    }

    /// Returns the subject of one command.
    pub fn command(&self, workspace: &str, verb: &str) -> String {
        format!("{}.cmd.{workspace}.{verb}", self.prefix)
    }

    /// Returns the wildcard subject of queries: `<prefix>.query.>`.
    pub fn all_queries(&self) -> String {
        format!("{}.query.>", self.prefix)
    }

    /// Returns the subject of one query.
    pub fn query(&self, workspace: &str, name: &str) -> String {
        format!("{}.query.{workspace}.{name}", self.prefix)
    }

    /// Returns the wildcard subject of operations such as `replay`: `<prefix>.admin.>`.
    pub fn all_operations(&self) -> String {
        format!("{}.admin.>", self.prefix)
    }

    /// Returns the subject of one operation.
    pub fn operation(&self, name: &str) -> String {
        format!("{}.admin.{name}", self.prefix)
    }

    /// Returns the subject at which handovers are received.
    pub fn handovers(&self) -> String {
        format!("{}.reveal.{LEDGER}.unwrap", self.prefix)
    }

    /// Returns the wildcard subject of requests for secrets: `<prefix>.reveal.>`.
    pub fn all_reveals(&self) -> String {
        format!("{}.reveal.>", self.prefix)
    }

    /// Returns the subject of a request that takes a lease on secrets or reads under one, by its
    /// verb.
    pub fn leased(&self, workspace: &str, connection: &str, verb: &str) -> String {
        format!("{}.reveal.{workspace}.{connection}.{verb}", self.prefix)
    }

    /// Returns the subject of one request for secrets.
    pub fn reveal(&self, workspace: &str, connection: &str) -> String {
        format!("{}.reveal.{workspace}.{connection}", self.prefix)
    }

    /// Returns the wildcard subject of the event stream: `<prefix>.events.>`.
    pub fn all_events(&self) -> String {
        format!("{}.events.>", self.prefix)
    }

    /// Returns the wildcard subject of one workspace's events: `<prefix>.events.<workspace>.>`.
    pub fn workspace_events(&self, workspace: &str) -> String {
        format!("{}.events.{workspace}.>", self.prefix)
    }

    /// Returns the subject of one stream's events. Events of the workspace itself are under
    /// `_workspace`, reveals of its secrets, handovers of them and leases on them under `_reveals`,
    /// what ends leases throughout the workspace under `_leases`, what consumers say under
    /// `_consumers`, policies under `_policies`, and alerts under `_alerts`, none of which can be a
    /// connection id. Events
    /// of principals are under `_ledger`, which cannot be a workspace, and so are handovers of
    /// their keys, under `_handovers`, and those of the ledger itself, with `_ledger` in place of
    /// the principal.
    pub fn event(&self, workspace: &WorkspaceName, stream: &StreamId) -> String {
        match stream {
            StreamId::Connection(id) => format!("{}.events.{workspace}.{id}", self.prefix),
            StreamId::Workspace(_) => format!("{}.events.{workspace}._workspace", self.prefix),
            StreamId::Reveals(_) => format!("{}.events.{workspace}._reveals", self.prefix),
            StreamId::Consumers(_) => format!("{}.events.{workspace}._consumers", self.prefix),
            StreamId::Policies(name) => format!("{}.events.{name}._policies", self.prefix),
            StreamId::Alerts(name) => format!("{}.events.{name}._alerts", self.prefix),
            StreamId::Leases(_) => format!("{}.events.{workspace}._leases", self.prefix),
            StreamId::Handovers(_) => format!("{}.events.{LEDGER}._handovers", self.prefix),
            StreamId::Principal(name) => format!("{}.events.{LEDGER}.{name}", self.prefix),
            StreamId::Ledger(_) => format!("{}.events.{LEDGER}.{LEDGER}", self.prefix),
        }
    }

    /// Returns the name of the JetStream stream: `LEDGER_EVENTS` for the default prefix.
    pub fn stream_name(&self) -> String {
        format!("{}_EVENTS", self.prefix.to_ascii_uppercase())
    }

    /// Returns the name of the KV bucket with the latest public state: `ledger-connections` by
    /// default. Its keys are `<workspace>.<connection id>`.
    pub fn bucket_name(&self) -> String {
        format!("{}-connections", self.prefix)
    }

    /// Returns the subject of checkpoints of the log: `<prefix>.checkpoints`.
    pub fn checkpoints(&self) -> String {
        format!("{}.checkpoints", self.prefix)
    }

    /// Returns the name of the stream that keeps them: `LEDGER_CHECKPOINTS` by default.
    pub fn checkpoint_stream_name(&self) -> String {
        format!("{}_CHECKPOINTS", self.prefix.to_ascii_uppercase())
    }

    /// Returns the name of the stream that the nodes of a cluster share: `LEDGER_LOG` by default.
    pub fn log_stream_name(&self) -> String {
        format!("{}_LOG", self.prefix.to_ascii_uppercase())
    }

    /// Returns the subject of its messages: `<prefix>.log`.
    pub fn log(&self) -> String {
        format!("{}.log", self.prefix)
    }

    /// Returns the name of the KV bucket with what must be possible to destroy, and so is in no
    /// stream: wrapped data keys, and API keys that are being handed over. `ledger-values` by
    /// default.
    pub fn values_bucket_name(&self) -> String {
        format!("{}-values", self.prefix)
    }

    /// Returns the subject at which all nodes are asked what they are: `<prefix>.nodes`.
    pub fn nodes(&self) -> String {
        format!("{}.nodes", self.prefix)
    }

    /// Returns the subject at which a node receives requests of other nodes.
    pub fn node(&self, node: &str) -> String {
        use std::fmt::Write as _;
        let mut subject = format!("{}.node.", self.prefix);
        for byte in node.bytes() {
            write!(subject, "{byte:02x}").expect("a string takes any text");
        }
        subject
    }

    /// Returns the name of the KV bucket whose only key, `owner`, is the lease of these names:
    /// `ledger-owner` by default.
    pub fn lease_bucket_name(&self) -> String {
        format!("{}-owner", self.prefix)
    }

    /// Returns the subject of the lease in its bucket: `$KV.ledger-owner.owner` by default.
    pub fn lease(&self) -> String {
        format!("$KV.{}.owner", self.lease_bucket_name())
    }
}
