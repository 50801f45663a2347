//! The program rotates its master key under load and is killed while it wraps anew.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ledger_client::{Client, ClientOptions, CommandHeaders, Key};
use ledger_vault::Keyring;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::machine::{Machine, blocks, stop};
use crate::nats_server::NatsServer;
use crate::service::Service;
use crate::wait::eventually;

/// Enough for a few dozen batches.
const CONNECTIONS: usize = 2_500;
const KILLS: usize = 5;
const WRITERS: usize = 4;

/// Makes connections from a file.
async fn load(service: &Service) {
    let file = service.folder().join("connections.ndjson");
    let line = |number: usize| json!({"slug": format!("c-{number}"), "provider": "x", "secrets": {"k": "sk-01234567"}});
    let lines: Vec<_> = (0..CONNECTIONS).map(|number| line(number).to_string()).collect();
    fs::write(&file, lines.join("\n")).expect("written");
    let loaded = service.run(&["load", file.to_str().expect("text")]).await;
    assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
}

async fn run(service: &Service, args: &[&str]) -> String {
    let output = service.run(args).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}: {said}");
    format!("{}{said}", String::from_utf8_lossy(&output.stdout))
}

fn key_file(service: &Service) -> PathBuf {
    service.data_dir().join("dev-master.key")
}

/// Adds a key and makes it the active one. Returns the id of the former.
async fn rotate(service: &Service) -> String {
    let former = Keyring::read_file(key_file(service)).expect("keys").active_id().to_string();
    run(service, &["keys", "add"]).await;
    run(service, &["keys", "rotate"]).await;
    former
}

async fn status(client: &Client) -> Option<Value> {
    let answer = client.query("_all", "master-keys", &json!({})).await.ok()?;
    serde_json::from_slice(&answer).ok()
}

/// Returns how many data keys are under others than the active key.
async fn left(client: &Client) -> Option<u64> {
    let status = status(client).await?;
    let keys = status["keys"].as_array().expect("keys").iter();
    let former = keys.filter(|key| key["state"] != "active");
    Some(former.map(|key| key["data_keys"].as_u64().expect("a number")).sum())
}

/// Connects a client that does not wait long for an answer that was lost with the server.
async fn hasty_client(service: &Service) -> Client {
    let mut options = ClientOptions::new(Key::new(service.key()));
    options.url = service.nats_url();
    options.allow_unsealed = true;
    options.timeout = Duration::from_secs(2);
    Client::connect(options).await.expect("NATS is there")
}

/// Marks connections over and over, until it is told to stop. What has no answer is sent again, and
/// no other error is accepted.
async fn write(client: Client, writer: usize, stop: Arc<AtomicBool>, done: Arc<AtomicU64>) {
    let mut number = 0_u64;
    while !stop.load(Ordering::SeqCst) {
        number += 1;
        let (id, reason) = (format!("w{writer}-{number}"), format!("r-{number}"));
        let body = json!({"connection": format!("c-{writer}"), "reason": reason}).to_string();
        loop {
            let about = CommandHeaders::with_id(id.clone());
            let sent = client.command("default", "mark-degraded", body.clone().into_bytes(), about);
            match sent.await {
                Ok(_) => break,
                Err(error) if error.retry() => tokio::task::yield_now().await,
                Err(error) => panic!("{id} was refused: {error}"),
            }
        }
        done.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_while_everything_is_wrapped_anew_lose_nothing_and_it_completes() {
    let nats = NatsServer::start().await;
    let mut service = Service::start(&["--nats-url", &nats.url(), "--log", "warn"]).await;
    load(&service).await;
    let client = service.client().await;
    let hasty = hasty_client(&service).await;
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            tokio::spawn(write(hasty.clone(), writer, Arc::clone(&stop), Arc::clone(&done)))
        })
        .collect();
    let mut former = Vec::new();
    let mut kills = 0;
    while kills < KILLS {
        if left(&client).await == Some(0) {
            former.push(rotate(&service).await);
        }
        let before = done.load(Ordering::SeqCst);
        let all = left(&client).await.unwrap_or_default();
        // Some of it is done, and commands go on beside it.
        eventually("it is under way", async || {
            let left = left(&client).await?;
            (left < all || left == 0).then_some(())
        })
        .await;
        kills += usize::from(left(&client).await.is_some_and(|left| left > 0));
        service.kill().await;
        service.start_again().await;
        eventually("commands go on", async || (done.load(Ordering::SeqCst) > before).then_some(()))
            .await;
    }
    // It stands still for a moment in the middle, and goes on.
    former.push(rotate(&service).await);
    service.pause();
    service.signal(Signal::SIGCONT);
    let told = run(&service, &["keys", "rewrap"]).await;
    assert!(told.contains("data keys are under master key"), "{told}");
    assert_eq!(left(&client).await, Some(0));
    stop.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.expect("no command failed");
    }
    for key in &former {
        let told = run(&service, &["keys", "retire", key]).await;
        assert!(told.contains("can be removed"), "{told}");
    }
    let shown = run(&service, &["keys", "status"]).await;
    assert!(shown.contains("active") && shown.contains("retired"), "{shown}");
    let events = run(&service, &["history", "--ledger", "--json"]).await;
    let of = |kind: &str| events.matches(&format!("\"{kind}\"")).count();
    assert_eq!(of("master_key_rotated"), former.len());
    assert_eq!(of("master_key_retired"), former.len());
    run(&service, &["replay", "--verify"]).await;
    assert!(service.stop().await.success());

    let text = fs::read_to_string(key_file(&service)).expect("readable");
    let is_former = |line: &&str| former.iter().any(|key| line.contains(key));
    let kept: Vec<_> = text.lines().filter(|line| !is_former(line)).collect();
    fs::write(key_file(&service), kept.join("\n")).expect("writable");
    service.start_again().await;
    let revealed = run(&service, &["reveal", "c-7", "--reason", "a test", "--json"]).await;
    assert!(revealed.contains("sk-01234567"), "{revealed}");
    assert!(service.stop().await.success());

    let left: Vec<_> = text.lines().filter(is_former).collect();
    fs::write(key_file(&service), left.join("\n")).expect("writable");
    service.launch();
    assert!(!service.ended().await.success());
    let log = service.log();
    assert!(log.contains("master_key_wrong"), "{log}");
    assert!(former.iter().all(|key| log.contains(key)), "it names the keys that it found: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runbooks_for_master_keys_run_as_written() {
    let machine = Machine::with_ledger(Vec::new()).await;
    fs::create_dir_all(machine.place("/srv/backups")).expect("a folder");
    let serve = "connledger serve --data-dir /srv/ledger --master-key-file /etc/connledger/master.key \
                 --backup-to /srv/backups\n";
    let child = machine.serve(serve, "/srv/ledger").await;
    machine
        .run(
            "connledger create --data-dir /srv/ledger --slug main --provider x --secret k=sk-012345
             connledger principal create ada --kind user --role viewer --data-dir /srv/ledger
             connledger backup --data-dir /srv/ledger",
        )
        .await;
    let keys = || Keyring::read_file(machine.place("/etc/connledger/master.key")).expect("keys");
    let first = keys().active_id();
    let blocks = blocks("Master keys");
    let [rotate, leaked, leaves] = blocks[..] else {
        panic!("the section has other blocks: {blocks:#?}")
    };
    let told = machine.run(rotate).await;
    assert!(told.contains("added master key") && told.contains("former"), "{told}");
    let told = machine.run(leaked).await;
    assert!(told.contains("backed up to position"), "{told}");
    let second = keys().active_id();
    assert_eq!(keys().key_ids().collect::<Vec<_>>(), [second]);
    assert_ne!(first, second);
    let told = machine.run(leaves).await;
    assert!(told.contains("master_key_retired"), "{told}");
    assert_eq!(keys().key_ids().count(), 1);
    assert_ne!(keys().active_id(), second);
    stop(child).await;
    let child = machine.serve(serve, "/srv/ledger").await;
    let reveal = "connledger reveal main --field k --reason check --data-dir /srv/ledger";
    assert!(machine.run(reveal).await.contains("sk-012345"));
    stop(child).await;
}
