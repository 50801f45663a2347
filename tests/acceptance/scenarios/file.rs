//! The files of `tests/scenarios`. Fields that are not listed here are refused.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// `product.json`: what all scenarios of a folder have in common.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Product {
    pub(super) key: Key,
    /// What every answer with a status of 400 or above looks like. `<status>` and
    /// `<header:..>` are those of the answer itself.
    pub(super) refusal: Refusal,
    /// Named values, for the requests and answers of all scenarios.
    #[serde(default)]
    pub(super) values: Map<String, Value>,
}

/// How the product's clients send their key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    pub(super) header: String,
    pub(super) prefix: String,
}

/// The form of a refusal.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Refusal {
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Value>,
    pub(super) body: Value,
}

/// Steps that follow each other on one server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenario {
    /// Named values besides those of the product.
    #[serde(default)]
    pub(super) values: Map<String, Value>,
    pub(super) steps: Vec<Step>,
}

/// A request and its answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    /// A remark for the reader.
    #[serde(default)]
    pub(super) about: String,
    /// Method and path.
    pub(super) request: String,
    /// The key to send instead of the administrator's; an empty one sends none.
    pub(super) key: Option<String>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "also_null")]
    pub(super) body: Option<Value>,
    /// What is different in the body, by JSON pointer; `<absent>` takes a field away.
    #[serde(default)]
    pub(super) set: BTreeMap<String, Value>,
    /// A body as text, sent as JSON unless the headers say otherwise.
    pub(super) text: Option<String>,
    /// An [`Answer`], or the name of a value that is one.
    pub(super) answer: Value,
    /// Parts of the answer's body to be named, by JSON pointer.
    #[serde(default)]
    pub(super) keep: BTreeMap<String, String>,
    /// Named values for one run of the step each.
    #[serde(default)]
    pub(super) cases: Vec<Map<String, Value>>,
    /// So many runs, of which each has its `<number>`, from zero and all equally wide.
    pub(super) times: Option<usize>,
}

/// What is expected. See `pattern` for headers, body and text.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    pub(super) status: u16,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Value>,
    #[serde(default, deserialize_with = "also_null")]
    pub(super) body: Option<Value>,
    /// The body as text.
    pub(super) text: Option<String>,
    /// Texts that are nowhere in the body.
    #[serde(default)]
    pub(super) lacks: Vec<String>,
}

/// Tells a `null` that is there from nothing.
fn also_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// Reads a file of the folder, by its path without the ending.
pub(super) fn read<T: DeserializeOwned>(path: &str) -> T {
    let text = std::fs::read_to_string(root().join(format!("{path}.json")));
    let text = text.unwrap_or_else(|error| panic!("tests/scenarios/{path}.json: {error}"));
    serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("tests/scenarios/{path}.json: {error}"))
}

/// Returns the path of every file below the folder.
pub(super) fn all() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let path = path.strip_prefix(root()).expect("a path below the folder");
                found.insert(path.to_str().expect("a plain name").replace('\\', "/"));
            }
        }
    }
    found
}
