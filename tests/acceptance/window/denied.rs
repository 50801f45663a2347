//! A NATS user that lacks a right.

use async_nats::jetstream;
use ledger_bus::Adopts;

use super::{STREAM, cut_by, edit_by, info, named, owned, start_with, status};
use crate::compare::{bucket_stream, expect_equal};
use crate::ledger::Ledger;
use crate::nats_server::NatsServer;
use crate::wait::eventually;

/// A server on which the ledger may not send to a subject.
fn without(subject: &str) -> NatsServer {
    NatsServer::start_with(&format!(
        "authorization {{ users = [\n\
         {{ user: admin, password: a }}\n\
         {{ user: ledger, password: l, permissions {{\n\
           publish {{ deny: [\"{subject}\"] }} }} }}\n\
         ] }}\n"
    ))
}

/// Connects as an administrator of the server.
async fn admin(server: &NatsServer) -> async_nats::Client {
    eventually("the server is there", async || {
        let login = ("admin".to_owned(), "a".to_owned());
        let options = async_nats::ConnectOptions::with_user_and_password(login.0, login.1);
        options.connect(server.url()).await.ok()
    })
    .await
}

const DELETIONS: &str = "$JS.API.STREAM.DELETE.>";
const BY_HAND: [&str; 2] =
    ["nats stream rm LEDGER_EVENTS -f", "nats stream rm KV_ledger-connections -f"];

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_delete_the_ledger_goes_on_and_says_what_an_administrator_runs() {
    let server = without(DELETIONS);
    let ledger = Ledger::new().await;
    let bus = start_with(&ledger, server.url_of("ledger", "l"), |_| {}).await;
    owned(&ledger).await;
    ledger.create("main").await;
    let admin = admin(&server).await;
    expect_equal(&admin, &ledger.engine).await;
    let jetstream = jetstream::new(admin.clone());

    // The bucket is deleted while the stream holds the newest event only.
    cut_by(&jetstream, STREAM).await;
    jetstream.delete_stream(bucket_stream()).await.expect("an administrator may");
    for part in [BY_HAND[0], BY_HAND[1], "this ledger may not delete LEDGER_EVENTS"] {
        named(&ledger, part).await;
    }
    assert_eq!(status(&ledger)["owner"], true);
    ledger.create("goes-on").await;
    eventually("it is published", async || {
        let head = ledger.engine.head().get();
        (info(&jetstream, STREAM).await?.state.last_sequence == head).then_some(())
    })
    .await;

    for name in [STREAM.to_owned(), bucket_stream()] {
        jetstream.delete_stream(name).await.expect("an administrator may");
    }
    eventually("nothing differs", async || status(&ledger)["drift"].is_null().then_some(())).await;
    expect_equal(&admin, &ledger.engine).await;
    assert_eq!(status(&ledger)["owner"], true);
    bus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_delete_an_adoption_says_what_an_administrator_runs() {
    let server = without(DELETIONS);
    let mut ledger = Ledger::new().await;
    let url = server.url_of("ledger", "l");
    let bus = start_with(&ledger, url.clone(), |_| {}).await;
    owned(&ledger).await;
    let admin = admin(&server).await;
    expect_equal(&admin, &ledger.engine).await;
    ledger = super::restored(ledger, bus).await;
    let bus = start_with(&ledger, url, |options| options.adopts = Adopts::Once).await;
    let refusal = eventually("it is refused", async || {
        let refusal = status(&ledger)["refusal"].as_str()?.to_owned();
        refusal.contains("this ledger may not delete KV_ledger-connections").then_some(refusal)
    })
    .await;
    for command in BY_HAND {
        assert!(refusal.contains(command), "{refusal}");
    }
    let jetstream = jetstream::new(admin.clone());
    for name in [STREAM.to_owned(), bucket_stream()] {
        jetstream.delete_stream(name).await.expect("an administrator may");
    }
    owned(&ledger).await;
    expect_equal(&admin, &ledger.engine).await;
    bus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_left_over_has_no_say() {
    let server = without(DELETIONS);
    let ledger = Ledger::new().await;
    let url = server.url_of("ledger", "l");
    let bus = start_with(&ledger, url.clone(), |_| {}).await;
    owned(&ledger).await;
    let admin = admin(&server).await;
    expect_equal(&admin, &ledger.engine).await;
    bus.shutdown().await;
    let jetstream = jetstream::new(admin);
    let stranger = "00000000-0000-7000-8000-000000000000";
    edit_by(&jetstream, &bucket_stream(), |config| {
        config.metadata.insert("ledger_incarnation".to_owned(), stranger.to_owned());
    })
    .await;

    let bus = start_with(&ledger, url, |options| options.bucket = false).await;
    owned(&ledger).await;
    named(&ledger, "KV_ledger-connections: is left over and still filled").await;
    ledger.create("main").await;
    let head = ledger.engine.head().get();
    eventually("the stream goes on, and the status tells of no bucket", async || {
        let window = &status(&ledger)["window"];
        (window["last_position"] == head && window["bucket_position"].is_null()).then_some(())
    })
    .await;
    bus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_change_the_bucket_of_the_lease_the_status_says_so() {
    let server = without("$JS.API.STREAM.UPDATE.KV_ledger-owner");
    let ledger = Ledger::new().await;
    let url = server.url_of("ledger", "l");
    let bus = start_with(&ledger, url.clone(), |_| {}).await;
    owned(&ledger).await;
    bus.shutdown().await;
    let bus = start_with(&ledger, url, |options| options.replicas = Some(3)).await;
    named(&ledger, "the NATS user of this ledger may not change KV_ledger-owner").await;
    bus.shutdown().await;
}
