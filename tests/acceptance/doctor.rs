//! `doctor` on a ledger that is served, and on one that is not.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::service::Service;

/// Returns what was found, by code.
async fn look(service: &Service, more: &[&str]) -> (Option<i32>, Vec<Value>) {
    let args: Vec<&str> = ["doctor", "--json"].iter().chain(more).copied().collect();
    let output = service.run(&args).await;
    let text = String::from_utf8(output.stdout).expect("text");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!text.is_empty(), "{errors}");
    let found = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    (output.status.code(), found)
}

#[track_caller]
fn expect(found: &[Value], code: &str, level: &str) {
    let finding = found.iter().find(|finding| finding["code"] == code);
    let finding = finding.unwrap_or_else(|| panic!("no {code} in {found:?}"));
    assert_eq!(finding["level"], level, "{finding}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_asked_and_a_folder_without_one_is_opened() {
    let mut service = Service::start(&["--nats", "managed"]).await;
    service.client().await;
    let (code, found) = look(&service, &["--listen", "off"]).await;
    for ok in ["data_dir_format", "data_dir_mode", "master_key_source", "server", "server_writes"] {
        expect(&found, ok, "ok");
    }
    expect(&found, "dev_keys", "warning");
    assert!(!found.iter().any(|finding| finding["code"] == "master_key"), "it is in use");
    assert_eq!(code, Some(0), "{found:?}");

    assert!(service.stop().await.success(), "{}", service.log());
    let (code, found) = look(&service, &["--nats", "off"]).await;
    for ok in ["master_key", "clock", "listen_exposed", "nats_server"] {
        expect(&found, ok, "ok");
    }
    assert!(!found.iter().any(|finding| finding["code"] == "server"), "{found:?}");
    assert_eq!(code, Some(0), "{found:?}");

    let before = fs::metadata(service.data_dir()).expect("a folder").permissions();
    fs::set_permissions(service.data_dir(), fs::Permissions::from_mode(0o755)).expect("changed");
    let (code, found) = look(&service, &["--nats", "off", "--listen", "0.0.0.0:0"]).await;
    expect(&found, "data_dir_mode", "problem");
    expect(&found, "listen_exposed", "problem");
    assert_eq!(code, Some(1), "{found:?}");
    fs::set_permissions(service.data_dir(), before).expect("changed");
    service.start_again().await;
}
