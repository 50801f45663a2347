//! What a connection remembers of the last run that changed it, in an annotation: so that changes
//! by hand are noticed, and nothing is pruned that no manifest ever declared.

use std::collections::BTreeMap;

use ledger_contract::Declared;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::live::LiveSecret;

/// The annotation. Manifests cannot declare it.
pub const APPLIED: &str = "connledger.applied";

/// What the annotation says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// The set of manifests that the connection belongs to.
    pub set: String,
    /// A hash of its form and of what its secrets show.
    pub hash: String,
    /// The version that it has once the run has done everything.
    pub version: u64,
    /// The generations of its secrets after the run, as far as they were known before it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub generations: BTreeMap<String, u64>,
}

impl Applied {
    /// Reads the annotation of a connection, if it has one in this form.
    pub(crate) fn of(annotations: Option<&Value>) -> Option<Self> {
        serde_json::from_value(annotations?.get(APPLIED)?.clone()).ok()
    }

    /// Returns it as the value of the annotation.
    pub(crate) fn to_value(&self) -> Value {
        json!(self)
    }
}

/// What the secret fields of a connection show: masks and references.
pub(crate) type Shown = BTreeMap<String, Value>;

/// Returns what a secret field shows.
pub(crate) fn shown(secret: &LiveSecret) -> Value {
    match &secret.reference {
        Some(reference) => Value::Object(reference.clone()),
        None => Value::String(secret.masked.clone()),
    }
}

/// Returns the hash of a form and of what its secrets show. Values of secrets are no part of it,
/// because all who may read the connection see it.
pub(crate) fn hash(form: &Declared, secrets: &Shown) -> String {
    // Members are sorted by name, so that one content has one text.
    let text = json!([form, secrets]).to_string();
    blake3::hash(text.as_bytes()).to_hex().chars().take(HASH_CHARS).collect()
}

/// Characters of a hash: 64 bits tell changes by chance from none.
const HASH_CHARS: usize = 16;
