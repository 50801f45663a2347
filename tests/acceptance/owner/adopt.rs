//! Copies of one ledger that are told to make the streams anew.

use std::time::Duration;

use ledger_vault::Keyring;
use serde_json::{Value, json};

use super::{Instance, SHORT, copied, stream_length};
use crate::bucket_watcher::{BucketWatcher, Seen};
use crate::ledger::begin_another_history;
use crate::nats_server::NatsServer;
use crate::wait::eventually;

const LEASE: [&str; 2] = ["--nats-lease", SHORT];
const ADOPTING: [&str; 3] = ["--nats-lease", SHORT, "--adopt-stream"];

/// Returns when the stream was made, as text.
async fn created(nats: &NatsServer) -> Option<String> {
    let jetstream = async_nats::jetstream::new(nats.client().await);
    let stream = jetstream.get_stream("LEDGER_EVENTS").await.ok()?;
    Some(stream.cached_info().created.to_string())
}

/// Gives an instance that is stopped the name of another history, as a restore does.
fn restore(instance: &Instance) {
    let data_dir = instance.service.data_dir();
    let keyring = Keyring::read_file(data_dir.join("dev-master.key")).expect("a key");
    begin_another_history(&data_dir, &keyring);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_under_its_lease_makes_the_streams_anew() {
    let nats = NatsServer::start().await;
    let (mut first, mut second) = copied(&nats, &LEASE, &ADOPTING).await;
    first.service.start_again().await;
    first.accepts("only-in-first").await;
    first.wait_until_published().await;
    let made = created(&nats).await.expect("it is there");

    restore(&second);
    second.service.start_again().await;
    let refusal = second.refuses().await;
    assert!(refusal.contains("held by first"), "{refusal}");
    first.accepts("once-more").await;
    let length = first.wait_until_published().await;
    assert_eq!(created(&nats).await, Some(made.clone()), "the second left it as it is");
    assert_eq!(stream_length(&nats).await, length);

    first.service.kill().await;
    second.wait_until_ready().await;
    let position = second.accepts("by-second").await;
    assert_eq!(second.wait_until_published().await, position);
    assert_ne!(created(&nats).await, Some(made), "it is another stream");
    assert_eq!(stream_length(&nats).await, position);
    let log = second.service.log();
    assert_eq!(log.matches("are deleted and made anew from the log").count(), 1, "{log}");

    // The first finds that the name and the stream belong to another history now.
    first.service.start_again().await;
    let refusal = first.refuses().await;
    assert!(refusal.contains("another history of this ledger"), "{refusal}");
}

/// A directory that was put back without a restore has the name of the history that went on without
/// it. The copy begins another one by itself, in the same process.
#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_was_put_back_goes_on_as_another_history() {
    let nats = NatsServer::start().await;
    let (mut first, mut second) = copied(&nats, &LEASE, &ADOPTING).await;
    first.service.start_again().await;
    first.wait_until_ready().await;
    first.accepts("only-in-first").await;
    first.wait_until_published().await;
    let former = first.status().await["incarnation"].clone();
    assert!(first.service.stop().await.success());

    second.service.launch();
    let pid = second.service.pid();
    eventually("it goes on as another history", async || {
        second.service.http_url_now()?;
        let (status, ready) = second.get_if_there("/api/v1/status").await?;
        let is_other = status.is_success() && ready["incarnation"] != former;
        (is_other && ready["nats"]["owner"] == true).then_some(())
    })
    .await;
    assert_eq!(second.service.pid(), pid, "no other process took its place");
    let position = second.accepts("by-second").await;
    assert_eq!(second.wait_until_published().await, position);
    assert_eq!(stream_length(&nats).await, position);
    let log = second.service.log();
    assert_eq!(log.matches("another history of the ledger is begun").count(), 1, "{log}");
}

/// `connledger status` asks over NATS. No other answer of an older copy may be taken for the
/// ledger's.
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_its_stream_refuses_tells_its_status_over_nats_and_nothing_else() {
    let nats = NatsServer::start().await;
    let mut instance = Instance::start(&nats, "only", &LEASE).await;
    instance.accepts("main").await;
    instance.wait_until_published().await;
    assert!(instance.service.stop().await.success());
    restore(&instance);
    instance.service.start_again().await;
    let reason = "holds another history of this ledger";
    let client = instance.service.client().await;
    let status = eventually("it tells its status", async || {
        let answer = client.query("default", "status", &json!({})).await.ok()?;
        serde_json::from_slice::<Value>(&answer).ok()
    })
    .await;
    assert!(status["nats"]["refusal"].as_str().is_some_and(|it| it.contains(reason)), "{status}");
    let listed = client.query("default", "list", &json!({})).await;
    let error = listed.expect_err("nobody answers").to_string();
    assert!(error.contains("no ledger answers on NATS"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_is_killed_while_it_makes_the_streams_anew_completes_that_later() {
    let nats = NatsServer::start().await;
    let mut instance = Instance::start(&nats, "only", &ADOPTING).await;
    for number in 0..10 {
        instance.accepts(&format!("c-{number}")).await;
    }
    instance.wait_until_published().await;
    for wait in [0, 1, 3, 10, 30].map(Duration::from_millis) {
        assert!(instance.service.stop().await.success());
        restore(&instance);
        let before = instance.service.log().matches("made anew from the log").count();
        instance.service.launch();
        eventually("it begins", async || {
            let log = instance.service.log();
            (log.matches("made anew from the log").count() > before).then_some(())
        })
        .await;
        tokio::time::sleep(wait).await;
        instance.service.kill().await;
        instance.service.start_again().await;
        instance.wait_until_ready().await;
        let position = instance.accepts(&format!("after-{}", wait.as_millis())).await;
        assert_eq!(instance.wait_until_published().await, position);
        assert_eq!(stream_length(&nats).await, position);
    }
}

/// A program of another library that watches the bucket goes on by itself, and holds in the end
/// what this history has.
#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_watcher_of_another_library_follows_an_adoption() {
    let nats = NatsServer::start().await;
    let mut first = Instance::start(&nats, "first", &LEASE).await;
    for slug in ["stays", "goes"] {
        first.accepts(slug).await;
    }
    first.wait_until_published().await;
    assert!(first.service.stop().await.success());
    let mut second = first.copy(&nats, "second", &ADOPTING);
    first.service.start_again().await;
    first.wait_until_ready().await;
    first.accepts("only-in-first").await;

    let mut watcher = BucketWatcher::start(&nats.url(), &[]);
    let sees = async |watcher: &BucketWatcher, incarnation: &Value, slugs: &[&str]| {
        eventually(&format!("the watcher sees {slugs:?}"), async || {
            let Seen { states, histories } = watcher.seen()?;
            let mut seen: Vec<_> = states.values().map(|view| view["slug"].clone()).collect();
            seen.sort_by_key(ToString::to_string);
            (histories.last().map(String::as_str) == incarnation.as_str() && seen == slugs)
                .then_some(())
        })
        .await;
    };
    let before = first.status().await["incarnation"].clone();
    sees(&watcher, &before, &["goes", "only-in-first", "stays"]).await;

    assert!(first.service.stop().await.success());
    restore(&second);
    second.service.start_again().await;
    second.wait_until_ready().await;
    second.accepts("new").await;
    let (status, archived) =
        second.post("/api/v1/workspaces/default/connections/goes/archive", &json!({})).await;
    assert!(status.is_success(), "{archived}");
    let after = second.status().await["incarnation"].clone();
    assert_ne!(before, after);
    sees(&watcher, &after, &["new", "stays"]).await;
    assert!(watcher.runs(), "it was not started again");
}
