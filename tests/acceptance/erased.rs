//! The runbook of `deploy/README.md` for erasing a connection, and what is left of it on NATS.

use serde_json::{Value, json};

use crate::bus;
use crate::ledger::HOME;
use crate::machine::{Machine, blocks, stop};
use crate::wait::eventually;

const CANARY: &str = "canary-3f90b6d27c";

#[tokio::test(flavor = "multi_thread")]
async fn the_runbook_for_an_erasure_runs_as_written() {
    let machine = Machine::with_ledger(Vec::new()).await;
    let serve =
        "connledger serve --data-dir /srv/ledger --master-key-file /etc/connledger/master.key";
    let child = machine.serve(serve, "/srv/ledger").await;
    machine
        .run(&format!(
            "connledger create --data-dir /srv/ledger --slug openai-prod --provider openai \
               --secret api_key=sk-first-value-1 --config base_url=https://{CANARY}.example
             connledger reveal openai-prod --field api_key --reason use --data-dir /srv/ledger",
        ))
        .await;
    let blocks = blocks("Erase a connection");
    let [erase, reach] = blocks[..] else { panic!("it has other blocks: {blocks:#?}") };
    let told = machine.run(erase).await;
    assert!(told.contains("openai-prod) was erased at"), "{told}");
    let json = "connledger erasure openai-prod --json --data-dir /srv/ledger";
    let view = eventually("it is carried out", async || {
        let view: Value = serde_json::from_str(machine.run(json).await.lines().next()?).ok()?;
        (view["state"] == "complete").then_some(view)
    })
    .await;
    let former = view["master_keys"][0].as_str().expect("a master key").to_owned();
    let told = machine.run(reach).await;
    assert!(told.contains("no master key in use opens them"), "{told}");
    let view: Value = serde_json::from_str(machine.run(json).await.lines().next().expect("a line"))
        .expect("JSON");
    let id = view["connection"].as_str().expect("an id");
    assert!(view.get("master_keys").is_none(), "{former} is retired: {view}");
    let history = format!("connledger history {id} --data-dir /srv/ledger");
    let told = machine.run(&history).await;
    assert!(told.contains("connection_erased") && told.contains("secret_revealed"), "{told}");
    assert!(!told.contains(CANARY), "{told}");
    stop(child).await;
    // The event stream, whose files are beside it, is a window of its own.
    let folder = machine.place("/srv/ledger/store");
    assert!(!has(&folder, CANARY.as_bytes()), "a file has it");
    let verify = "connledger replay --verify --data-dir /srv/ledger --master-key-file \
                  /etc/connledger/master.key";
    machine.run(verify).await;
}

/// Returns whether a file of a folder has some bytes.
fn has(folder: &std::path::Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).expect("a folder").any(|entry| {
        let path = entry.expect("listed").path();
        if path.is_dir() {
            return has(&path, bytes);
        }
        let content = std::fs::read(&path).unwrap_or_default();
        content.windows(bytes.len()).any(|part| part == bytes)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bucket_marks_an_erased_connection_and_has_nothing_of_it() {
    let (server, ledger, bus) = bus::started().await;
    let body = json!({
        "slug": "main", "provider": "x", "config": {"u": CANARY}, "secrets": {"k": "sk-1"},
    });
    let id = ledger.run("create", body).await.receipt.connection.expect("made");
    let key = format!("{HOME}.{id}");
    let jetstream = async_nats::jetstream::new(server.client().await);
    let entry = async || {
        let bucket = jetstream.get_key_value("ledger-connections").await.ok()?;
        bucket.entry(key.as_str()).await.ok()?
    };
    eventually("it is in the bucket", async || {
        String::from_utf8_lossy(&entry().await?.value).contains(CANARY).then_some(())
    })
    .await;
    let erase = json!({"connection": id, "reason": "contract ended"});
    let erased = ledger.run("erase", erase).await.receipt.position;
    let last = eventually("the bucket has the erasure", async || {
        entry().await.filter(|entry| entry.operation != async_nats::jetstream::kv::Operation::Put)
    })
    .await;
    let text = String::from_utf8_lossy(&last.value).into_owned();
    assert!(!text.contains(CANARY) && text.contains("connection_erased"), "{text}");
    let view = ledger.ask("erasure", &json!({"connection": id}));
    assert_eq!(
        (&view["position"], &view["left_stream"]),
        (&json!(erased), &json!(false)),
        "{view}"
    );
    bus.shutdown().await;
}
