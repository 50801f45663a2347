//! Manifests of somebody who can write to the target, and has no key.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{Stopped, expect_code, run, told};
use crate::output::{said, text};
use crate::service::Service;

/// Sorts after every backup that is made in our time.
const FORGED: &str = "0fffffff-ffff-7fff-bfff-ffffffffffff";

fn manifests(ledger: &Stopped) -> usize {
    fs::read_dir(ledger.backups.join("manifests")).expect("a folder").count()
}

/// Copies a backup under another id, with the digest that its manifest must have.
fn forge(backups: &Path, original: &str) {
    let manifest = |id: &str| backups.join(format!("manifests/{id}.json"));
    let state = |id: &str| backups.join(format!("states/{id}-000000.ndjson.zst"));
    let whole = fs::read_to_string(manifest(original)).expect("text");
    let (_, rest) = whole.split_once("{\"manifest\":").expect("a manifest");
    let (inner, rest) = rest.rsplit_once(",\"digest\":\"").expect("a digest");
    let (_, mac) = rest.split_once('"').expect("its end");
    let inner = inner.replacen(original, FORGED, 1);
    let digest = blake3::hash(inner.as_bytes()).to_hex();
    let forged = format!("{{\"manifest\":{inner},\"digest\":\"{digest}\"{mac}");
    fs::write(manifest(FORGED), forged).expect("writable");
    fs::copy(state(original), state(FORGED)).expect("a copy");
}

/// Returns a ledger with three backups and a forged one, and the ids of its own.
async fn with_a_forged_one() -> (Stopped, Vec<Value>) {
    let ledger = Stopped::with(20).await;
    let mut own = Vec::new();
    for _ in 0..3 {
        own.push(ledger.back_up().await["backup"].clone());
    }
    forge(&ledger.backups, own[0].as_str().expect("an id"));
    (ledger, own)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_names_a_forged_manifest_and_says_if_nobody_checked() {
    let (ledger, own) = with_a_forged_one().await;
    let list = ["backup", "list", "--from", text(&ledger.backups)];
    let unchecked = run(&list, &[]).await;
    assert!(said(&unchecked).contains("nobody checked"), "{}", said(&unchecked));
    let key = ledger.key();
    let checked = run(&[&list[..], &["--master-key-file", text(&key)]].concat(), &[]).await;
    assert!(!said(&checked).contains("nobody checked"), "{}", said(&checked));
    let shown = String::from_utf8(checked.stdout).expect("text");
    for line in shown.lines().skip(1) {
        let is_own = own.iter().any(|id| line.starts_with(id.as_str().expect("an id")));
        assert_eq!(line.contains("somebody else made or edited it"), !is_own, "{shown}");
    }
    assert_eq!(shown.lines().count(), 5, "{shown}");
    let other = Service::start(&["--nats", "off"]).await;
    let other = other.data_dir().join("dev-master.key");
    let refused = run(&[&list[..], &["--master-key-file", text(&other)]].concat(), &[]).await;
    expect_code(&refused, "master_key_wrong");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_removed_on_the_word_of_a_forged_manifest() {
    let (ledger, own) = with_a_forged_one().await;
    let prune = ["backup", "prune", "--keep-last", "1", "--from", text(&ledger.backups)];
    let refused = run(&prune, &[]).await;
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    for word in ["--master-key-file", "--dry-run", "--trust-unchecked-manifests"] {
        assert!(said(&refused).contains(word), "{word}: {}", said(&refused));
    }
    let look = told(&run(&[&prune[..], &["--dry-run", "--json"]].concat(), &[]).await);
    assert_eq!((&look["checked"], &look["removed"]), (&json!(false), &json!(own)));
    assert_eq!(manifests(&ledger), 4);

    let key = ledger.key();
    let by_key = [&prune[..], &["--json", "--master-key-file", text(&key)]].concat();
    let done = told(&run(&by_key, &[]).await);
    assert_eq!((&done["checked"], &done["kept"]), (&json!(true), &json!(1)));
    assert_eq!(done["removed"], json!(own[..2]));
    assert_eq!(done["not_authentic"], json!([FORGED]));
    assert_eq!(manifests(&ledger), 2, "the forged one is left for the operator");
    let restored = Service::nowhere(&[]);
    let report = told(&ledger.restore_here(&restored.data_dir(), &["--json"]).await);
    assert_eq!(report["backup"], own[2]);
    assert_eq!(report["left_out"].as_array().map(Vec::len), Some(1), "{report}");

    // Who goes without the key is told what may happen, and it does.
    let trusting = [&prune[..], &["--json", "--trust-unchecked-manifests"]].concat();
    let done = run(&trusting, &[]).await;
    assert!(said(&done).contains("nobody checked"), "{}", said(&done));
    assert_eq!(told(&done)["removed"], json!(own[2..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_key_before_the_subcommand_is_used() {
    let ledger = Stopped::with(5).await;
    ledger.back_up().await;
    let key = ledger.key();
    let before = ["backup", "--master-key-file", text(&key), "--backup-timeout", "30"];
    let verify = ["verify", "--json", "--from", text(&ledger.backups)];
    let verified = told(&run(&[&before[..], &verify].concat(), &[]).await);
    assert_eq!(verified["authentic"], true, "{verified}");
    let refused = run(&["backup", "--full", "list", "--from", "/tmp"], &[]).await;
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
}
