//! A start whose key service is away, or refuses.

use std::process::Output;

use ledger_key_sources::testing::{APP_ROLE, TOKEN, TransitServer};
use serde_json::Value;
use tokio::process::Command;

use super::Keys;
use crate::backup::{expect_code, run};
use crate::output::{said, text};
use crate::settings;
use crate::wait::eventually;

/// A ledger whose master key a Vault wrapped when it was made.
struct Wrapped {
    vault: TransitServer,
    keys: Keys,
}

impl Wrapped {
    async fn new() -> Self {
        let made = Self { vault: TransitServer::start().await, keys: Keys::new() };
        let (data, key) = (made.keys.path("data"), made.keys.wrapped());
        let made_with = ["--wrap-with", "transit:transit/ledger", "--out"];
        let out = made.keys.path("admin.key");
        let init = ["init", "--data-dir", text(&data), "--master-key-file", &key];
        let init = [&init[..], &made_with, &[text(&out)]].concat();
        let done = run(&init, &made.variables()).await;
        assert!(done.status.success(), "{}", said(&done));
        assert!(said(&done).contains("wrapped by transit:transit/ledger"), "{}", said(&done));
        made
    }

    fn variables(&self) -> Vec<(&str, &str)> {
        // It lives as long as the test.
        let url: &'static str = Box::leak(self.vault.url().into_boxed_str());
        vec![("VAULT_ADDR", url), ("VAULT_TOKEN", TOKEN)]
    }

    fn serve(&self, more: &[&str]) -> Command {
        let (data, key) = (self.keys.path("data"), self.keys.wrapped());
        let mut command = Command::new(settings::connledger());
        command
            .args(["serve", "--nats", "off", "--listen", "127.0.0.1:0", "--data-dir", text(&data)])
            .args(["--master-key-file", &key])
            .args(more)
            .envs(self.variables())
            .kill_on_drop(true);
        command
    }

    async fn ended(&self, more: &[&str]) -> Output {
        self.serve(more).output().await.expect("it ends")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_waits_for_a_key_service_and_serves_when_it_is_back() {
    let ledger = Wrapped::new().await;
    ledger.vault.set_sealed(true);
    let before = ledger.vault.requests();
    let mut child =
        ledger.serve(&[]).stderr(std::process::Stdio::null()).spawn().expect("it starts");
    eventually("it asks again", async || (ledger.vault.requests() > before + 1).then_some(()))
        .await;
    let file = ledger.keys.path("data/server.json");
    assert!(!file.exists(), "it is not ready");
    ledger.vault.set_sealed(false);
    eventually("it serves", async || file.exists().then_some(())).await;
    child.kill().await.expect("it runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_gives_up_on_a_key_service_that_stays_away() {
    let ledger = Wrapped::new().await;
    ledger.vault.set_sealed(true);
    let before = ledger.vault.requests();
    let given_up = ledger.ended(&["--master-key-wait", "2s"]).await;
    expect_code(&given_up, "key_service_unavailable");
    assert_eq!(given_up.status.code(), Some(3));
    assert!(ledger.vault.requests() > before + 1, "it asked more than once");
    let shown = said(&given_up);
    assert!(shown.contains("503: Vault is sealed") && shown.contains("available yet"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_ends_a_start_at_once_and_says_what_to_do() {
    let ledger = Wrapped::new().await;
    ledger.vault.forget_tokens();
    let before = ledger.vault.requests();
    let refused = ledger.ended(&["--json"]).await;
    assert_eq!((refused.status.code(), ledger.vault.requests()), (Some(1), before + 1));
    let error: Value = serde_json::from_str(said(&refused).lines().last().expect("a line"))
        .expect("an error as JSON");
    assert_eq!(error["error"]["code"], "key_service_refused", "{error}");
    assert!(
        error["error"]["hint"].as_str().expect("a hint").contains("renew the token"),
        "{error}"
    );
    assert!(!said(&refused).contains(TOKEN), "{}", said(&refused));

    let role =
        [("VAULT_TOKEN", ""), ("VAULT_ROLE_ID", APP_ROLE[0]), ("VAULT_SECRET_ID", APP_ROLE[1])];
    let mut child = ledger.serve(&[]).envs(role).spawn().expect("it starts");
    let file = ledger.keys.path("data/server.json");
    eventually("an AppRole opens the key", async || file.exists().then_some(())).await;
    assert_eq!((ledger.vault.logins(), ledger.vault.tokens()), (1, 0), "its token is revoked");
    child.kill().await.expect("it runs");
}
