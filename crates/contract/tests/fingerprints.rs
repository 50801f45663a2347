//! Fingerprints are stored in receipts, so the content of a command must never be written in
//! another way: a command that is repeated after an upgrade would be refused.

use std::collections::BTreeMap;

use ledger_contract::commands::{self, Verb};
use ledger_domain::{LedgerId, WorkspaceName};
use ledger_vault::{FingerprintKey, Keyring};

/// A master key, and the fingerprint key of a ledger that it wraps.
const MASTER_KEY: &str =
    "connledger-master-key-v1:289d2618:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const WRAPPED_KEY: &[&str] = &[
    "013238396432363138b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf",
    "2afbb9df827f7f2a1214af6c8732da3c8096109a3f62947c48cc0a4ca842ad11",
    "301b982612d3839b00712aa69ed7e9dd",
];

/// A verb, a body that sets each of its fields, and the fingerprint. Lines are added and never
/// changed.
const COMMANDS: &[(&str, &str, &str)] = &[
    (
        "create",
        r#"{"provider": "openai", "slug": "main", "secrets": {"api_key": "sk-first"},
            "enabled": false, "access": {"everyone": {}}, "models": {"allow_all": false},
            "pricing": {"image_default": 1.5}, "config": {"region": "eu"}, "tags": ["llm"]}"#,
        "fab19e644c6865a8996457411d53ddb9",
    ),
    ("create", r#"{"provider": "openai"}"#, "30f5bab40d339b174c84aa6d9eec045f"),
    (
        "update",
        r#"{"connection": "main", "display_name": null, "labels": {"team": "search"},
            "secrets": {"api_key": "sk-other", "token": null}}"#,
        "703a35c1f66162c1358ea02fa5c04898",
    ),
    (
        "rotate-secret",
        r#"{"connection": "main", "secrets": {"api_key": "sk-second"}}"#,
        "ee8e765634bdb1bead663a07d4e07f1e",
    ),
    (
        "rotate-secret",
        r#"{"connection": "main", "secrets": {"api_key": {"reference": {"kind": "vault",
            "name": "kv/a", "key": "k"}}}}"#,
        "53c74b11c459e4c59dfbea490fd41488",
    ),
    (
        "rotate-secret",
        r#"{"connection": "main", "secrets": {"api_key": "sk-second"}, "keep_former_until": "36h",
            "keep_former_until_confirmed": true}"#,
        "00b849825325553398d050fcb37dedec",
    ),
    (
        "rotate-secret",
        r#"{"connection": "main", "secrets": {"api_key": "sk-second"},
            "keep_former_until_confirmed": true}"#,
        "5c34dd47f65682576f5b8a624a4f9ac5",
    ),
    ("retire-former", r#"{"connection": "main"}"#, "d0cfbb6f07e84b953f70fdd94c481e9b"),
    (
        "retire-former",
        r#"{"connection": "main", "fields": ["api_key"], "at": "2030-01-01T00:00:00Z"}"#,
        "e6b99026e99211983097a4e2f4229f2a",
    ),
    (
        "cancel-rotation",
        r#"{"connection": "main", "fields": ["api_key"]}"#,
        "699b125e451f6b60e7d45ea374277a53",
    ),
    ("enable", r#"{"connection": "main"}"#, "9bd788a0000ee86fc53c1048b6993118"),
    (
        "disable",
        r#"{"connection": "main", "reason": "budget"}"#,
        "122cbbf643eb74985f58c667cc5fe5a5",
    ),
    (
        "mark-degraded",
        r#"{"connection": "main", "reason": "slow"}"#,
        "9fcae0502b69ccf1077a1fe5d3351090",
    ),
    (
        "mark-failed",
        r#"{"connection": "main", "reason": "revoked"}"#,
        "31ba82f3d8fb7d3bb6e2b8c333d1795d",
    ),
    ("mark-operational", r#"{"connection": "main"}"#, "3074ba8cdb28a572303c30613df9a824"),
    (
        "archive",
        r#"{"connection": "main", "reason": "old", "force": true}"#,
        "31ae112cdbd5dbc47975d14f54889ced",
    ),
    ("archive", r#"{"connection": "main"}"#, "4bbe0689b131274638e92485716c3c1f"),
    (
        "erase",
        r#"{"connection": "main", "reason": "contract ended", "force": true}"#,
        "c0ff046e5156f758130cada22f7089bb",
    ),
    ("restore", r#"{"connection": "main", "slug": "again"}"#, "a30a8694beda9c76e48199cbef19391d"),
    (
        "grant-workspace",
        r#"{"connection": "main", "grant_to": "search",
            "limits": {"rate": {"type": "requests", "unit": "rpm", "value": 5}}}"#,
        "c4db01795818b94cf02b6e5c2901be6e",
    ),
    (
        "revoke-workspace",
        r#"{"connection": "main", "grant_to": "*"}"#,
        "07fe3c17eb9f3572ca42fd19e2a5b047",
    ),
    (
        "set-limits",
        r#"{"connection": "main", "grant_to": "search",
            "limits": {"rate": {"type": "requests", "unit": "rpm", "value": 5}}}"#,
        "436cfd6ef496b9b55ce91a0011cda59c",
    ),
    (
        "set-model-policy",
        r#"{"connection": "main",
            "policy": {"allow_all": false, "models": {"gpt-4o": {"enabled": true}}}}"#,
        "e3920cdc71c58a8d0620c3467a2dd2e2",
    ),
    (
        "set-pricing",
        r#"{"connection": "main", "pricing": {"multipliers": {"default": 2}}}"#,
        "4e2864debce11b8aa6812a7d7dd93c10",
    ),
    (
        "set-pricing",
        r#"{"connection": "main", "pricing": null}"#,
        "8313f8d2d71d83195d6699cc05f7a8df",
    ),
    (
        "link-dependent",
        r#"{"connection": "main", "kind": "tool", "id": "t-1", "name": "Analyzer",
            "attributes": {"owner": "search"}}"#,
        "641e2e28e5af01cb9fa84197b610c1ab",
    ),
    (
        "unlink-dependent",
        r#"{"connection": "main", "kind": "tool", "id": "t-1"}"#,
        "74163c97c67147716ad2275f06687e99",
    ),
    ("revert", r#"{"connection": "main", "to_version": 3}"#, "152b69902689a7d604faa504904badc1"),
    ("refresh-token", r#"{"connection": "main"}"#, "7afd8412b61c5f4f06b654f5347d223a"),
    ("test-connection", r#"{"connection": "main"}"#, "e2bb59b4c9e8daee3fff38f7bfbafbe3"),
    ("connect", r#"{"connection": "main", "device": true}"#, "b388c0a2f1634f1e46f2ac7441668994"),
    (
        "report-failure",
        r#"{"connection": "main", "outcome": "credentials_refused", "status": 401,
            "generations": {"api_key": 5}}"#,
        "d2692ea816e27d5cadb35c919a4ef741",
    ),
    (
        "list-models",
        r#"{"connection": "main", "refresh": true}"#,
        "ce478acd8f20bbe5f44ed70a8bd6ad51",
    ),
    (
        "reveal-secret",
        r#"{"connection": "main", "fields": ["api_key"], "reason": "a look"}"#,
        "74938570fda73c0fe1b6639811bb5cce",
    ),
    (
        "reveal-secret",
        r#"{"connection": "main", "fields": ["api_key"], "reason": "a look",
            "generation": "former"}"#,
        "750da3aef83c78e3517f56656db082a4",
    ),
    (
        "reveal-secret",
        r#"{"connection": "main", "fields": ["api_key"], "reason": "a look", "generation": 4}"#,
        "ba6406c9f1d27c3a92828efb71a72cb4",
    ),
    (
        "lease-secrets",
        r#"{"connection": "main", "fields": ["api_key"], "reason": "to route", "until": "1h"}"#,
        "130934692fcb7c5caf16df04a55b6522",
    ),
    (
        "read-leased-secrets",
        r#"{"connection": "main", "lease": "0197c2a1-0000-7000-8000-000000000001",
            "fields": ["api_key"]}"#,
        "a6259c8148fa68b8fe2166cb91f6a57b",
    ),
    (
        "renew-lease",
        r#"{"connection": "main", "lease": "0197c2a1-0000-7000-8000-000000000001",
            "until": "2h"}"#,
        "6aab05c70b4e4d3d5dc4382a0e83abe8",
    ),
    (
        "return-lease",
        r#"{"connection": "main", "lease": "0197c2a1-0000-7000-8000-000000000001"}"#,
        "e3e8ce74ef53fa4d507102b59debcbfb",
    ),
    (
        "revoke-leases",
        r#"{"connection": "main", "holder": "gateway:eu-1", "reason": "gone"}"#,
        "b8803dcaecd57e15e8c43c449dce3155",
    ),
    (
        "revoke-workspace-leases",
        r#"{"slug_prefix": "openai-", "holder": "gateway:eu-1", "reason": "gone"}"#,
        "7a18d8949c4da69c2339761447659707",
    ),
    ("unwrap", "{}", "494ef2db7bd14c5ef5c1880e77c459f4"),
    (
        "revoke-handover",
        r#"{"handover": "k3x9a2bq71ce", "reason": "not needed"}"#,
        "fc563b64394a5978e566bab2369cbf4c",
    ),
    (
        "rotate-secret",
        r#"{"connection": "main", "secrets": {"api_key": "sk-second"}, "compromised": true}"#,
        "f6ba031963ab5efcb8101c70c578c525",
    ),
    (
        "rotate-secret",
        r#"{"connection": "main", "secrets": {"api_key": "sk-second"}, "check": true}"#,
        "25af38b1f009da30a7ae2336f13ca5d7",
    ),
    (
        "confirm-secret",
        r#"{"connection": "main", "consumer": "eu-1", "generations": {"api_key": 2}}"#,
        "4b1736d49c39e0b6a601a44e00df082b",
    ),
    (
        "remove-consumer",
        r#"{"connection": "main", "consumer": "eu-1"}"#,
        "ac7edc4d865d42a283d4ed5577b3ffac",
    ),
    ("create-workspace", r#"{"display_name": "Home"}"#, "3007c1c40c73ce55092079875d34f2b0"),
    (
        "set-secret-policy",
        r#"{"about": {"connection": "main", "provider": "openai", "field": "api_key"},
            "max_age_days": 90, "warn_days": 7, "min_length": 20, "pattern": "^sk-"}"#,
        "a3db7c9c02ef80655dad5ee5b0b0b587",
    ),
    ("set-secret-policy", r#"{"max_age_days": 90}"#, "b4ecbb63b5b2d60e46e45e1901601484"),
    ("set-secret-policy", r#"{"reference_required": true}"#, "115d7af8686a5d624867237efd219772"),
    (
        "remove-secret-policy",
        r#"{"about": {"field": "api_key"}}"#,
        "dddd41029dc9b327b09139a246b50557",
    ),
    (
        "create-alert",
        r#"{"alert": "ops", "url": "https://alerts.example/hook", "on": ["secret_rotated"],
            "provider": "openai", "labels": {"team": "payments"}, "signature": "ed25519"}"#,
        "2f50134c6b3cff15d5d61eb78db96b15",
    ),
    (
        "create-alert",
        r#"{"alert": "ops", "url": "http://10.0.0.1"}"#,
        "19a2c58b5f41596d5009149aac2f8077",
    ),
    (
        "create-alert",
        r#"{"alert": "ops", "email": "ops@example.com"}"#,
        "96d179dc420971eafd07f21a7dea2c5a",
    ),
    (
        "update-alert",
        r#"{"alert": "ops", "provider": null, "enabled": false}"#,
        "ad1529d565c9f760c587dd6dc2cb4f9f",
    ),
    (
        "rotate-alert-secret",
        r#"{"alert": "ops", "overlap_seconds": 60}"#,
        "38dcaa5267535eb30529d5760651a55b",
    ),
    ("test-alert", r#"{"alert": "ops"}"#, "fc32f20b826ad69b83e3725fc3df492f"),
    ("replay-alert", r#"{"alert": "ops", "position": 7}"#, "4c578313aac36c15dd368376d11c3582"),
    ("remove-alert", r#"{"alert": "ops"}"#, "677bd78257d330e9d358eb5af58e3eb4"),
    (
        "create-principal",
        r#"{"principal": "eu-1", "kind": "gateway", "display_name": "EU",
            "grants": [{"scopes": ["read"], "workspaces": ["home"]}]}"#,
        "f1f46ae34cbfd3d13b3ffe6d52cceb07",
    ),
    (
        "revert",
        r#"{"connection": "openai-prod", "to_version": 3, "detach_secrets": true}"#,
        "59dfd6152da77814a949c384348bc4a6",
    ),
    (
        "update",
        r#"{"connection": "openai-prod", "provider": "x", "detach_secrets": true}"#,
        "0b256612017cdabbc2148173f3237eb0",
    ),
    (
        "update-principal",
        r#"{"principal": "eu-1", "display_name": null, "grants": [{"role": "viewer"}]}"#,
        "ab9b0b578a7a9bc079f7e3197e985dd7",
    ),
    ("enable-principal", r#"{"principal": "eu-1"}"#, "5d0f89db9afffb94e01b3f37b104dcb2"),
    (
        "disable-principal",
        r#"{"principal": "eu-1", "reason": "gone"}"#,
        "a6c814b00c7f3060fb5a96411496c2d8",
    ),
    (
        "issue-key",
        r#"{"principal": "eu-1", "environment": "test", "label": "ci",
            "expires_at": "2030-01-01T00:00:00Z"}"#,
        "539a9ff3a0f63f86d7a6edd9655f1cc5",
    ),
    (
        "issue-key",
        r#"{"principal": "eu-1", "wrap": "10m", "for": "deployer"}"#,
        "25357f19da990524f5ef5761f5d13275",
    ),
    (
        "revoke-key",
        r#"{"principal": "eu-1", "key": "k23456789abc", "reason": "leaked"}"#,
        "2e1b5a380879ce2058a1e3edd015cc21",
    ),
    (
        "block-token",
        r#"{"subject": "248289761001", "reason": "left"}"#,
        "3c37ec725e6efd5555a8fad88590f15f",
    ),
    ("unblock-token", r#"{"token_id": "t-1"}"#, "db399b0bc733573e7513b9a04ab416ef"),
    ("rotate-master-key", "{}", "9c5776b7d94b12a7bb292e0f7c60075d"),
    ("retire-master-key", r#"{"key": "0a1b2c3d"}"#, "7f5a233e2cb58382b596fcc6d3027b24"),
    ("seal-ledger", "{}", "d54c45661dba278458fbf10c0695a5ff"),
    ("unseal-ledger", "{}", "4cf8917e43b766bf234b838e3d75406e"),
];

#[test]
fn every_verb_has_the_fingerprint_that_receipts_hold() {
    let (key, workspace) = (key(), WorkspaceName::parse("workspace", "home").expect("a name"));
    let mut wrong = Vec::new();
    for (verb, body, expected) in COMMANDS {
        let command = commands::parse(verb, &workspace, None, body.as_bytes())
            .unwrap_or_else(|problem| panic!("{verb}: {problem:?}"));
        assert_eq!(command.verb().as_str(), *verb);
        let found = command.fingerprint(&key, workspace.as_str());
        let found = format!("{:032x}", u128::from_be_bytes(found));
        if found != *expected {
            wrong.push(format!("{verb} {body}: {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_verb_is_tried_and_no_two_commands_are_taken_for_one() {
    let tried: BTreeMap<_, _> = COMMANDS.iter().map(|(verb, _, print)| (print, verb)).collect();
    assert_eq!(tried.len(), COMMANDS.len());
    for verb in Verb::ALL {
        assert!(tried.values().any(|tried| **tried == verb.as_str()), "{verb} has no line");
    }
}

fn key() -> FingerprintKey {
    let digits = WRAPPED_KEY.concat();
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("two digits");
    let wrapped: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect();
    let keyring = Keyring::parse(MASTER_KEY).expect("a key file");
    keyring.open_fingerprint_key(LedgerId::from_bytes([0x1d; 16]), &wrapped).expect("its key")
}
