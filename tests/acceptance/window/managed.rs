//! The managed NATS server after a restore: its logins are the same, and its streams follow the
//! ledger by themselves.

use std::fs;
use std::path::Path;

use async_nats::jetstream;
use ledger_store::tables::meta;
use ledger_store::{Batch, Durability};
use ledger_vault::Keyring;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::STREAM;
use crate::http::door;
use crate::ledger::{begin_another_history, copy, store};
use crate::service::Service;
use crate::wait::eventually;

/// Makes a connection over HTTP.
async fn create(service: &Service, slug: &str) {
    let url = format!("{}{}", service.http_url(), door::CONNECTIONS);
    let request = door::client().post(url).bearer_auth(service.key());
    let body = json!({"slug": slug, "provider": "x"});
    let answer = door::with_body(request, &body).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::CREATED, "{}", service.log());
}

async fn status(service: &Service) -> Value {
    let url = format!("{}/api/v1/status", service.http_url());
    let answer = door::client().get(url).bearer_auth(service.key()).send().await;
    let body = answer.expect("an answer").bytes().await.expect("a body");
    serde_json::from_slice(&body).expect("JSON")
}

/// Waits until this instance is the owner and everything is published.
async fn published(service: &Service) {
    eventually("everything is published", async || {
        let status = status(service).await;
        (status["nats"]["owner"] == true && status["published"] == status["position"]).then_some(())
    })
    .await;
}

/// Makes of a ledger that is stopped what a restore of it would be.
fn restore(data_dir: &Path) {
    let keyring = Keyring::read_file(data_dir.join("dev-master.key")).expect("a key");
    begin_another_history(data_dir, &keyring);
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_and_port_survive_a_restore_into_another_folder() {
    let mut service = Service::start(&["--nats", "managed"]).await;
    create(&service, "main").await;
    published(&service).await;
    let login = service.nats_url();
    let pid = fs::read_to_string(service.data_dir().join("nats/nats-server.pid")).expect("its pid");
    let environment = fs::read(format!("/proc/{}/environ", pid.trim())).expect("it runs");
    let environment = String::from_utf8_lossy(&environment).into_owned();
    assert!(environment.contains("GOGC="), "its heap does not grow as it likes");
    let known = fs::read_to_string(service.data_dir().join("nats/managed.json")).expect("there");
    let known: Value = serde_json::from_str(&known).expect("JSON");
    assert!(service.stop().await.success());

    let mut elsewhere = service.copy(&["--nats", "managed"]);
    fs::remove_dir_all(elsewhere.data_dir().join("nats")).expect("it was copied");
    restore(&elsewhere.data_dir());
    elsewhere.start_again().await;
    assert_eq!(elsewhere.nats_url(), login, "a running client comes back by itself");
    published(&elsewhere).await;
    let text = fs::read_to_string(elsewhere.data_dir().join("nats/managed.json")).expect("there");
    let found: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(found, known, "the ledger's own login and the server's name, too");
    for file in fs::read_dir(elsewhere.data_dir().join("store")).expect("a folder") {
        let bytes = fs::read(file.expect("a file").path()).expect("readable");
        let password = known["client_password"].as_str().expect("a password").as_bytes();
        assert!(!bytes.windows(password.len()).any(|part| part == password), "it is sealed");
    }
    assert!(elsewhere.stop().await.success());
}

/// Replaces the logins that a ledger keeps, while it is stopped, by what nothing can read.
fn damage_login(data_dir: &Path) {
    let keyring = Keyring::read_file(data_dir.join("dev-master.key")).expect("a key");
    let store = store(data_dir, &keyring);
    let mut batch = Batch::new();
    meta::put_nats_login(&mut batch, &store, b"not what the vault sealed");
    store.commit(batch, Durability::Synced).expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_logins_are_told_and_replaced_and_prevent_no_start() {
    const TOLD: &str = "the login of the managed nats-server that the ledger keeps is damaged";
    let mut service = Service::start(&["--nats", "managed"]).await;
    create(&service, "main").await;
    published(&service).await;
    let login = service.nats_url();
    assert!(service.stop().await.success());

    damage_login(&service.data_dir());
    service.start_again().await;
    published(&service).await;
    assert_eq!(service.nats_url(), login, "the folder of the server has it, too");
    assert_eq!(service.log().matches(TOLD).count(), 1, "{}", service.log());
    assert!(service.stop().await.success());

    // Nobody knows the former ones any more.
    damage_login(&service.data_dir());
    fs::remove_dir_all(service.data_dir().join("nats")).expect("it is stopped");
    service.start_again().await;
    create(&service, "after").await;
    published(&service).await;
    let login = service.nats_url();
    assert!(service.stop().await.success());

    fs::remove_dir_all(service.data_dir().join("nats")).expect("it is stopped");
    service.start_again().await;
    published(&service).await;
    assert_eq!(service.nats_url(), login, "the ledger keeps the new ones");
    assert_eq!(service.log().matches(TOLD).count(), 2, "{}", service.log());
    assert!(service.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_streams_of_a_managed_server_follow_a_restored_ledger_by_themselves() {
    let mut service = Service::start(&["--nats", "managed"]).await;
    create(&service, "both").await;
    published(&service).await;
    assert!(service.stop().await.success());
    let mut older = service.copy(&["--nats", "managed"]);
    service.start_again().await;
    create(&service, "only-there").await;
    published(&service).await;
    assert!(service.stop().await.success());

    // The directory is put back, and the NATS server has its newer streams.
    let nats = older.data_dir().join("nats");
    fs::remove_dir_all(&nats).expect("it was copied");
    copy(&service.data_dir().join("nats"), &nats).expect("it can be copied");
    restore(&older.data_dir());
    older.start_again().await;
    create(&older, "after").await;
    published(&older).await;
    let log = older.log();
    assert_eq!(log.matches("are deleted and made anew from the log").count(), 1, "{log}");
    let url = older.nats_url();
    let rest = url.split_once("://").expect("a scheme").1;
    let (user, password) =
        rest.split_once('@').expect("a user").0.split_once(':').expect("a password");
    let login =
        async_nats::ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned());
    let client = login.connect(&url).await.expect("it is there");
    let stream = jetstream::new(client).get_stream(STREAM).await.expect("it is there");
    let position = status(&older).await["position"].as_u64().expect("a number");
    assert_eq!(stream.cached_info().state.last_sequence, position);
    assert!(older.stop().await.success());
}
