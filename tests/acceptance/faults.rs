//! The machine below fails: no room to write, a folder that cannot be written, no NATS server.

use std::fs;
use std::process::Stdio;

use ledger_client::{ClientError, CommandHeaders};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::canary::secret;
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
