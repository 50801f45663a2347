//! A failed command names its own cause and remedy.

use std::fs;

use tokio::process::Command;

use crate::service::Service;
use crate::settings;

/// Runs the program alone, and returns its exit code and messages.
async fn run(args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(settings::connledger()).args(args).output().await;
    let output = output.expect("connledger runs");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test]
async fn a_missing_folder_is_named() {
    let (code, said) = run(&["list", "--data-dir", "/nowhere/at/all"]).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("there is no folder /nowhere/at/all"), "{said}");
    let (code, said) = run(&["serve", "--dev"]).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--data-dir /var/lib/connledger"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_login_and_an_unreadable_server_file_are_named() {
    let service = Service::start(&["--nats", "managed"]).await;
    let key = service.data_dir().join("dev-admin.key");
    let url = service.nats_url();
    let (scheme, rest) = url.split_once("//").expect("an address");
    let (_, host) = rest.split_once('@').expect("a login");
    let wrong = format!("{scheme}//client:canary-password@{host}");
    let key = key.to_str().expect("text");
    let (code, said) = run(&["list", "--nats-url", &wrong, "--key-file", key]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("refuses the login") && !said.contains("is the ledger running"),
        "{said}"
    );
    assert!(!said.contains("canary"), "{said}");

    fs::write(service.data_dir().join("server.json"), "{").expect("writable");
    let output = service.run(&["list"]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("server.json") && said.contains("restart the server"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_is_named() {
    let mut service = Service::start(&["--nats", "off"]).await;
    service.stop().await;
    let store = service.data_dir().join("store");
    let current = fs::read_to_string(store.join("CURRENT")).expect("the name of the manifest");
    let manifest = store.join(current.trim());
    let mut bytes = fs::read(&manifest).expect("readable");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(&manifest, bytes).expect("writable");
    let folder = service.data_dir();
    let (code, said) = run(&["serve", "--dev", "--data-dir", folder.to_str().expect("text")]).await;
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("[data_dir_damaged]") && !said.contains("writable"), "{said}");
}
