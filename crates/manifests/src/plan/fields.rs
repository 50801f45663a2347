//! The fields in which two forms differ, and the body of the update that makes one of the other.

use std::collections::BTreeSet;

use ledger_contract::Declared;
use ledger_domain::connection::{AuthMethod, Environment, Kind};
use serde_json::{Map, Value, json};

use super::{FieldChange, Step};

/// Members that are maps by names that people choose, which an update merges.
const MAPS: [&str; 3] = ["config", "labels", "annotations"];
/// Members that an update replaces as a list.
const LISTS: [&str; 2] = ["tags", "secret_references"];
/// Members that take commands of their own.
const APART: [&str; 4] = ["enabled", "access", "models", "pricing"];

/// What differs.
#[derive(Debug, Default)]
pub(super) struct Difference {
    /// The fields, each with both values.
    pub(super) changes: Vec<FieldChange>,
    /// The body of the update, without what takes commands of its own.
    pub(super) body: Map<String, Value>,
}

/// Compares what is there with what is declared.
pub(super) fn compare(live: &Declared, wanted: &Declared) -> Difference {
    let mut difference = Difference::default();
    let names: BTreeSet<&String> = live.keys().chain(wanted.keys()).collect();
    for name in names {
        let (before, after) = (live.get(name), wanted.get(name));
        if before == after {
            continue;
        }
        if MAPS.contains(&name.as_str()) {
            difference.take_map(name, before, after);
            continue;
        }
        difference.changes.push(FieldChange {
            field: name.clone(),
            before: before.cloned(),
            after: after.cloned(),
        });
        if !APART.contains(&name.as_str()) {
            let value = after.cloned().unwrap_or_else(|| default(name));
            difference.body.insert(name.clone(), value);
        }
    }
    difference
}

/// Returns what an update gives a member that is left out.
fn default(name: &str) -> Value {
    match name {
        "kind" => Kind::Api.as_str().into(),
        "environment" => Environment::Live.as_str().into(),
        "auth_method" => AuthMethod::ApiKey.as_str().into(),
        _ if LISTS.contains(&name) => json!([]),
        _ => Value::Null,
    }
}

impl Difference {
    fn take_map(&mut self, name: &str, before: Option<&Value>, after: Option<&Value>) {
        let empty = Map::new();
        let map = |value: Option<&'_ Value>| value.and_then(Value::as_object).cloned();
        let (before, after) =
            (map(before).unwrap_or_else(|| empty.clone()), map(after).unwrap_or(empty));
        let mut entries = Map::new();
        let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for key in keys.into_iter().filter(|key| before.get(*key) != after.get(*key)) {
            entries.insert(key.clone(), after.get(key).cloned().unwrap_or_default());
            self.changes.push(FieldChange {
                field: format!("{name}.{key}"),
                before: before.get(key).cloned(),
                after: after.get(key).cloned(),
            });
        }
        self.body.insert(name.to_owned(), Value::Object(entries));
    }
}

/// Returns the commands for members that an update does not change, but for grants.
pub(super) fn apart(live: &Declared, wanted: &Declared) -> Vec<Step> {
    let differs = |name: &str| live.get(name) != wanted.get(name);
    let mut steps = Vec::new();
    if differs("models") {
        let policy = wanted.get("models").cloned();
        let policy = policy.unwrap_or_else(|| json!({ "allow_all": true }));
        steps.push(Step::new("set-model-policy", json!({ "policy": policy })));
    }
    if differs("pricing") {
        let pricing = wanted.get("pricing").cloned().unwrap_or_default();
        steps.push(Step::new("set-pricing", json!({ "pricing": pricing })));
    }
    if differs("enabled") {
        let verb = if wanted.contains_key("enabled") { "disable" } else { "enable" };
        steps.push(Step::new(verb, json!({})));
    }
    steps
}
