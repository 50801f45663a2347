//! What the nodes of a cluster tell and ask of each other.

use serde::{Deserialize, Serialize};

/// Header of an HTTP request: the position that the answering node must have reached, alone or with
/// its history. Over HTTP, every answer of a node has [`POSITION`].
pub const AT_LEAST: &str = "Ledger-At-Least";
/// Header of an HTTP answer: the last position of the node that answered, with its history.
pub const POSITION: &str = "Ledger-Position";

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeRole {
    /// It decides commands.
    Writer,
    /// It takes over what the writer decides.
    Follower,
    /// It takes over nothing, because of a fault.
    Stopped,
}

impl NodeRole {
    /// Returns the role as text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Writer => "writer",
            Self::Follower => "follower",
            Self::Stopped => "stopped",
        }
    }
}

/// The digest of a log up to a position: the root of the tree over it. Whoever asks nodes what they
/// are may send the position, as a decimal number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogDigest {
    /// The position.
    pub position: u64,
    /// The root, in base64.
    pub root: String,
}

/// What a node says of itself when it is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Its name.
    pub node: String,
    /// Id of its ledger.
    pub ledger_id: String,
    /// Its history.
    pub incarnation: String,
    /// What it is.
    pub role: NodeRole,
    /// The writer that it knows.
    pub writer: Option<String>,
    /// The number of the last term that it knows.
    pub term: u64,
    /// Its last position.
    pub position: u64,
    /// The id of the event there.
    pub event: Option<String>,
    /// The digest of its log up to the position that was asked for, or to its last one. Absent if
    /// the log does not reach that far, or is damaged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<LogDigest>,
    /// The sequence of the last message of the log stream that it has.
    pub sequence: u64,
    /// How many messages of the stream it lacked when it last looked.
    pub behind: u64,
    /// Why it is stopped, or cannot be the writer.
    pub fault: Option<String>,
    /// The version of its program.
    pub version: String,
}

/// The head of an HTTP request that one node sends to another.
#[derive(Debug, Serialize, Deserialize)]
pub struct ForwardedRequest {
    /// The subject that it is sent on; on any other it is refused.
    pub subject: String,
    /// An id that is valid once.
    pub request_id: String,
    /// RFC 3339 time at which it was sent, within 30 seconds of the receiver's clock.
    pub made_at: String,
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The headers, whose values are base64.
    pub headers: Vec<(String, String)>,
    /// The address of the client.
    pub address: Option<String>,
    /// Whether the client's transport is private, so that secrets may be revealed.
    pub private: bool,
}

/// The head of the answer.
#[derive(Debug, Serialize, Deserialize)]
pub struct ForwardedAnswer {
    /// The status.
    pub status: u16,
    /// The headers, whose values are base64.
    pub headers: Vec<(String, String)>,
}
