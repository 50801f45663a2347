//! HashiCorp Vault or OpenBao.

use ledger_key_sources::testing::{TOKEN, TransitServer};
use serde_json::json;

use super::{create, reveal, reveal_over_http, run, unrevealed};
use crate::canary::{expect_silence_in, secret};
use crate::service::Service;
use crate::wait::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_a_vault_is_asked_for_at_each_reveal_and_its_faults_are_told() {
    let vault = TransitServer::start().await;
    let (first, second) = (secret(1), secret(2));
    vault.put_secret("team/openai", json!({"key": first, "account": {"id": 7}}));
    let under = ["env", &format!("VAULT_ADDR={}", vault.url()), &format!("VAULT_TOKEN={TOKEN}")];
    let args = [
        "--nats",
        "managed",
        "--reference-cache",
        "0s",
        "--reference-timeout",
        "2s",
        "--allow-reference",
        "vault:kv/team/*",
    ];
    let mut service = Service::start_under(&under, &args).await;
    create(&service, "main", "vault:kv/team/openai#key").await;
    create(&service, "account", "vault+json:kv/team/openai#account").await;
    assert_eq!(vault.requests(), 0, "nobody is asked before a reveal");
    assert_eq!(reveal(&service, "main").await, first);
    assert_eq!(reveal(&service, "account").await, "{\"id\":7}");
    vault.put_secret("team/openai", json!({"key": second}));
    assert_eq!(reveal(&service, "main").await, second);
    let told = unrevealed(&service, "account", "reference_unusable").await;
    assert!(told.contains("lacks the key"), "{told}");

    vault.forbid("kv/data/team/openai");
    let told = unrevealed(&service, "main", "reference_unusable").await;
    assert!(
        told.contains("vault:kv/team/openai#key") && told.contains("permission denied"),
        "{told}"
    );
    vault.set_sealed(true);
    let told = unrevealed(&service, "main", "reference_unavailable").await;
    assert!(told.contains("Vault is sealed"), "{told}");
    vault.set_sealed(false);
    vault.set_silent(true);
    let told = unrevealed(&service, "main", "reference_unavailable").await;
    assert!(told.contains("did not answer within 2000 ms"), "{told}");

    // A stop while a service is silent waits no longer than the time limit.
    let asked = vault.requests();
    let ((), answered) = tokio::join!(
        async {
            eventually("the service is asked", || {
                std::future::ready((vault.requests() > asked).then_some(()))
            })
            .await;
            service.signal(nix::sys::signal::Signal::SIGTERM);
        },
        reveal_over_http(&service, "main"),
    );
    assert_eq!(answered.0, 503, "{}", answered.1);
    assert!(service.ended().await.success());
    vault.set_silent(false);
    expect_silence_in(service.folder());
    service.start_again().await;
    let events = run(&service, &["history", "main", "--type", "secret_revealed", "--json"]).await;
    assert_eq!(events.lines().count(), 6, "each attempt was recorded: {events}");
}
