//! The program as a process: it starts, stops, is killed, and comes back as it was.

use ledger_client::{ClientError, CommandHeaders};
use serde_json::{Value, json};

use crate::canary::{expect_silence_in, secret, sings};
use crate::service::Service;
use crate::wait::eventually;

const MANAGED: [&str; 4] = ["--nats", "managed", "--log", "debug"];

async fn count(client: &ledger_client::Client) -> Option<u64> {
    let answer = client.query("default", "list", &json!({})).await.ok()?;
    serde_json::from_slice::<Value>(&answer).expect("JSON")["total"].as_u64()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_keeps_what_it_accepted_over_a_kill_and_a_stop() {
    let mut service = Service::start(&MANAGED).await;
    let mut url = service.nats_url();
    for run in 0..4_u64 {
        let client = service.client().await;
        assert_eq!(eventually("the ledger answers", async || count(&client).await).await, run);
        let body =
            json!({"slug": format!("c-{run}"), "provider": "x", "secrets": {"k": secret(1)}});
        let body = body.to_string().into_bytes();
        let about = CommandHeaders::with_id(format!("run-{run}"));
        let made = client.command("default", "create", body.clone(), about.clone()).await;
        let made = made.expect("accepted");
        if run % 2 == 0 {
            service.kill().await;
        } else {
            assert!(service.stop().await.success(), "{}", service.log());
            assert!(!service.data_dir().join("server.json").exists(), "its file is gone");
        }
        service.start_again().await;
        assert_eq!(service.nats_url(), url, "clients find it where it was");
        url = service.nats_url();
        let client = service.client().await;
        let again = eventually("the ledger answers", async || {
            client.command("default", "create", body.clone(), about.clone()).await.ok()
        })
        .await;
        assert!(again.repeated);
        assert_eq!(again.receipt, made.receipt);
    }
    let replay = service.run(&["replay", "--verify"]).await;
    assert!(replay.status.success(), "{}", String::from_utf8_lossy(&replay.stderr));
    assert!(service.stop().await.success());
    expect_silence_in(service.folder());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_folder_is_refused() {
    let service = Service::start(&MANAGED).await;
    let second = service.run(&["serve", "--dev", "--nats", "off", "--listen", "off"]).await;
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(!second.status.success(), "{said}");
    assert!(said.contains("data_dir_in_use") || said.contains("is in use by"), "{said}");
    let client = service.client().await;
    assert_eq!(count(&client).await, Some(0), "the first one is not disturbed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_and_a_refused_command_reach_the_caller_with_their_codes() {
    let service = Service::start(&MANAGED).await;
    let client = service.client().await;
    let body = json!({"provider": "x", "slug": "a b"}).to_string().into_bytes();
    let refused = client.command("default", "create", body, CommandHeaders::default()).await;
    match refused.expect_err("refused") {
        ClientError::Problem(problem) => {
            assert_eq!(problem.code, "field_invalid");
            assert_eq!(problem.field.as_deref(), Some("slug"));
            assert!(!problem.hint.is_empty());
        }
        other => panic!("{other}"),
    }
    let listed = service.command(&["list"]).env("CONNLEDGER_KEY", "sk_test_wrong").output().await;
    let listed = listed.expect("connledger runs");
    let said = String::from_utf8_lossy(&listed.stderr).into_owned();
    assert!(!listed.status.success() && said.contains("credential_invalid"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_and_the_log_show_no_secret() {
    let mut service = Service::start(&["--nats", "managed", "--log", "trace"]).await;
    let file = service.folder().join("secret.txt");
    std::fs::write(&file, secret(7)).expect("writable");
    let from_file = format!("api_key=@{}", file.display());
    let created = service
        .run(&[
            "create",
            "--slug",
            "main",
            "--provider",
            "openai",
            "--secret",
            &from_file,
            "--json",
        ])
        .await;
    assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
    let shown = service.run(&["get", "main", "--json"]).await;
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    for output in [&created, &shown] {
        assert!(!sings(&output.stdout) && !sings(&output.stderr));
    }
    std::fs::remove_file(file).expect("there");
    assert!(service.stop().await.success());
    assert!(service.log().contains("create"), "the log was written at all");
    expect_silence_in(service.folder());
}
