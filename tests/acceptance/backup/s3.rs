//! Backups at a server that speaks the protocol of S3.

use serde_json::json;

use super::s3_server::{BUCKET, S3Server, proxy_without_answers, variables};
use super::{Stopped, expect_code, run, said, seen, serve_restored, text, told};
use crate::service::Service;

fn target() -> String {
    format!("s3://{BUCKET}/ledger/main")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_is_backed_up_to_s3_and_restored_from_it() {
    let mut ledger = Stopped::with(40).await;
    let server = S3Server::start().await;
    let (url, target) = (server.url(), target());
    let variables = variables(&url);
    let first = told(&ledger.try_back_up(&target, &variables).await);
    ledger.service.start_again().await;
    super::load(&ledger.service, 40..45).await;
    let remembered = seen(&ledger.service).await;
    assert!(ledger.service.stop().await.success());
    let second = told(&ledger.try_back_up(&target, &variables).await);
    assert!(second["events_written"].as_u64() < first["events_written"].as_u64());
    let from = ["--from", &target, "--json"];
    let listed = run(&[&["backup", "list"], &from[..]].concat(), &variables).await;
    assert_eq!(String::from_utf8_lossy(&listed.stdout).lines().count(), 2, "{}", said(&listed));
    let key = ledger.key();
    let key = ["--master-key-file", text(&key)];
    let verified = run(&[&["backup", "verify"], &from[..], &key].concat(), &variables).await;
    assert_eq!(told(&verified)["authentic"], true);
    let pruned = ["backup", "prune", "--keep-last", "1"];
    let pruned = told(&run(&[&pruned[..], &from].concat(), &variables).await);
    assert_eq!(pruned["kept"], json!(1));

    let mut restored = Service::nowhere(&super::MANAGED);
    let into = restored.data_dir();
    let restore = ["backup", "restore", "--data-dir", text(&into)];
    let report = told(&run(&[&restore[..], &from, &key].concat(), &variables).await);
    assert_eq!(report["position"], second["position"]);
    serve_restored(&ledger.service, &mut restored).await;
    assert_eq!(seen(&restored).await, remembered);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_slow_or_does_not_know_the_credentials_is_named() {
    let ledger = Stopped::with(5).await;
    let mut server = S3Server::start().await;
    let (url, target) = (server.url(), target());
    let good = variables(&url);
    let no_bucket = ledger.try_back_up("s3://elsewhere/ledger", &good).await;
    expect_code(&no_bucket, "backup_target_unavailable");

    let slow_url = proxy_without_answers(server.port()).await;
    let slow = [variables(&slow_url), vec![("CONNLEDGER_BACKUP_TIMEOUT", "1")]].concat();
    expect_code(&ledger.try_back_up(&target, &slow).await, "backup_target_slow");

    let [id, secret] = server.ask_for_credentials().await;
    let with = |id, secret| {
        let own = [("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret)];
        [&good[..], &own].concat()
    };
    for wrong in [with("AKIACANARY", "canary-secret"), with(&id, "canary-secret")] {
        let refused = ledger.try_back_up(&target, &wrong).await;
        expect_code(&refused, "backup_target_refused");
        assert!(!said(&refused).to_lowercase().contains("canary"), "{}", said(&refused));
    }
    told(&ledger.try_back_up(&target, &with(&id, &secret)).await);
    server.stop().await;
    let away = ledger.try_back_up(&target, &with(&id, &secret)).await;
    expect_code(&away, "backup_target_unavailable");
    assert_eq!(away.status.code(), Some(3), "{}", said(&away));
}
