//! References into a Vault, over real HTTP, and to variables.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt as _;
use std::time::Duration;

use futures::future::join_all;
use ledger_domain::{EventId, Reference, ReferenceFormat, ReferenceKind, WorkspaceName};
use ledger_outgoing::Plain;
use ledger_vault::Disclosure;
use serde_json::json;

use super::{FollowError, FollowFault, ReferenceOptions, References};
use crate::reader::Settings;
use crate::testing::{APP_ROLE, TOKEN, TransitServer};

const CANARY: &str = "cnry-7f3a91e04bd2-tweet";

thread_local! {
    static VARIABLES: std::cell::RefCell<Vec<(String, OsString)>> = const {
        std::cell::RefCell::new(Vec::new())
    };
}

fn set(name: &str, value: impl Into<OsString>) {
    VARIABLES.with_borrow_mut(|known| known.push((name.to_owned(), value.into())));
}

fn variable(name: &OsStr) -> Option<OsString> {
    let find = |known: &Vec<(String, OsString)>| {
        known
            .iter()
            .rev()
            .find(|(known, _)| OsStr::new(known) == name)
            .map(|(_, value)| value.clone())
    };
    VARIABLES.with_borrow(find).filter(|value| !value.is_empty())
}

fn references(allowed: &[&str], keep: Duration) -> References {
    References::new(ReferenceOptions {
        allowed: allowed.iter().map(|text| text.parse().expect("it is one")).collect(),
        settings: Settings { variables: variable, plain: Plain::Here },
        own_variables: vec!["VAULT_TOKEN".to_owned()],
        time_max: Duration::from_secs(10),
        keep,
    })
}

async fn follow(
    references: &References,
    kind: ReferenceKind,
    name: &str,
) -> Result<String, FollowError> {
    let recorded = Disclosure::recorded(EventId::from_bytes([1; 16]));
    let workspace = WorkspaceName::parse("w", "default").expect("a name");
    let reference = Reference::parse("k", kind, name, None, ReferenceFormat::String);
    let found = references.follow(&workspace, &reference.expect("a reference")).await?;
    Ok(String::from_utf8(found.expose(&recorded).to_vec()).expect("text"))
}

fn vault(server: &TransitServer) {
    set("VAULT_ADDR", server.url());
    set("VAULT_TOKEN", TOKEN);
    server.put_secret("team/a", json!({ "key": CANARY }));
}

fn refusal(found: Result<String, FollowError>, fault: FollowFault, part: &str) {
    let error = found.expect_err("it is refused");
    assert_eq!(error.fault, fault, "{error}");
    assert!(error.cause.contains(part) && !error.cause.contains(CANARY), "{error}");
}

#[tokio::test]
async fn a_secret_of_the_kv_engine_is_read_as_a_json_object() {
    let server = TransitServer::start().await;
    vault(&server);
    let references = references(&["vault:kv/team/*"], Duration::ZERO);
    let found = follow(&references, ReferenceKind::Vault, "kv/team/a").await;
    assert_eq!(found, Ok(format!("{{\"key\":\"{CANARY}\"}}")));
    server.put_secret("team/a", json!({ "key": "new" }));
    let found = follow(&references, ReferenceKind::Vault, "kv/team/a").await;
    assert_eq!(found.as_deref(), Ok("{\"key\":\"new\"}"), "what is read is the newest");
}

#[tokio::test]
async fn each_refusal_of_a_vault_is_told_without_what_is_there() {
    let server = TransitServer::start().await;
    vault(&server);
    let references = references(&["vault:kv/*", "vault:other/*"], Duration::ZERO);
    let ask = async |name: &str| follow(&references, ReferenceKind::Vault, name).await;
    refusal(ask("kv/none").await, FollowFault::Unusable, "no such secret");
    refusal(ask("other/a").await, FollowFault::Unusable, "no such secret");
    refusal(ask("secret/a").await, FollowFault::NotAllowed, "--allow-reference");
    server.put_secret("team/a", json!(null));
    refusal(ask("kv/team/a").await, FollowFault::Unusable, "deleted");
    server.put_secret("team/a", json!({ "key": "x".repeat(70_000) }));
    refusal(ask("kv/team/a").await, FollowFault::Unusable, "larger than 64 KiB");
    server.put_secret("team/a", json!({ "key": CANARY }));
    server.forbid("kv/data/team/a");
    let requests = server.requests();
    refusal(ask("kv/team/a").await, FollowFault::Unusable, "permission denied");
    assert_eq!(server.requests(), requests + 2, "a token that is known is not replaced");
    server.set_sealed(true);
    refusal(ask("kv/team/a").await, FollowFault::Away, "Vault is sealed");
    server.set_sealed(false);
    server.redirect_to("http://127.0.0.1:1");
    refusal(ask("kv/team/a").await, FollowFault::Unusable, "redirects");
    drop(server);
    refusal(ask("kv/team/a").await, FollowFault::Away, "Vault: ");
}

#[tokio::test]
async fn a_login_that_the_server_forgot_is_replaced_once_and_given_back_in_the_end() {
    let server = TransitServer::start().await;
    vault(&server);
    set("VAULT_TOKEN", "");
    let [role, secret] = APP_ROLE;
    set("VAULT_ROLE_ID", role);
    set("VAULT_SECRET_ID", secret);
    let references = references(&["vault:kv/*"], Duration::ZERO);
    let ask = async || follow(&references, ReferenceKind::Vault, "kv/team/a").await;
    assert!(ask().await.is_ok() && ask().await.is_ok());
    assert_eq!(server.logins(), 1);
    server.forget_tokens();
    assert!(ask().await.is_ok());
    assert_eq!((server.logins(), server.tokens()), (2, 1));
    references.finish().await;
    assert_eq!(server.tokens(), 0);
}

#[tokio::test]
async fn who_wants_the_same_at_once_waits_for_one_answer_which_is_kept_for_a_moment() {
    let server = TransitServer::start().await;
    vault(&server);
    let references = references(&["vault:kv/*"], Duration::from_millis(200));
    let all = join_all((0..20).map(|_| follow(&references, ReferenceKind::Vault, "kv/team/a")));
    assert!(all.await.iter().all(Result::is_ok));
    assert_eq!(server.requests(), 1);
    assert!(follow(&references, ReferenceKind::Vault, "kv/team/a").await.is_ok());
    assert_eq!(server.requests(), 1);
    server.put_secret("team/a", json!({ "key": "new" }));
    let changed = async || {
        let found = follow(&references, ReferenceKind::Vault, "kv/team/a").await;
        found.is_ok_and(|found| found.contains("new"))
    };
    while !changed().await {
        tokio::task::yield_now().await;
    }
    assert!(server.requests() >= 2);
}

#[tokio::test]
async fn a_silent_service_is_given_up_after_the_time_limit() {
    let server = TransitServer::start().await;
    vault(&server);
    server.set_silent(true);
    let mut references = references(&["vault:kv/*"], Duration::ZERO);
    references.options.time_max = Duration::from_millis(50);
    let slow = follow(&references, ReferenceKind::Vault, "kv/team/a").await;
    refusal(slow, FollowFault::Away, "did not answer within 50 ms");
    server.set_silent(false);
    references.options.time_max = Duration::from_secs(10);
    assert!(follow(&references, ReferenceKind::Vault, "kv/team/a").await.is_ok());
}

#[tokio::test]
async fn a_variable_is_text_that_is_set_and_not_the_servers_own() {
    let references =
        references(&["env:TEAM_*", "env:VAULT_TOKEN", "env:CONNLEDGER_*"], Duration::ZERO);
    let ask = async |name: &str| follow(&references, ReferenceKind::Environment, name).await;
    set("TEAM_KEY", CANARY);
    assert_eq!(ask("TEAM_KEY").await.as_deref(), Ok(CANARY));
    refusal(ask("TEAM_NONE").await, FollowFault::Unusable, "not set");
    set("TEAM_BYTES", OsString::from_vec(vec![b'a', 0xff]));
    refusal(ask("TEAM_BYTES").await, FollowFault::Unusable, "not text in UTF-8");
    set("TEAM_LONG", "x".repeat(65 * 1024));
    refusal(ask("TEAM_LONG").await, FollowFault::Unusable, "larger than 64 KiB");
    for own in ["VAULT_TOKEN", "CONNLEDGER_KEY"] {
        refusal(ask(own).await, FollowFault::NotAllowed, "belongs to the server itself");
    }
    refusal(ask("PATH").await, FollowFault::NotAllowed, "--allow-reference");
}
