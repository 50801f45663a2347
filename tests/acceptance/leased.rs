//! Leases on secrets over NATS, with a program that is killed, and with the mirror of our client.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ledger_client::{Client, ClientOptions, Key, Mirror};
use serde_json::{Value, json};

use crate::ports::free_port;
use crate::service::Service;
use crate::wait::eventually;

const FIRST: &str = "sk-first-value-1";
const SECOND: &str = "sk-second-value-2";

async fn served() -> Service {
    let listen = format!("127.0.0.1:{}", free_port());
    let service = Service::start(&["--nats", "managed", "--listen", &listen]).await;
    let draft = json!({"slug": "main", "provider": "mock", "secrets": {"api_key": FIRST}});
    service.create("/workspaces/default/connections", &draft).await;
    service.wait_until_published().await;
    service
}

async fn gateway(service: &Service, key: &str) -> Client {
    let mut options = ClientOptions::new(Key::new(key));
    options.url = service.nats_url();
    options.ledger_xkey = Some(service.xkey());
    Client::connect(options).await.expect("NATS is there")
}

async fn events(service: &Service, event_type: &str) -> Vec<Value> {
    let path = format!("/workspaces/default/history?type={event_type}&page_size=500");
    let (status, page) = service.get(&path).await;
    assert!(status.is_success(), "{page}");
    page["events"].as_array().expect("events").clone()
}

/// Runs a command of the command line that must succeed.
async fn run(service: &Service, args: &[&str]) {
    let done = service.run(args).await;
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_readers_over_nats_none_gets_a_value_after_a_revocation_was_answered() {
    let service = served().await;
    let key = service.gateway_key("default").await;
    let client = gateway(&service, &key).await;
    let leased = client.lease("default", "main", &[], None, "to route").await.expect("a lease");
    assert_eq!(leased.secrets["api_key"].value(), FIRST);
    let (reads, revoked) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let readers: Vec<_> = (0..64)
        .map(|_| {
            let (client, lease) = (client.clone(), leased.lease.clone());
            let (reads, revoked) = (Arc::clone(&reads), Arc::clone(&revoked));
            tokio::spawn(async move {
                loop {
                    // An answer that left before may still be on its way to here afterwards.
                    let was_revoked = revoked.load(Ordering::SeqCst);
                    match client.read_leased("default", "main", &lease, &[]).await {
                        Ok(_) => {
                            assert!(!was_revoked, "a value was read afterwards");
                            reads.fetch_add(1, Ordering::SeqCst);
                        }
                        Err(error) => return error.code().unwrap_or("none").to_owned(),
                    }
                }
            })
        })
        .collect();
    eventually("all read", async || (reads.load(Ordering::SeqCst) > 1_000).then_some(())).await;
    run(&service, &["lease", "revoke", "main", "--reason", "a leak"]).await;
    revoked.store(true, Ordering::SeqCst);
    for reader in readers {
        assert_eq!(reader.await.expect("no value left afterwards"), "secret_lease_ended");
    }
    let due = reads.load(Ordering::SeqCst);
    eventually("the reads are recorded", async || {
        let events = events(&service, "leased_secrets_read").await;
        let counts = events
            .iter()
            .map(|event| event["data"]["reads"]["api_key"][0]["count"].as_u64().expect("a count"));
        (counts.sum::<u64>() == due).then_some(())
    })
    .await;
    let other = gateway(&service, &service.key()).await;
    let read = other.read_leased("default", "main", &leased.lease, &[]).await;
    assert_eq!(read.expect_err("refused").code(), Some("secret_lease_ended"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_ledger_knows_its_leases_and_which_generations_were_read() {
    let mut service = served().await;
    let key = service.gateway_key("default").await;
    let client = gateway(&service, &key).await;
    let lease =
        client.lease("default", "main", &[], None, "to route").await.expect("a lease").lease;
    run(&service, &["rotate-secret", "main", "--secret", &format!("api_key={SECOND}")]).await;
    for _ in 0..10 {
        let read = client.read_leased("default", "main", &lease, &[]).await.expect("read");
        assert_eq!(read.secrets["api_key"].value(), SECOND);
    }
    service.kill().await;
    service.start_again().await;
    let client = gateway(&service, &key).await;
    let read = client.read_leased("default", "main", &lease, &[]).await.expect("it still holds");
    assert_eq!(read.secrets["api_key"].value(), SECOND);
    let recorded = events(&service, "leased_secrets_read").await;
    assert_eq!(recorded.len(), 1, "the first read of the generation, and it alone: {recorded:?}");
    assert_eq!(recorded[0]["data"]["reads"]["api_key"][0]["generation"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_reads_under_a_lease_and_takes_another_when_it_is_revoked() {
    let service = served().await;
    let key = service.gateway_key("default").await;
    let mirror = Mirror::follow(gateway(&service, &key).await, "default");
    mirror.ready().await.expect("it watches");
    let seen = mirror.connection("main").expect("it is there");
    let value = mirror.secret(&seen, "api_key", "to route").await.expect("a secret");
    assert_eq!(value.value(), FIRST);
    run(&service, &["rotate-secret", "main", "--secret", &format!("api_key={SECOND}")]).await;
    let seen = eventually("the mirror sees the rotation", async || {
        mirror.connection("main").filter(|seen| seen.generations["api_key"] == 2)
    })
    .await;
    let value = mirror.secret(&seen, "api_key", "to route").await.expect("a secret");
    assert_eq!(value.value(), SECOND);
    assert_eq!(events(&service, "secrets_leased").await.len(), 1);
    assert_eq!(events(&service, "leased_secrets_read").await.len(), 1);
    assert!(events(&service, "secret_revealed").await.is_empty(), "nothing was revealed");
    run(&service, &["lease", "revoke-all", "--slug-prefix", "ma"]).await;
    eventually("it dropped the value and took another lease", async || {
        mirror.secret(&seen, "api_key", "to route").await.expect("a secret");
        (events(&service, "secrets_leased").await.len() == 2).then_some(())
    })
    .await;
}
