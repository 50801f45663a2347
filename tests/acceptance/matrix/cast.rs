//! Everyone who asks: each role at home and everywhere, somebody without rights, and keys that
//! open nothing.

use ledger_contract::access::IssuedKey;
use ledger_contract::headers::Headers;
use ledger_contract::records::Via;
use ledger_contract::{commands, subjects};
use ledger_domain::principal::Role;
use ledger_engine::{Caller, CommandRequest, Engine, Executed, Received};
use serde_json::{Value, json};

use super::Rights;
use crate::ledger::HOME;

/// A principal that commands are about, and one of its keys.
pub(crate) const TARGET: &str = "target";

/// Somebody with a key.
#[derive(Debug)]
pub(crate) struct Actor {
    pub(crate) name: String,
    pub(crate) key: String,
    pub(crate) rights: Rights,
}

/// Everyone.
#[derive(Debug)]
pub(crate) struct Cast {
    pub(crate) actors: Vec<Actor>,
    /// Headers that open nothing, with the code that each is answered with.
    pub(crate) strangers: Vec<(Option<String>, &'static str)>,
    /// The id of a key of [`TARGET`].
    pub(crate) target_key: String,
}

/// Does something to a principal, as the ledger itself.
pub(crate) async fn govern(engine: &Engine, verb: &str, body: &Value) -> Executed {
    let body = body.to_string().into_bytes();
    let workspace = subjects::ledger_workspace();
    let command = commands::parse(verb, &workspace, None, &body).expect("a good body");
    let request = CommandRequest {
        received: Received::default(),
        workspace,
        command,
        context: engine.context(Caller::system("user:admin"), Via::System, Headers::default()),
    };
    engine.execute(request).await.unwrap_or_else(|problem| panic!("{verb}: {problem}"))
}

/// Makes a principal with these grants.
pub(crate) async fn principal(engine: &Engine, name: &str, grants: &Value) -> IssuedKey {
    let body = json!({ "principal": name, "kind": "service", "grants": grants });
    govern(engine, "create-principal", &body).await;
    key(engine, &json!({ "principal": name })).await
}

async fn key(engine: &Engine, body: &Value) -> IssuedKey {
    govern(engine, "issue-key", body).await.api_key.expect("a key is told once")
}

impl Cast {
    /// Makes them all known to a ledger.
    pub(crate) async fn of(engine: &Engine) -> Self {
        let mut actors = Vec::new();
        for role in Role::ALL.iter().copied() {
            for everywhere in [false, true] {
                let name = format!("{role}-{}", if everywhere { "everywhere" } else { "home" });
                let mut grant = json!({ "role": role.as_str() });
                if !everywhere {
                    grant["workspaces"] = json!([HOME]);
                }
                let key = principal(engine, &name, &json!([grant])).await.key.clone();
                let rights = Rights { role: Some(role), everywhere };
                actors.push(Actor { name, key, rights });
            }
        }
        let nobody = principal(engine, "nobody", &json!([])).await.key.clone();
        let rights = Rights { role: None, everywhere: false };
        actors.push(Actor { name: "nobody".to_owned(), key: nobody, rights });
        let target_key = principal(engine, TARGET, &json!([{ "role": "admin" }])).await.id.clone();
        let strangers = strangers(engine).await;
        Self { actors, strangers, target_key }
    }
}

/// Makes keys of somebody who may do everything, and spoils them.
async fn strangers(engine: &Engine) -> Vec<(Option<String>, &'static str)> {
    let past = json!({ "principal": TARGET, "expires_at": "2020-01-01T00:00:00Z" });
    let expired = key(engine, &past).await.key.clone();
    let revoked = key(engine, &json!({ "principal": TARGET })).await;
    let revoke = json!({ "principal": TARGET, "key": revoked.id });
    govern(engine, "revoke-key", &revoke).await;
    let off = principal(engine, "off", &json!([{ "role": "admin" }])).await.key.clone();
    govern(engine, "disable-principal", &json!({ "principal": "off" })).await;
    let (almost, _) = expired.split_at(expired.len() - 1);
    let bearer = |key: &str| Some(format!("Bearer {key}"));
    vec![
        (None, "credential_missing"),
        (bearer("sk_test_k3x9a2bq71ce_unknown"), "credential_invalid"),
        (bearer(almost), "credential_invalid"),
        (Some(format!("Basic {expired}")), "credential_invalid"),
        (bearer(&expired), "credential_expired"),
        (bearer(&revoked.key), "credential_revoked"),
        (bearer(&off), "credential_revoked"),
    ]
}
