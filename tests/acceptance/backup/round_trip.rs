//! A ledger goes to an object store and comes back.

use serde_json::json;

use super::{MANAGED, Stopped, load, run, seen, serve_restored, told};
use crate::output::{said, text};
use crate::service::Service;

/// Backs a ledger up to a target twice, looks at what is there, and restores the latest backup.
pub(super) async fn goes_there_and_comes_back(target: &str, variables: &[(&str, &str)]) {
    let mut ledger = Stopped::with(40).await;
    let first = told(&ledger.try_back_up(target, variables).await);
    ledger.service.start_again().await;
    load(&ledger.service, 40..45).await;
    let remembered = seen(&ledger.service).await;
    assert!(ledger.service.stop().await.success());
    let second = told(&ledger.try_back_up(target, variables).await);
    assert!(second["events_written"].as_u64() < first["events_written"].as_u64());
    let key = ledger.key();
    let from = ["--from", target, "--json", "--master-key-file", text(&key)];
    let listed = run(&[&["backup", "list"], &from[..]].concat(), variables).await;
    let lines = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert_eq!(lines.matches("\"authentic\":true").count(), 2, "{lines}{}", said(&listed));
    let verified = run(&[&["backup", "verify"], &from[..]].concat(), variables).await;
    assert_eq!(told(&verified)["authentic"], true);
    let pruned = ["backup", "prune", "--keep-last", "1"];
    let pruned = told(&run(&[&pruned[..], &from].concat(), variables).await);
    assert_eq!((&pruned["kept"], &pruned["checked"]), (&json!(1), &json!(true)));

    let mut restored = Service::nowhere(&MANAGED);
    let into = restored.data_dir();
    let restore = ["backup", "restore", "--data-dir", text(&into)];
    let report = told(&run(&[&restore[..], &from].concat(), variables).await);
    assert_eq!(report["position"], second["position"]);
    serve_restored(&ledger.service, &mut restored).await;
    assert_eq!(seen(&restored).await, remembered);
}
