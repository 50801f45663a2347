//! HashiCorp Vault or OpenBao.

use std::fs;

use ledger_key_sources::testing::{TOKEN, TransitServer};

use super::last_part;
use crate::backup::{expect_code, run};
use crate::output::{said, text};
use crate::service::Service;

const MANAGED: [&str; 2] = ["--nats", "managed"];
const SECRET: &str = "sk-before-the-move-1";

/// Returns what a connection reveals.
async fn revealed(service: &Service) -> String {
    let revealed = service.run(&["reveal", "main", "--field", "k", "--reason", "test"]).await;
    assert!(revealed.status.success(), "{}", said(&revealed));
    String::from_utf8(revealed.stdout).expect("text")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_moves_into_a_key_service_and_out_again_unchanged() {
    let vault = TransitServer::start().await;
    let (address, token) = (vault.url(), TOKEN);
    let under = ["env", &format!("VAULT_ADDR={address}"), &format!("VAULT_TOKEN={token}")];
    let variables = [("VAULT_ADDR", address.as_str()), ("VAULT_TOKEN", token)];
    let mut service = Service::start_under(&under, &MANAGED).await;
    let create = ["create", "--slug", "main", "--provider", "x", "--secret"];
    let created = service.run(&[&create[..], &[&format!("k={SECRET}")]].concat()).await;
    assert!(created.status.success(), "{}", said(&created));
    assert!(service.stop().await.success());

    let clear = service.data_dir().join("dev-master.key");
    let wrapped = service.folder().join("wrapped.key");
    let with = ["--with", "transit:transit/ledger", "--out", text(&wrapped)];
    let wrap = [&["keys", "wrap", "--master-key-file", text(&clear)], &with[..]].concat();
    let done = run(&wrap, &variables).await;
    assert!(done.status.success() && said(&done).contains("hint: start the server"), "{done:?}");
    let again = run(&wrap, &variables).await;
    assert!(said(&again).contains("is there already"), "{}", said(&again));
    let (key, ciphertext) = (last_part(&clear), last_part(&wrapped));
    fs::remove_file(&clear).expect("it is not needed any more");

    service.add_args(&["--master-key-file", text(&wrapped)]);
    service.start_again().await;
    assert!(revealed(&service).await.contains(SECRET));
    vault.set_sealed(true);
    assert!(revealed(&service).await.contains(SECRET), "what is held goes on");
    let rotate = ["keys", "rotate"];
    let refused = service.run(&rotate).await;
    expect_code(&refused, "master_keys_unreadable");
    assert!(said(&refused).contains("Vault is sealed"), "{}", said(&refused));
    vault.set_sealed(false);
    let next = service.folder().join("next.key");
    let with = ["--add-key", "--with", "transit:transit/ledger", "--out", text(&next)];
    let wrap = [&["keys", "wrap", "--master-key-file", text(&wrapped)], &with[..]].concat();
    let added = run(&wrap, &variables).await;
    assert!(added.status.success(), "{}", said(&added));
    fs::rename(&next, &wrapped).expect("it takes the place of the former one");
    let rotated = service.run(&rotate).await;
    assert!(rotated.status.success(), "{}", said(&rotated));
    assert!(revealed(&service).await.contains(SECRET));
    vault.set_sealed(true);
    assert!(service.stop().await.success());

    let verify = ["replay", "--verify", "--master-key-file", text(&wrapped)];
    let away = service.command(&verify).envs(variables).output().await.expect("it runs");
    expect_code(&away, "key_service_unavailable");
    assert_eq!(away.status.code(), Some(3), "{}", said(&away));
    vault.set_sealed(false);
    let back = service.folder().join("back.key");
    let unwrap = ["keys", "unwrap", "--master-key-file", text(&wrapped), "--out", text(&back)];
    let unwrapped = run(&unwrap, &variables).await;
    assert!(unwrapped.status.success(), "{}", said(&unwrapped));
    assert_eq!(last_part(&back), key);
    for output in [&done, &away, &unwrapped] {
        let shown = format!("{} {}", said(output), String::from_utf8_lossy(&output.stdout));
        assert!(
            ![key.as_str(), &ciphertext, token].iter().any(|secret| shown.contains(secret)),
            "{shown}"
        );
    }
    let log = service.log();
    assert!(![key.as_str(), &ciphertext, token].iter().any(|secret| log.contains(secret)), "{log}");
}
