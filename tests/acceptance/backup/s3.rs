//! Backups at a server that speaks the protocol of S3.

use super::round_trip::goes_there_and_comes_back;
use super::s3_server::{BUCKET, S3Server, proxy_without_answers, variables};
use super::{Stopped, expect_code, told};
use crate::output::said;

fn target() -> String {
    format!("s3://{BUCKET}/ledger/main")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_is_backed_up_to_s3_and_restored_from_it() {
    let server = S3Server::start().await;
    goes_there_and_comes_back(&target(), &variables(&server.url())).await;
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
