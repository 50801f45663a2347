//! `load`: many connections from a file, whatever is wrong with some of its lines.

use std::fs;
use std::process::{Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::service::Service;
use crate::wait::eventually;

const MANAGED: [&str; 2] = ["--nats", "managed"];

fn line(slug: &str) -> String {
    json!({"slug": slug, "provider": "openai", "secrets": {"api_key": "sk-first"}}).to_string()
}

/// Loads lines from a file, and returns the exit code, what `--json` wrote, and the messages.
async fn load(service: &Service, lines: &[u8]) -> (Option<i32>, Vec<Value>, String) {
    let file = service.folder().join("fleet.jsonl");
    fs::write(&file, lines).expect("writable");
    let output = service.run(&["load", file.to_str().expect("text"), "--json"]).await;
    told(&output)
}

fn told(output: &Output) -> (Option<i32>, Vec<Value>, String) {
    let written = String::from_utf8(output.stdout.clone()).expect("text");
    let written = written.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    (output.status.code(), written, String::from_utf8_lossy(&output.stderr).into_owned())
}

fn counts(created: u64, repeated: u64, archived: u64, refused: u64) -> Value {
    json!({"created": created, "repeated": repeated, "archived": archived, "refused": refused})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_loaded_once_however_often_it_is_loaded() {
    let service = Service::start(&MANAGED).await;
    let lines = [line("one"), String::new(), line("two"), "{".to_owned(), line("two words")];
    for (created, repeated) in [(2, 0), (0, 2)] {
        let (code, told, said) = load(&service, lines.join("\n").as_bytes()).await;
        assert_eq!(code, Some(1), "two lines are wrong: {said}");
        assert_eq!((&told[0]["line"], &told[0]["code"]), (&json!(4), &json!("body_malformed")));
        assert_eq!((&told[1]["line"], &told[1]["code"]), (&json!(5), &json!("field_invalid")));
        assert_eq!(told[2], counts(created, repeated, 0, 2));
    }
    let spelled_otherwise = line("one").replace(':', " : ");
    let (code, told, _) = load(&service, spelled_otherwise.as_bytes()).await;
    assert_eq!((code, &told[0]), (Some(0), &counts(0, 1, 0, 0)));
    let with_another_secret = line("one").replace("sk-first", "sk-second");
    let (code, told, _) = load(&service, with_another_secret.as_bytes()).await;
    assert_eq!((code, &told[0]["code"]), (Some(1), &json!("command_id_reused")));
    assert!(told[0]["message"].to_string().contains("rotate-secret"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_whose_connection_was_archived_is_reported() {
    let service = Service::start(&MANAGED).await;
    let lines = [line("one"), line("two")].join("\n");
    assert_eq!(load(&service, lines.as_bytes()).await.0, Some(0));
    assert!(service.run(&["archive", "two"]).await.status.success());
    let (code, told, said) = load(&service, lines.as_bytes()).await;
    assert_eq!(code, Some(1), "{said}");
    assert_eq!((&told[0]["line"], &told[0]["code"]), (&json!(2), &json!("connection_archived")));
    assert_eq!(told[1], counts(0, 1, 1, 0));
    let message = told[0]["message"].as_str().expect("text");
    let id = message.split("restore ").nth(1).and_then(|rest| rest.split('`').next());
    assert!(service.run(&["restore", id.expect("an id")]).await.status.success(), "{message}");
    assert_eq!(load(&service, lines.as_bytes()).await.1, [counts(0, 2, 0, 0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_cannot_be_sent_are_refused_and_the_others_are_loaded() {
    let service = Service::start(&MANAGED).await;
    let mut lines = format!("\u{feff}{}\n", line("one")).into_bytes();
    lines.extend(vec![b'x'; 3 << 20]);
    lines.extend(b"\n{\"slug\": \"\xff\"}\n");
    lines.extend(line("two").as_bytes());
    let (code, told, said) = load(&service, &lines).await;
    assert_eq!(code, Some(1), "{said}");
    assert_eq!((&told[0]["line"], &told[0]["code"]), (&json!(2), &json!("message_too_large")));
    assert_eq!((&told[1]["line"], &told[1]["code"]), (&json!(3), &json!("body_malformed")));
    assert_eq!(told[2], counts(2, 0, 0, 2));

    let array = format!("[\n{},\n{}\n]", line("three"), line("four"));
    let (code, told, said) = load(&service, array.as_bytes()).await;
    assert_eq!((code, told), (Some(2), vec![counts(0, 0, 0, 0)]));
    assert!(said.contains("JSON array") && said.contains("jq -c '.[]'"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_load_says_what_it_did_and_how_to_continue() {
    let service = Service::start(&MANAGED).await;
    let mut command = service.command(&["load", "-", "--json"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.kill_on_drop(true).spawn().expect("connledger starts");
    let mut input = child.stdin.take().expect("piped");
    input.write_all(format!("{}\n", line("one")).as_bytes()).await.expect("it reads");
    eventually("the line is loaded", async || {
        service.run(&["get", "one"]).await.status.success().then_some(())
    })
    .await;
    let pid = i32::try_from(child.id().expect("it runs")).expect("small");
    kill(Pid::from_raw(pid), Signal::SIGINT).expect("it is there");
    let (code, told, said) = told(&child.wait_with_output().await.expect("it ends"));
    assert_eq!((code, told), (Some(130), vec![counts(1, 0, 0, 0)]), "{said}");
    assert!(said.contains("interrupted") && said.contains("load the same file again"), "{said}");
    drop(input);
}
