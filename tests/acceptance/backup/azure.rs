//! Backups at a server that speaks the protocol of Azure Blob Storage.

use super::azure_server::{AzureServer, CONTAINER, variables};
use super::round_trip::goes_there_and_comes_back;
use super::{Stopped, expect_code, told};
use crate::output::said;

fn target() -> String {
    format!("az://{CONTAINER}/ledger/main")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_is_backed_up_to_azure_and_restored_from_it() {
    let server = AzureServer::start().await;
    goes_there_and_comes_back(&target(), &variables(&server.url())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_azure_store_that_is_away_or_does_not_know_the_key_is_named() {
    let ledger = Stopped::with(5).await;
    let mut server = AzureServer::start().await;
    let (url, target) = (server.url(), target());
    let good = variables(&url);
    let no_container = ledger.try_back_up("az://elsewhere/ledger", &good).await;
    expect_code(&no_container, "backup_target_unavailable");
    let wrong = [&good[..], &[("AZURE_STORAGE_ACCOUNT_KEY", "Y2FuYXJ5")]].concat();
    let refused = ledger.try_back_up(&target, &wrong).await;
    expect_code(&refused, "backup_target_refused");
    assert!(!said(&refused).contains("Y2FuYXJ5"), "{}", said(&refused));
    told(&ledger.try_back_up(&target, &good).await);
    server.stop().await;
    let away = ledger.try_back_up(&target, &good).await;
    expect_code(&away, "backup_target_unavailable");
}
