//! The form in which what is declared and what is there are compared, written and hashed: without
//! defaults, and with grants as manifests have them.

use ledger_contract::Declared;
use ledger_domain::connection::{AuthMethod, Environment, Kind};
use serde_json::{Map, Value, json};

use crate::applied::APPLIED;

/// Returns the form of all members of a connection.
pub(crate) fn of(mut members: Declared) -> Declared {
    if let Some(Value::Object(annotations)) = members.get_mut("annotations") {
        annotations.remove(APPLIED);
    }
    if let Some(access) = members.get_mut("access") {
        *access = self::access(access);
    }
    for name in ["access", "models", "pricing", "identity", "secret_references"] {
        if let Some(value) = members.get_mut(name) {
            strip(value);
        }
    }
    members.retain(|name, value| !is_default(name, value));
    members
}

/// Returns whether a member has the value that it has when it is left out.
fn is_default(name: &str, value: &Value) -> bool {
    match (name, value) {
        (_, Value::Null) => true,
        ("kind", word) => word == Kind::Api.as_str(),
        ("environment", word) => word == Environment::Live.as_str(),
        ("auth_method", word) => word == AuthMethod::ApiKey.as_str(),
        ("enabled", switch) => *switch == Value::Bool(true),
        ("models", policy) => *policy == json!({ "allow_all": true }),
        ("pricing", _) => false,
        (_, Value::Object(members)) => members.is_empty(),
        (_, Value::Array(items)) => items.is_empty(),
        _ => false,
    }
}

/// Returns grants as manifests have them, of how views and bodies have them.
fn access(shown: &Value) -> Value {
    let everyone = shown.get("everyone").cloned().unwrap_or_default();
    let mut workspaces = Map::new();
    let mut denied = Vec::new();
    let rules = shown.get("workspaces").and_then(Value::as_object);
    for (name, rule) in rules.into_iter().flatten() {
        if rule.get("allowed").and_then(Value::as_bool) == Some(false) {
            denied.push(name.clone());
        } else {
            let limits = rule.get("limits").cloned().unwrap_or_else(|| json!({}));
            workspaces.insert(name.clone(), limits);
        }
    }
    // `{}` is a grant without limits, and no grant is null.
    let mut form = json!({ "everyone": everyone });
    if let Value::Object(members) = &mut form {
        if !workspaces.is_empty() {
            members.insert("workspaces".to_owned(), Value::Object(workspaces));
        }
        if !denied.is_empty() {
            members.insert("denied".to_owned(), json!(denied));
        }
    }
    form
}

/// Removes members that are null, and maps of models and factors that are empty.
fn strip(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(strip);
            members.retain(|name, value| {
                let is_list =
                    matches!(name.as_str(), "models" | "multipliers" | "additional_units");
                let is_nothing = value.is_null() || (is_list && *value == json!({}));
                !is_nothing
            });
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Returns the workspaces to which a form denies access.
pub(crate) fn denied(form: &Declared) -> Vec<&str> {
    let names = form.get("access").and_then(|access| access.get("denied")?.as_array());
    names.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Returns the body of `create` that a form stands for, without secrets. What it denies takes
/// commands of its own.
pub(crate) fn body(form: &Declared) -> Declared {
    let mut body = form.clone();
    if let Some(Value::Object(access)) = body.get_mut("access") {
        access.remove("denied");
    }
    body
}
