//! Random connections and random lives of them.

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

pub(crate) const PROVIDERS: [&str; 4] = ["openai", "Anthropic", "stripe", "internal-db"];
pub(crate) const TAGS: [&str; 4] = ["llm", "beta", "eu", "päd"];
pub(crate) const LABEL_KEYS: [&str; 2] = ["team", "tier"];
pub(crate) const LABEL_VALUES: [&str; 3] = ["a", "b", "x=y"];
pub(crate) const KINDS: [&str; 3] = ["api", "databasesql", "custom"];
pub(crate) const METHODS: [&str; 3] = ["api_key", "basic", "none"];
pub(crate) const HEALTH: [&str; 4] = ["operational", "degraded", "failed", "unknown"];
pub(crate) const IDENTITIES: [&str; 4] = ["user", "team", "organization", "project"];
pub(crate) const NAMES: [&str; 6] = ["Main", "main", "Main 2", "ÄRGER", "ärger zwei", "b"];

/// Tries so many cases. Each one opens a ledger, so they are few, and are made smaller a few times
/// only.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases, max_shrink_iters: 40, failure_persistence: None, ..default }
}

/// Returns the body of a `create`, without a slug.
pub(crate) fn draft() -> impl Strategy<Value = Value> {
    let labels = btree_map(select(&LABEL_KEYS[..]), select(&LABEL_VALUES[..]), 0..=2);
    (
        option::of(select(&NAMES[..])),
        select(&PROVIDERS[..]),
        select(&["live", "test"][..]),
        select(&KINDS[..]),
        select(&METHODS[..]),
        btree_set(select(&TAGS[..]), 0..=3),
        labels,
        option::of((select(&IDENTITIES[..]), select(&["u1", "u2"][..]))),
        any::<bool>(),
    )
        .prop_map(
            |(name, provider, environment, kind, method, tags, labels, identity, enabled)| {
                let mut body = json!({
                    "provider": provider, "environment": environment, "kind": kind,
                    "auth_method": method, "tags": tags, "labels": labels, "enabled": enabled,
                    "secrets": {"api_key": "sk-0123456789"},
                });
                if let Some(name) = name {
                    body["display_name"] = json!(name);
                }
                if let Some((kind, value)) = identity {
                    body["identity"] = json!({"type": kind, "value": value});
                }
                body
            },
        )
}

/// One command to one of the connections; it may well be refused.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// Picks the connection; any number will do.
    pub(crate) target: usize,
    pub(crate) verb: &'static str,
    /// The body without `connection`.
    pub(crate) body: Value,
}

/// Returns a step of any verb.
pub(crate) fn step() -> impl Strategy<Value = Step> {
    let verb = prop_oneof![
        2 => update().prop_map(|body| ("update", body)),
        1 => select(&["sk-a-value-123", "sk-b-value-456"][..])
            .prop_map(|value| ("rotate-secret", json!({"secrets": {"api_key": value}}))),
        1 => select(&["sk-c-value-789", "sk-d-value-012"][..]).prop_map(|value| {
            let keep = json!({"secrets": {"api_key": value}, "keep_former_until": "9d"});
            ("rotate-secret", keep)
        }),
        1 => option::of(1..9_u32).prop_map(|days| match days {
            Some(days) => ("retire-former", json!({"at": format!("{days}d")})),
            None => ("retire-former", json!({})),
        }),
        1 => Just(("cancel-rotation", json!({}))),
        2 => (0..3_u32, option::of(1..4_u64)).prop_map(|(name, used)| {
            let generations = used.map(|used| json!({"api_key": used})).unwrap_or(json!({}));
            let consumer = format!("consumer-{name}");
            ("confirm-secret", json!({"consumer": consumer, "generations": generations}))
        }),
        1 => (0..3_u32).prop_map(|name| {
            ("remove-consumer", json!({"consumer": format!("consumer-{name}")}))
        }),
        1 => Just(("enable", json!({}))),
        1 => Just(("disable", json!({"reason": "pause"}))),
        2 => health(),
        1 => any::<bool>().prop_map(|force| ("archive", json!({"force": force}))),
        2 => option::of(0..30_u32).prop_map(|slug| match slug {
            Some(number) => ("restore", json!({"slug": format!("r-{number}")})),
            None => ("restore", json!({})),
        }),
        2 => grants(),
        1 => any::<bool>().prop_map(|all| {
            let policy = json!({"allow_all": all, "models": {"m-1": {"enabled": !all}}});
            ("set-model-policy", json!({"policy": policy}))
        }),
        1 => option::of(0..3_u32).prop_map(|factor| {
            let pricing = factor.map(|factor| json!({"image_default": factor}));
            ("set-pricing", json!({"pricing": pricing}))
        }),
        1 => (0..3_u32).prop_map(|id| ("link-dependent", dependent(id))),
        1 => (0..3_u32).prop_map(|id| ("unlink-dependent", dependent(id))),
        2 => (1..8_u64).prop_map(|version| ("revert", json!({"to_version": version}))),
    ];
    (any::<usize>(), verb).prop_map(|(target, (verb, body))| Step { target, verb, body })
}

/// Returns a life of a whole fleet.
pub(crate) fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 0..most)
}

fn update() -> impl Strategy<Value = Value> {
    prop_oneof![
        option::of(select(&NAMES[..])).prop_map(|name| json!({"display_name": name})),
        (0..30_u32).prop_map(|number| json!({"slug": format!("r-{number}")})),
        select(&PROVIDERS[..]).prop_map(|provider| json!({"provider": provider})),
        btree_set(select(&TAGS[..]), 0..=3).prop_map(|tags| json!({"tags": tags})),
        (select(&LABEL_KEYS[..]), option::of(select(&LABEL_VALUES[..])))
            .prop_map(|(key, value)| json!({"labels": {key: value}})),
        option::of(select(&IDENTITIES[..])).prop_map(|kind| {
            json!({"identity": kind.map(|kind| json!({"type": kind, "value": "u1"}))})
        }),
        (any::<bool>(), 0..3_u32).prop_map(|(set, value)| {
            json!({"config": {"timeout": set.then_some(value)}, "environment": "live"})
        }),
    ]
}

fn health() -> impl Strategy<Value = (&'static str, Value)> {
    let verb = select(&["mark-degraded", "mark-failed", "mark-operational"][..]);
    let reason = select(&["slow", "down"][..]);
    (verb, reason).prop_map(|(verb, reason)| (verb, json!({"reason": reason})))
}

fn grants() -> impl Strategy<Value = (&'static str, Value)> {
    let verb = select(&["grant-workspace", "revoke-workspace", "set-limits"][..]);
    let to = select(&["*", "other"][..]);
    (verb, to, 1..3_u64).prop_map(|(verb, to, value)| {
        let limits = json!({"rate": {"type": "requests", "unit": "rpm", "value": value}});
        match verb {
            "revoke-workspace" => (verb, json!({"grant_to": to})),
            _ => (verb, json!({"grant_to": to, "limits": limits})),
        }
    })
}

fn dependent(id: u32) -> Value {
    json!({"kind": "tool", "id": format!("t-{id}")})
}
