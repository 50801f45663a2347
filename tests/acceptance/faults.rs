//! The machine below fails: no room to write, a folder that cannot be written, no NATS server.

use std::fs;
use std::process::Stdio;

use ledger_client::{ClientError, CommandHeaders};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::canary::secret;
use crate::http::door;
use crate::nats_server::NatsServer;
use crate::service::Service;
use crate::settings;
use crate::wait::eventually;

/// Largest file that the served program may write, in the 512 bytes that `ulimit -f` counts in.
const FILE_BLOCKS_MAX: u32 = 8 * 1024 * 2;

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_fails_ends_the_server_and_loses_nothing() {
    let nats = NatsServer::start().await;
    let url = nats.url();
    // A write fails in the middle; what signals that by a signal is ignored.
    let limit = format!("trap '' XFSZ; ulimit -f {FILE_BLOCKS_MAX}; exec \"$@\"");
    let mut service =
        Service::start_under(&["sh", "-c", &limit, "sh"], &["--nats-url", &url]).await;
    let client = service.client().await;
    let description = "d".repeat(2_000);
    let mut acknowledged = Vec::new();
    let refused = loop {
        let slug = format!("c-{}", acknowledged.len());
        let body = json!({
            "slug": slug, "provider": "x", "description": description,
            "secrets": {"k": secret(acknowledged.len())},
        });
        let sent = client.command(
            "default",
            "create",
            body.to_string().into_bytes(),
            CommandHeaders::with_id(slug.clone()),
        );
        match sent.await {
            Ok(accepted) => acknowledged.push((slug, body, accepted.receipt)),
            Err(error) => break error,
        }
        assert!(acknowledged.len() < 50_000, "the disk never filled up");
    };
    match refused {
        ClientError::Problem(problem) => assert_eq!(problem.code, "log_poisoned", "{problem:?}"),
        other => panic!("{other}"),
    }
    let ended = service.ended().await;
    assert_eq!(ended.code(), Some(3), "{}", service.log());
    assert!(service.log().contains("[log_poisoned]"), "{}", service.log());
    let nats = async_nats::connect(&url).await.expect("NATS is there");
    let stream = async_nats::jetstream::new(nats).get_stream("LEDGER_EVENTS").await;
    let published = stream.expect("the stream").cached_info().state.last_sequence;
    let durable = acknowledged.iter().map(|(_, _, receipt)| receipt.position).max();
    assert!(Some(published) >= durable, "{published} of {durable:?} are published");

    service.start_under_nothing().await;
    let client = service.client().await;
    for (slug, body, receipt) in &acknowledged {
        let again = CommandHeaders::with_id(slug.clone());
        let again = client.command("default", "create", body.to_string().into_bytes(), again).await;
        let again = again.expect("accepted before");
        assert!(again.repeated, "{slug}");
        assert_eq!(&again.receipt, receipt);
    }
    let verified = service.run(&["replay", "--verify"]).await;
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}

/// Runs a program whose folder `store` is a small disk of its own, which grows once there is a file
/// `grow` beside the data directory.
pub(crate) const SMALL_DISK: &str = r#"
    for word; do [ "$before" = --data-dir ] && folder=$word; before=$word; done
    mkdir -p "$folder/store" && mount -t tmpfs -o size=24m none "$folder/store" || exit 9
    {
        until [ -e "$folder/../grow" ]; do kill -0 $$ || exit; sleep 0.05; done
        mount -o remount,size=400m "$folder/store"
    } &
    exec "$@"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn after_a_full_disk_the_server_goes_on_by_itself() {
    let under = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", SMALL_DISK, "sh"];
    let service = Service::start_under(&under, &["--nats", "off"]).await;
    let pid = service.pid();
    let http = door::client();
    // The port is another one after the start.
    let call = async |method: Method, path: &str, id: Option<&str>, body: Option<&Value>| {
        let mut sent = http
            .request(method, format!("{}{path}", service.http_url_now()?))
            .bearer_auth(service.key());
        if let Some(id) = id {
            sent = sent.header("Idempotency-Key", id);
        }
        if let Some(body) = body {
            sent = sent.header("Content-Type", "application/json").body(body.to_string());
        }
        let answer = sent.send().await.ok()?;
        let (status, body) = (answer.status(), answer.bytes().await.ok()?);
        Some((status, serde_json::from_slice::<Value>(&body).ok()?))
    };
    let create = async |number: usize| {
        let body = json!({
            "slug": format!("c-{number}"), "provider": "x", "description": "d".repeat(4_000),
        });
        let id = format!("create-{number}");
        call(Method::POST, "/api/v1/workspaces/default/connections", Some(&id), Some(&body)).await
    };
    let body = json!({});
    let replayed = call(Method::POST, "/api/v1/replay", None, Some(&body)).await;
    let (_, replayed) = replayed.expect("it answers");
    assert_eq!(replayed["code"], "disk_full", "before anything is written: {replayed}");
    assert!(replayed["detail"].as_str().expect("a sentence").contains("rebuilding"), "{replayed}");
    let mut accepted = 0;
    let refused = loop {
        let (status, answer) = create(accepted).await.expect("it answers");
        if !status.is_success() {
            break answer;
        }
        accepted += 1;
        assert!(accepted < 50_000, "the disk never filled up");
    };
    assert_eq!(refused["code"], "disk_full", "{refused}");
    let (status, _) = call(Method::GET, "/api/v1/workspaces/default/connections/c-0", None, None)
        .await
        .expect("it answers");
    assert!(status.is_success(), "reading goes on");
    let (status, unready) = call(Method::GET, "/readyz", None, None).await.expect("it answers");
    assert_eq!(status, 503);
    assert_eq!(unready["code"], "disk_full");
    assert!(unready["detail"].as_str().expect("a sentence").contains("256 MiB"), "{unready}");
    let (_, before) = call(Method::GET, "/api/v1/status", None, None).await.expect("it answers");
    assert!(
        before["disk_full"]["free_bytes"].as_u64() < before["disk_full"]["needed_bytes"].as_u64()
    );

    fs::write(service.folder().join("grow"), "").expect("a file");
    let after = eventually("it accepts commands again", async || {
        let (status, _) = create(accepted).await?;
        if !status.is_success() {
            return None;
        }
        call(Method::GET, "/api/v1/status", None, None).await
    })
    .await
    .1;
    assert_eq!(service.pid(), pid, "no other process took its place");
    assert_eq!(after["epoch"].as_u64(), before["epoch"].as_u64().map(|epoch| epoch + 1));
    assert_eq!(after["connections"], accepted + 1, "every accepted one is there once");
    assert_eq!(after.get("disk_full"), None);
    for said in ["the disk is full", "there is room; starting again", "serving again"] {
        assert!(service.log().contains(said), "{said}: {}", service.log());
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named() {
    // Nobody, not even root, can make a folder there.
    let folder = "/proc/ledger";
    let mut serve = Command::new(settings::connledger());
    serve.args(["serve", "--dev", "--nats", "off", "--data-dir", folder]);
    let refused = serve.stdin(Stdio::null()).output().await.expect("connledger runs");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains(folder), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_managed_nats_server_that_dies_is_started_again() {
    let service = Service::start(&["--nats", "managed"]).await;
    let client = service.client().await;
    let create = async |slug: &str| {
        let body = json!({"slug": slug, "provider": "x"}).to_string().into_bytes();
        eventually("the ledger answers", async || {
            let about = CommandHeaders::with_id(slug);
            client.command("default", "create", body.clone(), about).await.ok()
        })
        .await
    };
    create("before").await;
    let pid_file = service.data_dir().join("nats/nats-server.pid");
    let pid = fs::read_to_string(&pid_file).expect("the server's pid");
    kill(Pid::from_raw(pid.trim().parse().expect("a number")), Signal::SIGKILL).expect("it runs");
    create("after").await;
    eventually("its events reach the stream", async || {
        let status = client.query("_all", "status", &json!({})).await.ok()?;
        let status: Value = serde_json::from_slice(&status).expect("JSON");
        (status["position"] == 5 && status["published"] == 5).then_some(())
    })
    .await;
    let url = service.nats_url();
    let nats = async_nats::ConnectOptions::with_user_and_password(
        user(&url).0.to_owned(),
        user(&url).1.to_owned(),
    );
    let nats = nats.connect(&url).await.expect("the new server knows the same users");
    let stream = async_nats::jetstream::new(nats).get_stream("LEDGER_EVENTS").await;
    assert_eq!(stream.expect("the stream").cached_info().state.messages, 5);
}

/// Takes user and password out of an address.
fn user(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").expect("a scheme").1;
    rest.split_once('@').expect("a user").0.split_once(':').expect("a password")
}
