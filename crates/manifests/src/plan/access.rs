//! The commands by which the grants of a connection become those that are declared.

use std::collections::BTreeSet;

use ledger_contract::Declared;
use serde_json::{Map, Value, json};

use super::Step;
use crate::form::denied;

/// The word for all workspaces.
const EVERYONE: &str = "*";

/// Grants, as a form has them.
struct Grants<'a> {
    everyone: Option<&'a Value>,
    workspaces: Option<&'a Map<String, Value>>,
    denied: BTreeSet<&'a str>,
}

impl<'a> Grants<'a> {
    fn of(form: &'a Declared) -> Self {
        let access = form.get("access");
        Self {
            everyone: access.and_then(|access| access.get("everyone")),
            workspaces: access.and_then(|access| access.get("workspaces")?.as_object()),
            denied: denied(form).into_iter().collect(),
        }
    }

    fn limits(&self, name: &str) -> Option<&'a Value> {
        self.workspaces?.get(name)
    }

    fn names(&self) -> impl Iterator<Item = &'a str> {
        self.workspaces.into_iter().flatten().map(|(name, _)| name.as_str())
    }
}

/// Returns the commands.
///
/// # Errors
/// A rule that no command removes while all workspaces have access.
pub(super) fn steps(live: &Declared, wanted: &Declared) -> Result<Vec<Step>, String> {
    let (live, wanted) = (Grants::of(live), Grants::of(wanted));
    let mut steps = Vec::new();
    if live.everyone.is_some() && wanted.everyone.is_none() {
        steps.push(revoke(EVERYONE));
    }
    let stays_open = live.everyone.is_some() && wanted.everyone.is_some();
    let is_wanted = |name: &str| wanted.limits(name).is_some() || wanted.denied.contains(name);
    let gone = live.names().chain(live.denied.iter().copied()).filter(|name| !is_wanted(name));
    for name in gone {
        if stays_open {
            return Err(format!(
                "access: {name} has a rule of its own, which cannot be removed while everyone has \
                 access; declare it under `workspaces` or `denied`"
            ));
        }
        // With the grant to everyone, its exceptions go by themselves.
        if live.limits(name).is_some() {
            steps.push(revoke(name));
        }
    }
    for name in wanted.names() {
        let limits = wanted.limits(name);
        if live.limits(name) != limits {
            steps.extend(limits.map(|limits| grant(name, limits)));
        }
    }
    if let Some(limits) = wanted.everyone
        && live.everyone != Some(limits)
    {
        steps.push(grant(EVERYONE, limits));
    }
    let is_denied = |name: &&&str| stays_open && live.denied.contains(**name);
    steps.extend(wanted.denied.iter().filter(|name| !is_denied(name)).map(|name| revoke(name)));
    Ok(steps)
}

/// Returns the commands that deny access to a connection that is new.
pub(super) fn denials(wanted: &Declared) -> impl Iterator<Item = Step> {
    denied(wanted).into_iter().map(revoke)
}

fn grant(name: &str, limits: &Value) -> Step {
    Step::new("grant-workspace", json!({ "grant_to": name, "limits": limits }))
}

fn revoke(name: &str) -> Step {
    Step::new("revoke-workspace", json!({ "grant_to": name }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(access: &Value) -> Declared {
        json!({ "access": access }).as_object().cloned().unwrap_or_default()
    }

    fn told(live: &Value, wanted: &Value) -> Vec<String> {
        match steps(&form(live), &form(wanted)) {
            Ok(steps) => steps
                .iter()
                .map(|step| format!("{} {}", step.verb, step.body["grant_to"].as_str().unwrap()))
                .collect(),
            Err(message) => vec![message],
        }
    }

    #[test]
    fn grants_become_those_that_are_declared() {
        let limits = json!({ "rate": { "type": "requests", "unit": "rpm", "value": 1 } });
        let (none, open) = (json!({}), json!({ "everyone": {} }));
        let some = json!({ "workspaces": { "a": {} } });
        let but = json!({ "everyone": {}, "denied": ["a"] });
        assert_eq!(told(&none, &some), ["grant-workspace a"]);
        assert_eq!(told(&some, &none), ["revoke-workspace a"]);
        assert_eq!(told(&some, &some), [] as [&str; 0]);
        let limited = json!({ "workspaces": { "a": limits } });
        assert_eq!(told(&some, &limited), ["grant-workspace a"]);
        assert_eq!(told(&none, &but), ["grant-workspace *", "revoke-workspace a"]);
        assert_eq!(told(&open, &but), ["revoke-workspace a"]);
        assert_eq!(told(&but, &none), ["revoke-workspace *"]);
        let both = json!({ "everyone": {}, "workspaces": { "a": {} } });
        assert_eq!(told(&both, &none), ["revoke-workspace *", "revoke-workspace a"]);
        assert!(told(&but, &open)[0].contains("cannot be removed"));
        assert_eq!(told(&some, &open), ["revoke-workspace a", "grant-workspace *"]);
    }
}
