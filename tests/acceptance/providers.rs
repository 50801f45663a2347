//! Descriptions of providers: looked at, checked and given to a server.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::output::said;
use crate::service::Service;
use crate::settings;

async fn provider(words: &[&str]) -> Output {
    let mut command = Command::new(settings::connledger());
    command.arg("provider").args(words).output().await.expect("connledger runs")
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn write(folder: &Path, name: &str, description: &Value) -> String {
    let path = folder.join(name);
    fs::write(&path, description.to_string()).expect("writable");
    path.to_str().expect("text").to_owned()
}

fn acme() -> Value {
    json!({
        "id": "acme", "display_name": "Acme", "auth_methods": ["api_key"],
        "fields": [{ "name": "api_key", "secret": true, "main": true }],
    })
}

#[tokio::test]
async fn providers_are_listed_and_shown_without_a_server() {
    let listed = provider(&["list", "--json", "--capability", "embedding"]).await;
    assert!(listed.status.success(), "{}", said(&listed));
    let ids: Vec<_> = lines(&listed).into_iter().map(|line| line["id"].clone()).collect();
    assert!(ids.contains(&json!("openai")) && !ids.contains(&json!("stripe")), "{ids:?}");

    let table = provider(&["show", "amazon", "--at", "portkey"]).await;
    let table = String::from_utf8(table.stdout).expect("text");
    assert!(table.contains("aws_role_arn") && table.contains("accessKeyId"), "{table}");

    let unknown = provider(&["show", "nobody-heard-of-it"]).await;
    assert_eq!(unknown.status.code(), Some(1), "{}", said(&unknown));
    assert!(said(&unknown).contains("provider list"), "{}", said(&unknown));
}

#[tokio::test]
async fn a_shown_description_is_one_that_can_be_given_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let shown = provider(&["show", "bedrock", "--json"]).await;
    let file = write(folder.path(), "mine.json", &lines(&shown)[0]);
    let checked = provider(&["check", &file]).await;
    assert!(checked.status.success(), "{}", said(&checked));
}

#[tokio::test]
async fn every_fault_of_every_file_is_told_with_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = write(folder.path(), "good.json", &acme());
    assert!(provider(&["check", &good]).await.status.success());
    let mut other = acme();
    other["aliases"] = json!(["stripe"]);
    other["fields"][0]["type"] = json!("many");
    let broken = write(folder.path(), "broken.json", &other);
    other["id"] = json!("A");
    other["fields"][0]["type"] = json!("string");
    other["fields"][0]["secret"] = json!(false);
    let wrong = write(folder.path(), "wrong.json", &other);
    let mut clash = acme();
    clash["id"] = json!("other");
    clash["aliases"] = json!(["stripe", "fine"]);
    let clash = write(folder.path(), "clash.json", &clash);
    let checked = provider(&["check", &good, &broken, &wrong, &clash, "--json"]).await;
    assert_eq!(checked.status.code(), Some(1), "{}", said(&checked));
    let told = lines(&checked);
    let places: Vec<_> = told
        .iter()
        .map(|fault| (fault["file"].as_str(), fault["place"].as_str().unwrap_or_default()))
        .collect();
    let expected = [
        (&broken, "line 1 column"),
        (&wrong, "id"),
        (&wrong, "fields[0].main"),
        (&clash, "aliases[0]"),
    ];
    assert_eq!(places.len(), expected.len(), "{told:?}");
    for ((file, place), (wanted, start)) in places.into_iter().zip(expected) {
        assert_eq!(file, Some(wanted.as_str()));
        assert!(place.starts_with(start), "{place}");
    }
    let for_people = provider(&["check", &wrong]).await;
    let text = String::from_utf8(for_people.stdout).expect("text");
    assert!(text.starts_with(&format!("{wrong}: id: must be lower-case")), "{text}");
}

#[tokio::test]
async fn a_server_starts_with_good_descriptions_and_not_with_bad_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "acme.json", &acme());
    let providers = folder.path().to_str().expect("text");
    let mut service = Service::start(&["--nats", "off", "--providers", providers]).await;
    assert!(service.stop().await.success());

    let bad = write(folder.path(), "bad.json", &json!({ "id": "bad" }));
    let data = tempfile::tempdir().expect("a folder");
    let mut serve = Command::new(settings::connledger());
    serve.args(["serve", "--dev", "--nats", "off", "--listen", "127.0.0.1:0"]);
    serve.arg("--data-dir").arg(data.path()).env("CONNLEDGER_PROVIDERS", providers);
    let refused = serve.output().await.expect("connledger runs");
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    let words = said(&refused);
    assert!(words.contains(&format!("{bad}: line 1 column")), "{words}");
    assert!(words.contains("provider check"), "{words}");
    let touched = fs::read_dir(data.path()).expect("readable").count();
    assert_eq!(touched, 0, "a bad description shows before the ledger is made");
}
