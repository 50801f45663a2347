//! A body for every verb, as good as any.

use serde_json::{Value, json};

/// Returns a body that fits, without the name of the connection or the principal. `number` makes
/// what is to be made one of its own.
pub(crate) fn body(verb: &str, number: usize) -> Value {
    let slug = format!("made-{number}");
    match verb {
        "create" => json!({ "slug": slug, "provider": "openai" }),
        "update" | "update-principal" => json!({ "display_name": "Other" }),
        "rotate-secret" => json!({ "secrets": { "api_key": "sk-another-value-1" } }),
        "grant-workspace" | "set-limits" | "revoke-workspace" => json!({ "grant_to": "other" }),
        "set-model-policy" => json!({ "policy": { "allow_all": false } }),
        "link-dependent" | "unlink-dependent" => json!({ "kind": "tool", "id": "t-1" }),
        "confirm-secret" => json!({ "consumer": "eu-1", "generations": { "api_key": 1 } }),
        "report-failure" => json!({ "outcome": "unreachable", "status": 503 }),
        "remove-consumer" => json!({ "consumer": "eu-1" }),
        "revert" => json!({ "to_version": 1 }),
        "create-principal" => json!({ "principal": slug, "kind": "user" }),
        "set-secret-policy" => json!({ "about": { "provider": slug }, "min_length": 1 }),
        "remove-secret-policy" => json!({ "about": { "provider": slug } }),
        "create-alert" => json!({ "alert": slug, "url": "https://alerts.example/hook" }),
        "update-alert" => json!({ "alert": slug, "enabled": false }),
        "rotate-alert-secret" | "test-alert" | "replay-alert" | "remove-alert" => {
            json!({ "alert": slug })
        }
        "dead-letters" => json!({ "alert": "none" }),
        "diff" => json!({ "from": "v1" }),
        "who-may" => json!({ "may": "read" }),
        "changes" => json!({ "from": "0" }),
        "undo-plan" => json!({ "as_of": "0" }),
        "proof" => json!({ "position": 1 }),
        "block-token" | "unblock-token" => json!({ "subject": slug }),
        "retire-master-key" => json!({ "key": "0a0a0a0a" }),
        "unwrap" => json!({ "token": "once_aaaaaaaaaaaa_none" }),
        "revoke-handover" => json!({ "handover": "aaaaaaaaaaaa" }),
        "read-leased-secrets" | "renew-lease" | "return-lease" => {
            json!({ "lease": "0197c2a1-0000-7000-8000-000000000001" })
        }
        "give-share" => json!({ "share": "none" }),
        "reveal-secret" | "lease-secrets" | "erase" => json!({ "reason": "a look" }),
        "replay" => json!({ "verify": true, "projection": "audit" }),
        _ => json!({}),
    }
}
