//! Plans for workspaces and principals.

use ledger_contract::queries::{PrincipalView, WorkspaceView};
use serde_json::{Map, Value, json};

use super::{Action, FieldChange, Plan, Step};
use crate::manifest::{PrincipalItem, WorkspaceItem};

/// Plans a workspace.
pub fn workspace(item: &WorkspaceItem, live: Option<&WorkspaceView>) -> Plan {
    let mut plan = empty("workspace", &item.name);
    match live {
        None => {
            plan.action = Action::Create;
            let body = json!({ "display_name": item.display_name });
            plan.steps.push(Step::new("create-workspace", body));
        }
        Some(live) if item.display_name.is_some() && item.display_name != live.display_name => {
            let note = "its display name differs, and cannot be changed once it is made";
            plan.notes.push(note.to_owned());
        }
        Some(_) => {}
    }
    plan
}

/// Plans a principal.
pub fn principal(item: &PrincipalItem, live: Option<&PrincipalView>) -> Plan {
    let mut plan = empty("principal", &item.name);
    let Some(live) = live else {
        plan.action = Action::Create;
        let body = json!({
            "principal": item.name, "kind": item.kind,
            "display_name": item.display_name, "grants": item.grants,
        });
        plan.steps.push(Step::new("create-principal", body));
        if !item.enabled {
            plan.steps.push(switch(item));
        }
        return plan;
    };
    plan.version = Some(live.version);
    if live.kind != item.kind {
        let (is, kind) = (&live.kind, &item.kind);
        plan.action = Action::Refuse(format!("is a {is}, and the kind cannot become {kind}"));
        return plan;
    }
    let (before, after) = (json!(live.grants), Value::Array(item.grants.clone()));
    let mut body = Map::new();
    body.insert("principal".to_owned(), json!(item.name));
    if before != after {
        body.insert("grants".to_owned(), after.clone());
        plan.changes.push(change("grants", before, after));
    }
    if live.display_name != item.display_name {
        body.insert("display_name".to_owned(), json!(item.display_name));
        let (before, after) = (json!(live.display_name), json!(item.display_name));
        plan.changes.push(change("display_name", before, after));
    }
    if !plan.changes.is_empty() {
        plan.steps.push(Step::new("update-principal", Value::Object(body)));
    }
    if live.enabled != item.enabled {
        plan.changes.push(change("enabled", json!(live.enabled), json!(item.enabled)));
        plan.steps.push(switch(item));
    }
    if !plan.steps.is_empty() {
        plan.action = Action::Update;
    }
    plan
}

fn switch(item: &PrincipalItem) -> Step {
    let verb = if item.enabled { "enable-principal" } else { "disable-principal" };
    Step::new(verb, json!({ "principal": item.name }))
}

fn change(field: &str, before: Value, after: Value) -> FieldChange {
    let some = |value: Value| Some(value).filter(|value| !value.is_null());
    FieldChange { field: field.to_owned(), before: some(before), after: some(after) }
}

/// Returns a plan in which nothing is to be done.
pub(super) fn empty(kind: &'static str, name: &str) -> Plan {
    Plan {
        kind,
        name: name.to_owned(),
        action: Action::None,
        changes: Vec::new(),
        drift: None,
        notes: Vec::new(),
        id: None,
        version: None,
        steps: Vec::new(),
    }
}
