//! A ledger that is restored while everybody goes on: what they know in the end is what the ledger
//! lists, they are told why, and nobody has to be started again.
//!
//! Both histories go on differently from the same position, and the new one passes the old one's
//! end. So whoever compared positions alone would take events of one for those of the other.

mod feed;
mod receivers;
mod stage;

use receivers::Receivers;
use stage::{Folder, Stage};

/// Restores a ledger to where it was before other changes, and goes on otherwise.
async fn expect_everybody_to_follow(mut stage: Stage, folder: Folder) {
    stage.begin().await;
    let mut receivers = Receivers::start(&stage).await;
    receivers.until_equal(&stage).await;
    stage.export().await;
    stage.go_on().await;
    receivers.until_equal(&stage).await;
    receivers.expect_nothing_told();
    let before = stage.service().incarnation().await;
    let lost = stage.service().wait_until_published().await;

    stage.restore(folder).await;
    stage.go_otherwise(lost).await;
    let after = stage.service().incarnation().await;
    assert_ne!(before, after);
    receivers.expect_values().await;
    receivers.until_equal(&stage).await;
    receivers.expect_told(&before, &after).await;
    stage.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_follows_a_restore_beside_the_newer_streams_of_the_managed_server() {
    expect_everybody_to_follow(Stage::managed().await, Folder::Same).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_follows_a_restore_into_an_empty_folder_with_the_managed_server() {
    expect_everybody_to_follow(Stage::managed().await, Folder::Other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_follows_a_restore_when_the_streams_of_a_server_with_users_are_adopted() {
    expect_everybody_to_follow(Stage::with_users().await, Folder::Other).await;
}
