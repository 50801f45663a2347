//! JWTs and credentials files of NATS, made by hand.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use serde_json::{Value, json};

/// Signs a JWT: who says it, of whom, and what.
pub(crate) fn jwt(issuer: &KeyPair, subject: &KeyPair, claims: &Value) -> String {
    let header = json!({"typ": "JWT", "alg": "ed25519-nkey"});
    let body = json!({
        "jti": subject.public_key(), "iat": 1, "iss": issuer.public_key(),
        "sub": subject.public_key(), "name": "test", "nats": claims,
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&body));
    let signature = issuer.sign(signed.as_bytes()).expect("it has its seed");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Returns a credentials file of a user of an account who may publish and hear what is said, each
/// as `{}` or `{"allow": [..]}`.
pub(crate) fn credentials(account: &KeyPair, publish: &Value, hear: &Value) -> String {
    let user = KeyPair::new_user();
    let claims = json!({
        "pub": publish, "sub": hear, "subs": -1, "data": -1, "payload": -1,
        "type": "user", "version": 2,
    });
    let jwt = jwt(account, &user, &claims);
    let seed = user.seed().expect("it has one");
    format!(
        "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )
}

/// Returns the claims of an account, with JetStream or without.
pub(crate) fn account(jetstream: bool) -> Value {
    let mut limits = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1,
        "wildcards": true, "conn": -1, "leaf": -1,
    });
    if jetstream {
        for limit in ["mem_storage", "disk_storage", "streams", "consumer"] {
            limits[limit] = json!(-1);
        }
    }
    json!({"limits": limits, "type": "account", "version": 2})
}

/// Returns the lines by which a server knows an operator and these accounts, of which the first is
/// its own.
pub(crate) fn trusting(operator: &KeyPair, accounts: &[(&KeyPair, Value)]) -> String {
    let claims = json!({"type": "operator", "version": 2});
    let (system, _) = accounts.first().expect("an account for the server");
    let known = accounts.iter().map(|(account, claims)| {
        format!("  {}: {}\n", account.public_key(), jwt(operator, account, claims))
    });
    format!(
        "operator: {}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload {{\n{}}}\n",
        jwt(operator, operator, &claims),
        system.public_key(),
        known.collect::<String>(),
    )
}
