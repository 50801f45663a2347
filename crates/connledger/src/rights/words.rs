//! Permissions and states of keys as text for people.

use ledger_contract::queries::{ApiKeyView, PermissionView, PrincipalView};
use ledger_domain::principal::Role;

/// Describes all permissions together.
pub(super) fn permissions(grants: &[PermissionView]) -> String {
    if grants.is_empty() {
        return "nothing".to_owned();
    }
    grants.iter().map(permission).collect::<Vec<_>>().join("; ")
}

/// Describes one permission: `gateway in search, on openai, with team=a`.
pub(super) fn permission(grant: &PermissionView) -> String {
    let what = what(grant);
    let place = match &grant.workspaces {
        None => "everywhere".to_owned(),
        Some(names) => format!("in {}", joined(names.iter())),
    };
    let mut words = vec![format!("{what} {place}")];
    if !grant.providers.is_empty() {
        words.push(format!("on {}", joined(grant.providers.iter())));
    }
    let labels: Vec<_> = grant.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    if !labels.is_empty() {
        words.push(format!("with {}", joined(labels.iter())));
    }
    words.join(", ")
}

/// Returns the role that has exactly these scopes, else the scopes.
fn what(grant: &PermissionView) -> String {
    let same = |role: &&Role| {
        let scopes = role.scopes();
        scopes.len() == grant.scopes.len()
            && scopes.iter().all(|scope| grant.scopes.contains(scope.as_str()))
    };
    match Role::ALL.iter().find(same) {
        Some(role) => role.as_str().to_owned(),
        None => joined(grant.scopes.iter()),
    }
}

fn joined<'a>(words: impl Iterator<Item = &'a String>) -> String {
    words.map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Returns the state of a key at `now`, which has the format of all times here.
pub(super) fn state(principal: &PrincipalView, key: &ApiKeyView, now: &str) -> &'static str {
    // All times have the same length, so comparing their texts compares the times.
    match (&key.revoked_at, &key.expires_at) {
        (Some(_), _) => "revoked",
        (None, Some(expires_at)) if expires_at.as_str() <= now => "expired",
        _ if !principal.enabled => "disabled",
        _ if key.ends_soon => "ends soon",
        _ => "live",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn grant(json: Value) -> PermissionView {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn permissions_read_as_sentences() {
        assert_eq!(permissions(&[]), "nothing");
        let everywhere = grant(json!({"scopes": ["read"]}));
        let narrow = grant(json!({
            "scopes": ["read", "reveal"], "workspaces": ["a", "b"],
            "providers": ["openai"], "labels": {"team": "x"},
        }));
        let odd = grant(json!({"scopes": ["audit", "write"], "workspaces": ["a"]}));
        assert_eq!(
            permissions(&[everywhere, narrow, odd]),
            "viewer everywhere; gateway in a, b, on openai, with team=x; audit, write in a"
        );
    }

    #[test]
    fn a_key_is_in_one_state() {
        let key = |more: Value| -> ApiKeyView {
            let mut key = json!({"id": "k", "prefix": "sk", "issued_at": "", "issued_by": ""});
            key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            serde_json::from_value(key).unwrap()
        };
        let owner = |enabled: bool| -> PrincipalView {
            serde_json::from_value(json!({
                "principal": "one", "kind": "user", "enabled": enabled, "grants": [], "keys": [],
                "version": 1, "created_at": "", "created_by": "", "updated_at": "",
                "updated_by": "",
            }))
            .unwrap()
        };
        let (early, late) = ("2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:00.000001Z");
        let at = |more: Value, enabled: bool| state(&owner(enabled), &key(more), early);
        assert_eq!(at(json!({}), true), "live");
        assert_eq!(at(json!({"expires_at": late}), true), "live");
        assert_eq!(at(json!({"expires_at": late, "ends_soon": true}), true), "ends soon");
        assert_eq!(at(json!({"expires_at": early}), true), "expired");
        assert_eq!(at(json!({"revoked_at": early, "expires_at": early}), false), "revoked");
        assert_eq!(at(json!({}), false), "disabled");
    }
}
