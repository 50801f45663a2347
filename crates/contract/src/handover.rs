//! Tokens of handovers: `once_<id>_<secret>`.

use std::borrow::Cow;
use std::fmt;

use ledger_domain::HandoverId;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use zeroize::{Zeroize, Zeroizing};

/// Begins every token.
pub const TOKEN_PREFIX: &str = "once_";

/// A token as it is sent. It is wiped on drop and hidden in debug output.
pub struct HandoverToken(Zeroizing<String>);

impl HandoverToken {
    /// Wraps a text, whatever it is.
    pub fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the public part, if the text has the form of a token.
    pub fn id(&self) -> Option<HandoverId> {
        id_of(&self.0)
    }
}

/// Returns the public part of a text that has the form of a token.
pub fn id_of(token: &str) -> Option<HandoverId> {
    let (id, _) = token.strip_prefix(TOKEN_PREFIX)?.split_once('_')?;
    HandoverId::parse("token", id).ok()
}

impl fmt::Debug for HandoverToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HandoverToken(..)")
    }
}

impl<'de> Deserialize<'de> for HandoverToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

impl JsonSchema for HandoverToken {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "HandoverToken".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

/// A handover that was made, with its token, which is shown only this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IssuedHandover {
    /// Its id.
    pub id: String,
    /// The token. Whoever has it receives with `unwrap` what was handed over, once. It is not
    /// stored.
    pub token: String,
    /// Id of the API key that was handed over, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// From when on it cannot be used.
    pub expires_at: String,
}

impl fmt::Debug for IssuedHandover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedHandover").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Drop for IssuedHandover {
    fn drop(&mut self) {
        self.token.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_handover_and_shows_no_more() {
        let token = HandoverToken::new(Zeroizing::new("once_k3x9a2bq71ce_canary_x".to_owned()));
        assert_eq!(token.id().map(|id| id.as_str().to_owned()).as_deref(), Some("k3x9a2bq71ce"));
        assert!(!format!("{token:?}").contains("canary"));
        for text in ["", "once_", "once_short_x", "once_k3x9a2bq71ce", "sk_k3x9a2bq71ce_x"] {
            assert_eq!(id_of(text), None, "{text}");
        }
    }
}
