//! Access as people type it: principals, keys, questions about who may do what.

use std::process::Output;

use serde_json::{Value, json};

use crate::canary::expect_none_of;
use crate::output::{said, told};
use crate::service::Service;

const MANAGED: [&str; 4] = ["--nats", "managed", "--log", "trace"];

fn objects(output: &Output) -> Vec<Value> {
    told(output).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Runs a command with a key of its own.
async fn run_as(service: &Service, key: &str, args: &[&str]) -> Output {
    let mut command = service.command(args);
    command.env("CONNLEDGER_KEY", key).output().await.expect("connledger runs")
}

/// Fails unless a command is refused with a code and an exit code.
async fn expect_refusal(service: &Service, args: &[&str], exit: i32, words: &str) {
    let refused = service.run(args).await;
    assert_eq!(refused.status.code(), Some(exit), "{args:?}: {}", said(&refused));
    assert!(said(&refused).contains(words), "{args:?}: {}", said(&refused));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_issued_used_and_revoked_and_nobody_keeps_it() {
    let mut service = Service::start(&MANAGED).await;
    told(&service.run(&["workspace", "create", "search"]).await);
    told(&service.run(&["create", "--slug", "main", "--provider", "x", "-w", "search"]).await);
    told(&service.run(&["create", "--slug", "other", "--provider", "x"]).await);
    let create = ["principal", "create", "eu-1", "--kind", "gateway", "--role", "gateway"];
    let create = [&create[..], &["--workspace", "search", "--display-name", "Europe"]].concat();
    assert!(told(&service.run(&create).await).contains("create-principal: eu-1  version 1"));

    let issue = ["key", "issue", "--for", "eu-1", "--expires-in", "90d", "--label", "first"];
    let issued = service.run(&issue).await;
    let key = told(&issued).trim().to_owned();
    assert!(key.starts_with("sk_live_") && key.lines().count() == 1, "the key and nothing else");
    assert!(said(&issued).contains("not shown again"), "{}", said(&issued));
    let second = ["key", "issue", "--for", "eu-1", "--environment", "test", "--json"];
    let second = service.run(&[&second[..], &["--command-id", "second"]].concat()).await;
    let second = objects(&second).remove(0);
    let (second_key, id) = (second["key"].as_str().expect("a key"), &second["id"]);
    assert!(second_key.starts_with(&format!("sk_test_{}_", id.as_str().expect("an id"))));
    let again = ["key", "issue", "--for", "eu-1", "--environment", "test"];
    let again = [&again[..], &["--command-id", "second"]].concat();
    expect_refusal(&service, &again, 1, "answered before").await;

    let who = objects(&run_as(&service, &key, &["whoami", "--json"]).await).remove(0);
    assert_eq!(who["actor"], "gateway:eu-1");
    assert_eq!(who["grants"], json!([{"scopes": ["read", "reveal"], "workspaces": ["search"]}]));
    let listed = objects(&run_as(&service, &key, &["list", "-A", "--json"]).await);
    assert_eq!(listed.len(), 1);
    let touched = run_as(&service, &key, &["disable", "main", "-w", "search"]).await;
    assert_eq!(touched.status.code(), Some(1));
    assert!(said(&touched).contains("[forbidden]"), "{}", said(&touched));

    let keys = service.run(&["key", "list", "--for", "eu-1", "--json"]).await;
    let first = key.split('_').nth(2).expect("an id").to_owned();
    let listed = objects(&keys);
    let shown = listed.iter().find(|one| one["id"] == first.as_str()).expect("listed");
    assert_eq!((&shown["state"], &shown["label"]), (&json!("live"), &json!("first")));
    assert!(shown["last_used_at"].is_string() && shown["expires_at"].is_string(), "{shown}");
    let revoke = ["key", "revoke", &first, "--reason", "seen"];
    assert!(told(&service.run(&revoke).await).contains("revoke-key: eu-1"));
    let after = run_as(&service, &key, &["whoami"]).await;
    assert!(said(&after).contains("[credential_revoked]"), "{}", said(&after));
    told(&run_as(&service, second_key, &["whoami"]).await);
    expect_refusal(&service, &revoke, 1, "[api_key_unknown]").await;
    let whole = service.run(&["key", "revoke", second_key]).await;
    assert_eq!(whole.status.code(), Some(2));
    assert!(!said(&whole).contains(second_key), "a key is not repeated");

    let table = told(&service.run(&["key", "list"]).await);
    assert!(table.contains("revoked") && table.contains("live"), "{table}");
    assert!(service.stop().await.success());
    service.start_again().await;
    let again = objects(&service.run(&["key", "list", "--for", "eu-1", "--json"]).await);
    let again = again.iter().find(|one| one["id"] == first.as_str()).expect("listed");
    assert_eq!(again["last_used_at"], shown["last_used_at"], "a clean stop keeps it");
    assert!(service.stop().await.success());
    let log = std::fs::read_to_string(service.folder().join("connledger.log")).expect("a log");
    assert!(log.contains("issue-key"), "the log was written at all");
    for key in [key.as_str(), second_key] {
        let secret = key.splitn(4, '_').nth(3).expect("the fourth part");
        for shown in [&keys.stdout[..], table.as_bytes()] {
            assert!(!String::from_utf8_lossy(shown).contains(secret));
        }
        expect_none_of(secret.as_bytes(), service.folder());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn workspaces_and_principals_are_listed_page_by_page() {
    let mut service = Service::start(&MANAGED).await;
    for name in ["a", "b"] {
        told(&service.run(&["workspace", "create", name]).await);
        told(&service.run(&["principal", "create", name, "--kind", "user"]).await);
    }
    for noun in ["workspace", "principal"] {
        let whole = objects(&service.run(&[noun, "list", "--json"]).await);
        assert!(whole.len() > 2, "{noun}");
        let paged = [noun, "list", "--all", "--page-size", "1", "--json"];
        assert_eq!(objects(&service.run(&paged).await), whole);
        let first = service.run(&[noun, "list", "--page-size", "1"]).await;
        assert_eq!(told(&first).lines().count(), 2, "the headings and one row");
        assert!(said(&first).contains(&format!("1 of {} shown", whole.len())), "{}", said(&first));
        let hint = said(&first);
        let cursor = hint.split_once("--cursor ").and_then(|(_, rest)| rest.split_once(';'));
        let (cursor, _) = cursor.expect("a hint leads on");
        let next = [noun, "list", "--page-size", "1", "--cursor", cursor, "--json"];
        assert_eq!(objects(&service.run(&next).await), whole[1..2]);
    }
    assert!(service.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn principals_are_made_changed_shown_and_switched_off() {
    let service = Service::start(&MANAGED).await;
    let create = ["principal", "create", "ada", "--kind", "user", "--role", "editor"];
    let create = [&create[..], &["--provider", "openai", "--label", "team=a", "--json"]].concat();
    let made = objects(&service.run(&create).await).remove(0);
    assert_eq!((&made["version"], &made["repeated"]), (&json!(1), &json!(false)));
    expect_refusal(&service, &create, 1, "principal_exists").await;
    let listed = told(&service.run(&["principal", "list"]).await);
    assert!(listed.contains("editor everywhere, on openai, with team=a"), "{listed}");

    let file = service.folder().join("permissions.json");
    let grants = json!([{"role": "viewer"}, {"scopes": ["write"], "workspaces": ["default"]}]);
    std::fs::write(&file, grants.to_string()).expect("writable");
    let update = ["principal", "update", "ada", "--grants", file.to_str().expect("text")];
    told(&service.run(&update).await);
    let renamed = ["principal", "update", "ada", "--display-name", "Ada"];
    told(&service.run(&renamed).await);
    let ada = objects(&service.run(&["principal", "show", "ada", "--json"]).await).remove(0);
    assert_eq!(ada["display_name"], "Ada");
    assert_eq!(ada["grants"][0], json!({"scopes": ["read"]}));
    assert_eq!(ada["grants"][1], json!({"scopes": ["write"], "workspaces": ["default"]}));
    let narrow = ["principal", "update", "ada", "--role", "viewer", "-w", "a", "-w", "b"];
    told(&service.run(&narrow).await);
    let shown = told(&service.run(&["principal", "show", "ada"]).await);
    assert!(shown.contains("viewer in a, b"), "{shown}");

    let key = told(&service.run(&["key", "issue", "--for", "ada"]).await).trim().to_owned();
    let disable = ["principal", "disable", "ada", "--reason", "left"];
    told(&service.run(&disable).await);
    let refused = run_as(&service, &key, &["whoami"]).await;
    assert!(said(&refused).contains("[credential_revoked]"), "{}", said(&refused));
    told(&service.run(&["principal", "enable", "ada"]).await);
    told(&run_as(&service, &key, &["whoami"]).await);

    expect_refusal(&service, &["principal", "show", "bob"], 1, "[principal_unknown]").await;
    expect_refusal(&service, &["key", "list", "--for", "bob"], 1, "[principal_unknown]").await;
    expect_refusal(&service, &["key", "issue", "--for", "bob"], 1, "[principal_unknown]").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn access_check_answers_in_words_and_by_its_exit_code() {
    let service = Service::start(&MANAGED).await;
    told(&service.run(&["create", "--slug", "main", "--provider", "x"]).await);
    let create = ["principal", "create", "ada", "--kind", "user", "--role", "viewer"];
    told(&service.run(&[&create[..], &["-w", "default"]].concat()).await);
    for (more, word, exit) in [
        (&["--may", "read"][..], "allowed: ", 0),
        (&["--may", "get", "--on", "main"], "allowed: ", 0),
        (&["--may", "rotate-secret", "--on", "main"], "denied: ", 1),
        (&["--may", "read", "--ledger"], "denied: ", 1),
    ] {
        let asked = [&["access", "check", "--as", "ada"], more].concat();
        let answer = service.run(&asked).await;
        let text = String::from_utf8_lossy(&answer.stdout).into_owned();
        assert!(text.starts_with(word), "{more:?}: {text}");
        assert_eq!(answer.status.code(), Some(exit), "{more:?}");
        assert_eq!(said(&answer), "", "the answer is no error");
    }
    let json = ["access", "check", "--as", "ada", "--may", "write", "--json"];
    let answer = service.run(&json).await;
    assert_eq!(answer.status.code(), Some(1));
    let answer: Value = serde_json::from_slice(&answer.stdout).expect("JSON");
    assert_eq!((&answer["allowed"], &answer["scope"]), (&json!(false), &json!("write")));

    let check = ["access", "check", "--as", "ada", "--may"];
    let ask = |more: &[&'static str]| [&check[..], more].concat();
    expect_refusal(&service, &ask(&["fly"]), 1, "[field_invalid]").await;
    expect_refusal(&service, &ask(&["read", "--on", "gone"]), 1, "[connection_unknown]").await;
    expect_refusal(&service, &ask(&["read", "--ledger", "-w", "x"]), 2, "contradict").await;
    let usage: [(&[&str], &str); 6] = [
        (&["principal", "create", "b", "--kind", "user", "-w", "x"], "but not what"),
        (&["principal", "create", "b", "--kind", "user", "--role", "king"], "--role"),
        (&["principal", "update", "b"], "nothing to change"),
        (&["key", "issue", "--for", "ada", "--expires-at", "2001-01-01T00:00:00Z"], "in the past"),
        (&["key", "issue", "--for", "ada", "--expires-in", "90"], "must be a number"),
        (&["get", "main", "-w", "a", "-w", "b"], "one workspace"),
    ];
    for (args, words) in usage {
        expect_refusal(&service, args, 2, words).await;
    }
}
