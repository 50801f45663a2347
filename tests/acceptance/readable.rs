//! What the command line shows is readable: for people at a terminal of any width, for programs as
//! JSON alone, and for those who know other programs' words.

use serde_json::{Value, json};
use tokio::process::Command;

use crate::output::{said, told};
use crate::service::Service;
use crate::settings;

/// Runs a command at a terminal, and returns the lines that it shows.
async fn at_terminal(service: &Service, columns: usize, args: &[&str]) -> Vec<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/acceptance/terminal.py");
    let mut command = Command::new(settings::python());
    command.args([script, ""]).arg(settings::connledger()).args(args);
    command.arg("--data-dir").arg(service.data_dir());
    command.env("TERMINAL_COLUMNS", columns.to_string());
    let shown = command.output().await.expect("Python runs");
    told(&shown).lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_fit_the_terminal_and_are_whole_in_a_pipe() {
    let service = Service::start(&["--nats", "managed"]).await;
    let long = "x".repeat(245);
    for slug in ["main", long.as_str()] {
        told(&service.run(&["create", "--slug", slug, "--provider", "openai"]).await);
    }
    let reason = "budget\n\tused up\u{202e}";
    told(&service.run(&["disable", "main", "--reason", reason]).await);
    for columns in [40, 80, 120] {
        for args in [&["list"][..], &["history"], &["history", "main"], &["whoami"]] {
            let lines = at_terminal(&service, columns, args).await;
            // One value that is too long for a line is not cut into two.
            let is_value = |line: &str| line == long || !line.trim_start().contains("  ");
            let too_long = |line: &&String| line.chars().count() > columns && !is_value(line);
            assert_eq!(lines.iter().find(too_long), None, "{columns}: {lines:#?}");
        }
    }
    let listed = told(&service.run(&["list"]).await);
    let widths: Vec<_> = listed.lines().map(str::len).collect();
    assert!(listed.contains(&long), "{listed}");
    assert_eq!(widths.iter().filter(|width| **width > 150).count(), 1, "{listed}");
    let marked = ["mark-failed", "main", "--reason", reason];
    told(&service.run(&marked).await);
    let shown = told(&service.run(&["get", "main"]).await);
    assert!(shown.contains("budget used up\\u{202e}"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_get_json_alone() {
    let service = Service::start(&["--nats", "managed"]).await;
    let create = ["create", "--slug", "main", "--provider", "openai", "--secret", "k=sk-first-1"];
    let lines: [&[&str]; 9] = [
        &create,
        &create,
        &["list"],
        &["get", "missing"],
        &["gte", "main"],
        &["delete", "main"],
        &["create", "--no-such-flag"],
        &["replay", "--verify"],
        &["completions", "bash"],
    ];
    for args in lines {
        let output = service.run(&[&["--json"], args].concat()).await;
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        for line in shown.lines().chain(said(&output).lines()) {
            let object: Value = serde_json::from_str(line).unwrap_or_default();
            assert!(object.is_object(), "{args:?}: {line}");
        }
        assert!(!shown.is_empty() || !said(&output).is_empty(), "{args:?}");
    }
    let refused = said(&service.run(&["get", "missing", "--json"]).await);
    let error: Value = serde_json::from_str(refused.trim()).expect("one object");
    let hint = error["error"]["hint"].as_str().expect("text");
    assert!(hint.contains("connledger explain connection_unknown"), "{hint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_connection_is_found_by_its_slug_if_it_is_the_only_one() {
    let service = Service::start(&["--nats", "managed"]).await;
    let create = ["create", "--slug", "main", "--provider", "openai"];
    told(&service.run(&create).await);
    told(&service.run(&["archive", "main"]).await);
    let unknown = service.run(&["get", "main"]).await;
    assert_eq!(unknown.status.code(), Some(1));
    assert!(said(&unknown).contains("was archived at"), "{}", said(&unknown));
    told(&service.run(&["restore", "MAIN"]).await);
    assert!(told(&service.run(&["get", "main"]).await).contains("active"));

    told(&service.run(&["archive", "main"]).await);
    told(&service.run(&create).await);
    told(&service.run(&["archive", "main"]).await);
    let several = service.run(&["restore", "main"]).await;
    assert_eq!(several.status.code(), Some(1));
    assert_eq!(said(&several).matches("was archived at").count(), 2, "{}", said(&several));
    let text = said(&several);
    let id = text.lines().last().and_then(|line| line.split(' ').nth(1)).expect("an id");
    told(&service.run(&["restore", id]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_cut_because_of_its_bytes_is_shown_whole() {
    let service = Service::start(&["--nats", "managed"]).await;
    let file = service.folder().join("fleet.jsonl");
    let note = "x".repeat(20 * 1024);
    let lines = (0..60).map(|number| {
        let body = json!({
            "slug": format!("c-{number:02}"), "provider": "openai", "config": {"note": note},
        });
        body.to_string()
    });
    std::fs::write(&file, lines.collect::<Vec<_>>().join("\n")).expect("writable");
    told(&service.run(&["load", file.to_str().expect("text")]).await);

    let question = json!({});
    let answer = service.client().await.query("default", "list", &question).await;
    let page: Value = serde_json::from_slice(&answer.expect("a page")).expect("JSON");
    assert_eq!(page["truncated"], true);
    assert!(page["next_cursor"].is_string());
    let cut = page["connections"].as_array().expect("rows").len();
    assert!((1..50).contains(&cut), "{cut}");

    let listed = service.run(&["list"]).await;
    assert_eq!(told(&listed).lines().count(), 51, "the headings and a page of 50");
    assert!(said(&listed).contains("50 of 60 shown") && said(&listed).contains("--cursor"));
    let all = service.run(&["list", "--json"]).await;
    assert_eq!(told(&all).lines().count(), 60);
}
