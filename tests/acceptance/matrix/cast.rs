//! Everyone who asks: each role at home, abroad and everywhere, somebody without rights, and
//! credentials that open nothing.

use std::sync::Arc;

use ledger_contract::access::IssuedKey;
use ledger_contract::headers::Headers;
use ledger_contract::records::Via;
use ledger_contract::{commands, subjects};
use ledger_domain::{CheckedText as _, Line};
use ledger_engine::{
    AuthenticateError, Caller, CommandRequest, Engine, Executed, Received, VerifyToken,
};
use serde_json::{Value, json};

use super::{Reach, Rights};
use crate::ledger::{ABROAD, HOME};

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
        for rights in Rights::all() {
            let (name, grants) = match (rights.role, rights.reach) {
                (None, _) => ("nobody".to_owned(), json!([])),
                (Some(role), Reach::Home) => (
                    format!("{role}-home"),
                    json!([{ "role": role.as_str(), "workspaces": [HOME] }]),
                ),
                (Some(role), Reach::Abroad) => (
                    format!("{role}-abroad"),
                    json!([{ "role": role.as_str(), "workspaces": [ABROAD] }]),
                ),
                (Some(role), Reach::Everywhere) => {
                    (format!("{role}-everywhere"), json!([{ "role": role.as_str() }]))
                }
            };
            let key = principal(engine, &name, &grants).await.key.clone();
            actors.push(Actor { name, key, rights });
        }
        let target_key = principal(engine, TARGET, &json!([{ "role": "admin" }])).await.id.clone();
        let strangers = strangers(engine).await;
        Self { actors, strangers, target_key }
    }
}

/// The credentials that open nothing, with the code that each is answered with.
pub(crate) const STRANGERS: [(&str, &str); 8] = [
    ("no credential", "credential_missing"),
    ("an unknown key", "credential_invalid"),
    ("a key but for its last character", "credential_invalid"),
    ("a key in another scheme", "credential_invalid"),
    ("an expired key of an administrator", "credential_expired"),
    ("a revoked key of an administrator", "credential_revoked"),
    ("a key of a disabled administrator", "credential_revoked"),
    ("a token of a blocked administrator", "credential_revoked"),
];

/// A token of somebody who may do everything.
const TOKEN: &str = "token.of.mallory";

/// An identity provider that issued one token.
#[derive(Debug)]
struct OneToken;

impl VerifyToken for OneToken {
    fn verify(&self, token: &str) -> Result<Caller, AuthenticateError> {
        if token != TOKEN {
            return Err(AuthenticateError::TokenInvalid);
        }
        let subject = Line::stored("mallory".into());
        Ok(Caller::system("oidc:mallory").with_token(subject, None))
    }
}

/// Makes credentials of somebody who may do everything, and spoils them.
async fn strangers(engine: &Engine) -> Vec<(Option<String>, &'static str)> {
    let past = json!({ "principal": TARGET, "expires_at": "2020-01-01T00:00:00Z" });
    let expired = key(engine, &past).await.key.clone();
    let revoked = key(engine, &json!({ "principal": TARGET })).await;
    let revoke = json!({ "principal": TARGET, "key": revoked.id });
    govern(engine, "revoke-key", &revoke).await;
    let off = principal(engine, "off", &json!([{ "role": "admin" }])).await.key.clone();
    govern(engine, "disable-principal", &json!({ "principal": "off" })).await;
    engine.set_token_verifier(Arc::new(OneToken));
    let bearer = |key: &str| Some(format!("Bearer {key}"));
    assert!(engine.authenticate(bearer(TOKEN).as_deref()).is_ok(), "a good token");
    govern(engine, "block-token", &json!({ "subject": "mallory" })).await;
    let (almost, _) = expired.split_at(expired.len() - 1);
    let headers = [
        None,
        bearer("sk_test_k3x9a2bq71ce_unknown"),
        bearer(almost),
        Some(format!("Basic {expired}")),
        bearer(&expired),
        bearer(&revoked.key),
        bearer(&off),
        bearer(TOKEN),
    ];
    headers.into_iter().zip(STRANGERS.map(|(_, code)| code)).collect()
}
