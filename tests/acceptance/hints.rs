//! A failed command names its own cause and remedy.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

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
    for command in ["replay", "rotate-curve-key"] {
        let (code, said) = run(&[command, "--data-dir", "/nowhere/at/all"]).await;
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("/nowhere/at/all") && said.contains("[data_dir_missing]"), "{said}");
    }
    let nowhere = ["init", "--data-dir", "/nowhere/data", "--master-key-file", "/nowhere/at/all"];
    let (_, said) = run(&nowhere).await;
    assert!(said.contains("/nowhere/at/all: No such file"), "{said}");
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

/// Returns the names of all files below a folder.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut left = vec![folder.to_owned()];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(folder).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                left.push(path.clone());
            }
            found.insert(path);
        }
    }
    found
}

#[tokio::test]
async fn a_folder_of_something_else_stays_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, key) = (folder.path().join("photos"), folder.path().join("master.key"));
    fs::create_dir(&data).expect("writable");
    fs::write(data.join("summer.jpg"), "").expect("writable");
    let (data, key) = (data.to_str().expect("text"), key.to_str().expect("text"));
    let before = files(folder.path());
    for args in [
        &["serve", "--dev", "--data-dir", data][..],
        &["serve", "--master-key-file", key, "--data-dir", data],
        &["init", "--master-key-file", key, "--data-dir", data],
    ] {
        let (code, said) = run(args).await;
        assert_eq!(code, Some(4), "{said}");
        assert!(said.contains("[data_dir_foreign]"), "{said}");
        assert_eq!(files(folder.path()), before, "{args:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_format_file_is_named_and_nothing_is_made_in_its_place() {
    let mut service = Service::start(&["--nats", "off"]).await;
    service.stop().await;
    let folder = service.data_dir();
    for keys_are_left in [true, false] {
        fs::remove_file(folder.join("ledger-format")).ok();
        if !keys_are_left {
            fs::remove_file(folder.join("dev-master.key")).expect("it is there");
            fs::remove_file(folder.join("dev-admin.key")).expect("it is there");
        }
        let before = files(&folder);
        let dev = ["serve", "--dev", "--data-dir", folder.to_str().expect("text")];
        let (code, said) = run(&dev).await;
        assert_eq!(code, Some(4), "{said}");
        assert!(said.contains("[data_dir_incomplete]") && said.contains("ledger-format"), "{said}");
        assert!(said.contains("backup"), "{said}");
        assert_eq!(files(&folder), before);
    }
}

#[tokio::test]
async fn a_port_in_use_is_named_with_the_flag_that_chooses_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let data = folder.path().to_str().expect("text");
    let serve = ["serve", "--dev", "--data-dir", data, "--listen", "127.0.0.1:0"];
    let (code, said) = run(&[&serve[..], &["--nats-port", &port]].concat()).await;
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("[nats_server_failed]") && said.contains("--nats-port"), "{said}");
    assert!(said.contains(&port) && said.contains("in use"), "{said}");
    assert!(!said.contains("--nats-url"), "{said}");
}
