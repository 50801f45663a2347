//! Secrets in the clear: what is asked and answered, over doors of their own.
//!
//! Over NATS both ways are sealed with curve keys (`ledger_vault::CurveKey`), so that neither the
//! operator of the NATS server nor anyone who subscribes to everything can read or use them:
//!
//! ```text
//! ledger.reveal.<workspace>.<connection>
//!   Ledger-Xkey: the asker's public curve key
//!   body: RevealRequest, sealed from the asker to the ledger
//! reply
//!   body: RevealAnswer, sealed from the ledger to the asker
//!   or a problem, in the clear
//! ```
//!
//! The request holds the credential, so it is not in a header here. It names the subject it is
//! sent to, the moment it expires and an id that is good once: sent again by someone else it is
//! refused, and would be answered to the first asker only.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

/// Longest time that a sealed request may be good for, in seconds.
pub const REQUEST_SECONDS_MAX: i64 = 60;

/// What is sealed to the ledger.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevealRequest {
    /// The credential, as after `Bearer `.
    pub credential: String,
    /// An id that is good once: 1 to 128 visible ASCII characters.
    pub request_id: String,
    /// RFC 3339 time from which on the request is refused; at most 60 seconds from now.
    pub expires_at: String,
    /// The subject's workspace.
    pub workspace: String,
    /// The subject's connection, by id or slug.
    pub connection: String,
    /// Which secret fields; all when empty.
    #[serde(default)]
    pub fields: Vec<String>,
    /// Why; kept in the history.
    pub reason: String,
}

impl fmt::Debug for RevealRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevealRequest")
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

impl Drop for RevealRequest {
    fn drop(&mut self) {
        self.credential.zeroize();
    }
}

/// The answer. Over NATS it is sealed to who asked.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct RevealAnswer {
    /// The request's id; absent over HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The connection's id.
    pub connection: String,
    /// The place in the log of the event that tells of this reading.
    pub position: u64,
    /// The values by field.
    pub secrets: BTreeMap<String, RevealedSecret>,
}

/// One value in the clear.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct RevealedSecret {
    /// Which of the field's values it is.
    pub generation: u64,
    /// The value.
    pub value: String,
}

impl RevealAnswer {
    /// Returns it as JSON, which is wiped when dropped.
    ///
    /// # Panics
    ///
    /// Never: an answer has a JSON form.
    pub fn to_json(&self) -> Zeroizing<Vec<u8>> {
        // A vector that grows leaves copies behind, so there is room from the start.
        let mut json = Zeroizing::new(Vec::with_capacity(self.json_bytes_max()));
        serde_json::to_writer(&mut *json, self).expect("an answer has a JSON form");
        json
    }

    /// Returns how long its JSON is at most. An escaped character takes six bytes for one.
    fn json_bytes_max(&self) -> usize {
        let id = self.request_id.as_deref().unwrap_or_default();
        let secrets = self.secrets.iter().map(|(field, one)| field.len() + one.value.len() + 16);
        256 + 6 * (id.len() + self.connection.len() + secrets.sum::<usize>())
    }
}

impl fmt::Debug for RevealAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevealAnswer").field("position", &self.position).finish_non_exhaustive()
    }
}

impl fmt::Debug for RevealedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RevealedSecret(generation {})", self.generation)
    }
}

impl Drop for RevealedSecret {
    fn drop(&mut self) {
        self.value.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_written_without_leaving_copies_behind() {
        let secret = |value: String| RevealedSecret { generation: u64::MAX, value };
        for value in ["", "\u{1}\u{2}\u{3}", "plain", "\"\\\n"] {
            let named = |number: u32| (format!("f{number}"), secret(value.repeat(100)));
            let answer = RevealAnswer {
                request_id: Some("r".repeat(128)),
                connection: "c".repeat(36),
                position: u64::MAX,
                secrets: (0..32).map(named).collect(),
            };
            let json = answer.to_json();
            assert_eq!(*json, serde_json::to_vec(&answer).unwrap());
            assert!(json.len() <= answer.json_bytes_max(), "{value:?}");
            assert!(json.capacity() <= answer.json_bytes_max(), "it has grown: {value:?}");
        }
    }
}
