//! Whole stored records, byte for byte, with time, ids and randomness set by the test.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering};

use ledger_domain::{Micros, Position};
use ledger_engine::{Caller, Clock, Engine, EngineOptions, IdSource, Ports, Randomness};
use ledger_store::tables::log;
use ledger_vault::Keyring;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use crate::ledger::{TestCommand, ask_as, send, store};

/// When the first command is sent: 2026-11-28T12:00:00Z.
const NOON: i64 = 1_795_867_200_000_000;
const SECOND: i64 = 1_000_000;

/// The first random byte. Each of the values that a ledger is made with takes some; with this one,
/// the bytes in records stay as they were when a ledger had fewer of them.
const FIRST_BYTE: u8 = 144;

/// A ledger for which a test chooses everything that otherwise comes from the machine.
struct Staged {
    folder: TempDir,
    keyring: Keyring,
    engine: Engine,
    now: Arc<AtomicI64>,
}

impl Staged {
    fn new() -> Self {
        let now = Arc::new(AtomicI64::new(NOON));
        let shown = Arc::clone(&now);
        let (ids, bytes) = (AtomicU64::new(0), AtomicU8::new(FIRST_BYTE));
        let ports = Ports {
            clock: Clock::new(move || Micros::new(shown.load(Ordering::SeqCst))),
            ids: IdSource::new(move |_| {
                Uuid::from_u64_pair(
                    0x0001,
                    0x8000_0000_0000_0001 + ids.fetch_add(1, Ordering::SeqCst),
                )
            }),
            randomness: Randomness::new(move |filled| {
                filled.fill_with(|| bytes.fetch_add(1, Ordering::SeqCst));
            }),
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let keyring = Keyring::generate(&mut ports.randomness.rng());
        let kept = Keyring::parse(&keyring.to_file_text()).expect("written by the vault");
        let options = EngineOptions::new(folder.path().join("data"), keyring);
        let engine = Engine::open(EngineOptions { create: true, ports, ..options });
        Self { folder, keyring: kept, engine: engine.expect("a new ledger"), now }
    }

    /// Executes a command a second after the one before.
    async fn send(&self, test_command: TestCommand) {
        self.now.fetch_add(SECOND, Ordering::SeqCst);
        send(&self.engine, test_command).await.expect("accepted");
    }

    async fn run(&self, verb: &str, body: Value) {
        self.send(TestCommand::new(verb, &body)).await;
    }

    fn status(&self) -> Value {
        let admin = Caller::system("user:admin");
        ask_as(&self.engine, &admin, "_all", "status", &json!({})).expect("the status")
    }

    /// Stops the engine and returns what the log holds.
    fn records(self) -> Vec<String> {
        self.engine.shutdown();
        drop(self.engine);
        let store = store(&self.folder.path().join("data"), &self.keyring);
        let records = log::scan(&store, Position::new(1)).map(|row| {
            let (_, bytes) = row.expect("readable");
            String::from_utf8(bytes.into_vec()).expect("a record is text")
        });
        records.collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_byte_for_byte_as_written_here() {
    let ledger = Staged::new();
    ledger.run("create-workspace", json!({"display_name": "Home"})).await;
    let draft = json!({"slug": "main", "provider": "openai", "secrets": {"api_key": "sk-first-1"}});
    let create =
        TestCommand::new("create", &draft).id("c-1").correlation("order-7").actor("user:ann");
    ledger.send(create).await;
    let rotate = json!({"connection": "main", "secrets": {"api_key": "sk-second-2"}});
    ledger.send(TestCommand::new("rotate-secret", &rotate).id("c-2").version(1)).await;
    let reveal = json!({"connection": "main", "reason": "a drill"});
    ledger.run("reveal-secret", reveal).await;
    let grants = json!([{"scopes": ["read"], "workspaces": ["default"]}]);
    let principal = json!({"principal": "gate", "kind": "gateway", "grants": grants});
    ledger.send(TestCommand::new("create-principal", &principal).at("_ledger")).await;
    let key = json!({"principal": "gate", "environment": "test", "label": "first"});
    ledger.send(TestCommand::new("issue-key", &key).at("_ledger")).await;

    let records = ledger.records();
    for (record, written) in records.iter().zip(WRITTEN) {
        assert_eq!(record, written);
    }
    assert_eq!(records.len(), WRITTEN.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_goes_back_is_noted_beside_times_that_do_not() {
    let ledger = Staged::new();
    ledger.run("create-workspace", json!({})).await;
    ledger.now.fetch_add(3_600 * SECOND, Ordering::SeqCst);
    ledger.run("create", json!({"slug": "ahead", "provider": "x"})).await;
    ledger.now.store(NOON + 5 * SECOND, Ordering::SeqCst);
    ledger.run("create", json!({"slug": "back", "provider": "x"})).await;
    assert_eq!(ledger.status()["clock"]["behind_seconds"], 3_596);
    ledger.now.fetch_add(7_200 * SECOND, Ordering::SeqCst);
    ledger.run("create", json!({"slug": "again", "provider": "x"})).await;
    assert!(ledger.status().get("clock").is_none());
    let records = ledger.records();
    let times = records.iter().map(|record| {
        let record: Value = serde_json::from_str(record).expect("JSON");
        (
            record["recorded_at"].as_str().map(str::to_owned),
            record["clock"].as_str().map(str::to_owned),
        )
    });
    let at = |time: &str| Some(format!("2026-11-28T{time}.000000Z"));
    let expected = [
        (at("12:00:01"), None),
        (at("13:00:02"), None),
        (at("13:00:02"), at("12:00:06")),
        (at("14:00:07"), None),
    ];
    assert_eq!(times.collect::<Vec<_>>(), expected);
}

/// What the log holds then.
const WRITTEN: [&str; 6] = [
    concat!(
        r#"{"record":3,"position":1,"stream":"workspace/default","version":1,"#,
        r#""event_id":"00000000-0000-0001-8000-000000000003","type":"workspace_created","#,
        r#""schema":1,"workspace":"default","recorded_at":"2026-11-28T12:00:01.000000Z","#,
        r#""actor":"user:admin","via":"nats","command_id":"00000000-0000-0001-8000-000000000002","#,
        r#""epoch":1,"data":{"name":"default","display_name":"Home"}}"#,
    ),
    concat!(
        r#"{"record":3,"position":2,"stream":"connection/00000000-0000-0001-8000-000000000004","version":1,"#,
        r#""event_id":"00000000-0000-0001-8000-000000000005","type":"connection_created","#,
        r#""schema":2,"workspace":"default","recorded_at":"2026-11-28T12:00:02.000000Z","#,
        r#""actor":"user:ann","via":"nats","command_id":"c-1","correlation_id":"order-7","epoch":1,"#,
        r#""fingerprint":"0xGmBzPcQ6mKmrGPDlQ9iA","data":{"#,
        r#""workspace":"default","slug":"main","details":{"provider":"openai","kind":"api","#,
        r#""environment":"live","auth_method":"api_key"},"secrets":{"api_key":{"#,
        r#""sealed":"v1.qcFB_yOEJ5FOJXD_l8-KmA.qKmqq6ytrq-wsbKztLW2tw."#,
        r#"uLm6u7y9vr_AwcLDxMXGx8jJysvMzc7Pn8te0YcRM4GpiSYCMZz5RqFK08ETHLKSIu0"}},"#,
        r#""enabled":true}}"#,
    ),
    concat!(
        r#"{"record":3,"position":3,"stream":"connection/00000000-0000-0001-8000-000000000004","version":2,"#,
        r#""event_id":"00000000-0000-0001-8000-000000000006","type":"secret_rotated","schema":3,"#,
        r#""workspace":"default","recorded_at":"2026-11-28T12:00:03.000000Z","#,
        r#""actor":"user:admin","via":"nats","command_id":"c-2","epoch":1,"#,
        r#""fingerprint":"hr1kjvqV4J6t51Ctyqm8Rg","data":{"secrets":{"api_key":{"#,
        r#""sealed":"v1.qcFB_yOEJ5FOJXD_l8-KmA.0NHS09TV1tfY2drb3N3e3w."#,
        r#"4OHi4-Tl5ufo6err7O3u7_Dx8vP09fb326pYLu9NMsSd9d1AHHO7D_BSc2-r1Wmvn4gC"}}}}"#,
    ),
    concat!(
        r#"{"record":3,"position":4,"stream":"reveals/00000000-0000-0001-8000-000000000004","version":1,"#,
        r#""event_id":"00000000-0000-0001-8000-000000000009","type":"secret_revealed","schema":1,"#,
        r#""workspace":"default","recorded_at":"2026-11-28T12:00:04.000000Z","#,
        r#""actor":"user:admin","via":"nats","command_id":"00000000-0000-0001-8000-000000000008","#,
        r#""epoch":1,"data":{"generations":{"api_key":2},"reason":"a drill"}}"#,
    ),
    concat!(
        r#"{"record":3,"position":5,"stream":"principal/gate","version":1,"#,
        r#""event_id":"00000000-0000-0001-8000-00000000000b","type":"principal_created","#,
        r#""schema":1,"workspace":"_ledger","recorded_at":"2026-11-28T12:00:05.000000Z","#,
        r#""actor":"user:admin","via":"nats","command_id":"00000000-0000-0001-8000-00000000000a","#,
        r#""epoch":1,"data":{"kind":"gateway","grants":[{"scopes":["read"],"workspaces":["default"]}]}}"#,
    ),
    concat!(
        r#"{"record":3,"position":6,"stream":"principal/gate","version":2,"#,
        r#""event_id":"00000000-0000-0001-8000-00000000000d","type":"api_key_issued","schema":1,"#,
        r#""workspace":"_ledger","recorded_at":"2026-11-28T12:00:06.000000Z","#,
        r#""actor":"user:admin","via":"nats","command_id":"00000000-0000-0001-8000-00000000000c","#,
        r#""epoch":1,"data":{"id":"deefgghhiijk","digest":"b3.SJZGoLOSh5upBuarjIA3qfIMZTSs1AHcMjUJ9EB4BrY","#,
        r#""environment":"test","label":"first","expires_at":"2027-02-26T12:00:06.000000Z"}}"#,
    ),
];
