//! What the KV engine of Vault, version 2, answers to readings, after its public documentation.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::engine::Refusal;

/// The secrets of an engine, by path, each with its newest version.
#[derive(Debug, Default)]
pub(super) struct Secrets(HashMap<String, Value>);

impl Secrets {
    /// Sets the newest version of a secret; null deletes it.
    pub(super) fn put(&mut self, path: &str, data: Value) {
        self.0.insert(path.to_owned(), data);
    }

    /// Answers to a reading of `data/PATH`.
    pub(super) fn read(&self, path: &str) -> Result<Value, Refusal> {
        let data = path.strip_prefix("data/").and_then(|path| self.0.get(path));
        let data = data.filter(|data| !data.is_null()).ok_or_else(|| (404, String::new()))?;
        let metadata = json!({
            "created_time": "2026-11-29T16:00:00.000000000Z", "custom_metadata": null,
            "deletion_time": "", "destroyed": false, "version": 2,
        });
        Ok(json!({ "data": data, "metadata": metadata }))
    }
}
