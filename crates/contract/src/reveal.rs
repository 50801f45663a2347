//! Answers with secrets in the clear, which have their own endpoints. Over NATS, request and answer
//! are always sealed (`crate::sealed`). The body of a request is that of `reveal-secret`.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::access::IssuedKey;
use crate::handover::IssuedHandover;
use crate::view::ReferenceView;

/// Answer to `reveal-secret` and `unwrap`.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct RevealAnswer {
    /// Id of the connection; absent if an API key was received.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub connection: String,
    /// Log position of the event that records this reveal.
    pub position: u64,
    /// The history in which it has that position.
    pub incarnation: String,
    /// The secret values, by field.
    pub secrets: BTreeMap<String, RevealedSecret>,
    /// The handover in place of the values, if one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handover: Option<IssuedHandover>,
    /// The principal of `api_key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// The API key, if one was handed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<IssuedKey>,
}

/// One value in the clear.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct RevealedSecret {
    /// Generation of the value.
    pub generation: u64,
    /// Where the value was found, if the field has a reference. The value there may change without
    /// a new generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<ReferenceView<'static>>,
    /// The value.
    pub value: String,
}

/// Answer to `lease-secrets` and `read-leased-secrets`.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct LeaseAnswer {
    /// Id of the lease.
    pub lease: String,
    /// When it ends, unless it is renewed.
    pub until: String,
    /// The values.
    #[serde(flatten)]
    pub revealed: RevealAnswer,
}

impl LeaseAnswer {
    /// Returns the JSON form, which is wiped when dropped.
    ///
    /// # Panics
    ///
    /// Never: an answer has a JSON form.
    pub fn to_json(&self) -> Zeroizing<Vec<u8>> {
        let about = 64 + self.lease.len() + self.until.len();
        let mut json = Zeroizing::new(Vec::with_capacity(about + self.revealed.json_bytes_max()));
        serde_json::to_writer(&mut *json, self).expect("an answer has a JSON form");
        json
    }
}

impl fmt::Debug for LeaseAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeaseAnswer").field("lease", &self.lease).finish_non_exhaustive()
    }
}

impl RevealAnswer {
    /// Returns the JSON form, which is wiped when dropped.
    ///
    /// # Panics
    ///
    /// Never: an answer has a JSON form.
    pub fn to_json(&self) -> Zeroizing<Vec<u8>> {
        // A vector that grows leaves copies behind, so it gets its full capacity from the start.
        let mut json = Zeroizing::new(Vec::with_capacity(self.json_bytes_max()));
        serde_json::to_writer(&mut *json, self).expect("an answer has a JSON form");
        json
    }

    /// Returns an upper bound of the length of its JSON. An escaped byte takes six bytes.
    fn json_bytes_max(&self) -> usize {
        let secrets = self.secrets.iter().map(|(field, one)| {
            field.len()
                + one.value.len()
                + 32
                + one.reference.as_ref().map_or(0, |found| {
                    found.name.len() + found.key.as_ref().map_or(0, |key| key.len()) + 32
                })
        });
        let names = self.connection.len() + self.incarnation.len();
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let handover = self.handover.as_ref().map_or(0, |one| {
            one.id.len() + one.token.len() + text(&one.key) + one.expires_at.len()
        });
        let key = self.api_key.as_ref();
        let key = key.map_or(0, |one| one.id.len() + one.key.len() + text(&one.expires_at));
        let names = names + text(&self.principal);
        384 + 6 * (names + handover + key + secrets.sum::<usize>())
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
        let found = ReferenceView {
            kind: "connection".into(),
            name: "\"".repeat(1_024).into(),
            key: Some("\\".repeat(1_024).into()),
            format: "string".into(),
        };
        let reference = Some(found);
        let secret = |value: String| {
            let reference = reference.clone();
            RevealedSecret { generation: u64::MAX, reference, value }
        };
        for value in ["", "\u{1}\u{2}\u{3}", "plain", "\"\\\n"] {
            let named = |number: u32| (format!("f{number}"), secret(value.repeat(100)));
            let answer = RevealAnswer {
                connection: "c".repeat(36),
                position: u64::MAX,
                incarnation: "i".repeat(36),
                secrets: (0..32).map(named).collect(),
                handover: Some(IssuedHandover {
                    id: "h".repeat(12),
                    token: value.repeat(20),
                    key: Some("k".repeat(12)),
                    expires_at: "e".repeat(27),
                }),
                principal: Some("p".repeat(63)),
                api_key: Some(IssuedKey {
                    id: "k".repeat(12),
                    key: value.repeat(20),
                    expires_at: Some("e".repeat(27)),
                }),
            };
            let json = answer.to_json();
            assert_eq!(*json, serde_json::to_vec(&answer).unwrap());
            assert!(json.len() <= answer.json_bytes_max(), "{value:?}");
            assert!(json.capacity() <= answer.json_bytes_max(), "the vector has grown: {value:?}");
        }
    }
}
