//! Secrets in the clear: what is answered, over doors of their own. Over NATS they are asked for
//! and answered sealed only (`crate::sealed`); the body of a request is that of `reveal-secret`.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

/// The answer.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct RevealAnswer {
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
