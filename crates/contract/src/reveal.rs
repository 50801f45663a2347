//! Answers with secrets in the clear, which have their own endpoints. Over NATS, request and answer
//! are always sealed (`crate::sealed`). The body of a request is that of `reveal-secret`.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

/// Answer to `reveal-secret`.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct RevealAnswer {
    /// Id of the connection.
    pub connection: String,
    /// Log position of the event that records this reveal.
    pub position: u64,
    /// The history in which it has that position.
    pub incarnation: String,
    /// The secret values, by field.
    pub secrets: BTreeMap<String, RevealedSecret>,
}

/// One value in the clear.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct RevealedSecret {
    /// Generation of the value.
    pub generation: u64,
    /// The value.
    pub value: String,
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
        let secrets = self.secrets.iter().map(|(field, one)| field.len() + one.value.len() + 16);
        let names = self.connection.len() + self.incarnation.len();
        256 + 6 * (names + secrets.sum::<usize>())
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
                connection: "c".repeat(36),
                position: u64::MAX,
                incarnation: "i".repeat(36),
                secrets: (0..32).map(named).collect(),
            };
            let json = answer.to_json();
            assert_eq!(*json, serde_json::to_vec(&answer).unwrap());
            assert!(json.len() <= answer.json_bytes_max(), "{value:?}");
            assert!(json.capacity() <= answer.json_bytes_max(), "the vector has grown: {value:?}");
        }
    }
}
