//! Runs: of a thousand connections, repeated, killed, at once, after changes by hand.

use std::collections::BTreeSet;
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::{MANAGED, command, count, expect_equal, fleet, json, lines, run, write};
use crate::output::{said, text, told};
use crate::service::Service;
use crate::wait::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_connections_are_applied_and_a_change_by_hand_is_named() {
    let service = Service::start(&MANAGED).await;
    let manifest = write(&service, "fleet.yaml", &fleet(1_000));
    let file = text(&manifest);
    let before = run(&service, &["diff", "-f", file]).await;
    assert_eq!(before.status.code(), Some(1), "{}", said(&before));
    let (code, written) = json(&service, &["apply", "-f", file]).await;
    let done = written.last().expect("a summary");
    assert_eq!((code, &done["created"], &done["refused"]), (Some(0), &json!(1_000), &json!(0)));
    expect_equal(&service, &manifest).await;
    let run_id = done["causation_id"].as_str().expect("an id");
    let causes = causes(&service, &[]).await;
    assert_eq!(causes, BTreeSet::from([run_id.to_owned()]), "one id for the whole run");

    let (code, written) = json(&service, &["apply", "-f", file]).await;
    let done = written.last().expect("a summary");
    assert_eq!((code, &done["created"], &done["unchanged"]), (Some(0), &json!(0), &json!(1_000)));
    assert_eq!(count(&service).await, 1_000);

    told(&run(&service, &["update", "service-7", "--config", "base_url=https://x.example"]).await);
    told(&run(&service, &["rotate-secret", "service-8", "--secret", "api_key=another-one"]).await);
    let output = run(&service, &["diff", "-f", file]).await;
    let shown = lines(&output);
    assert_eq!(output.status.code(), Some(1), "{shown}");
    for name in ["service-7", "service-8"] {
        let line = format!("~ connection default/{name}: update (changed by hand since the last");
        assert!(shown.contains(&line), "{shown}");
    }
    let change = "config.base_url: https://x.example -> https://s7.example.com/v1";
    assert!(shown.contains(change) && shown.contains("secrets.api_key: "), "{shown}");
    assert_eq!(shown.lines().filter(|line| line.starts_with('~')).count(), 2, "{shown}");
    told(&run(&service, &["apply", "-f", file]).await);
    expect_equal(&service, &manifest).await;
}

/// Returns the causation ids of the events of connections.
async fn causes(service: &Service, more: &[&str]) -> BTreeSet<String> {
    let (code, events) =
        json(service, &[&["history", "--type", "connection_created"], more].concat()).await;
    assert_eq!(code, Some(0));
    let cause = |event: &Value| event["causation_id"].as_str().unwrap_or_default().to_owned();
    events.iter().map(cause).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_killed_goes_on_when_it_is_repeated_and_doubles_nothing() {
    const ALL: u64 = 2_000;
    let service = Service::start(&MANAGED).await;
    let manifest = write(&service, "fleet.yaml", &fleet(2_000));
    let mut killed = command(&service, &["apply", "-f", text(&manifest)]);
    killed.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = killed.spawn().expect("connledger starts");
    eventually("some are there", async || (count(&service).await > 20).then_some(())).await;
    let pid = i32::try_from(child.id().expect("it runs")).expect("small");
    kill(Pid::from_raw(pid), Signal::SIGKILL).expect("it is there");
    child.wait().await.expect("it ends");
    let some = count(&service).await;
    assert!(some < ALL, "it was ended in the middle");
    let (code, written) = json(&service, &["apply", "-f", text(&manifest)]).await;
    let done = written.last().expect("a summary");
    let created = done["created"].as_u64().expect("a number");
    assert_eq!((code, &done["refused"]), (Some(0), &json!(0)), "{done}");
    assert!(created > 0 && created <= ALL - some, "{created} and {some}");
    assert_eq!(count(&service).await, ALL);
    expect_equal(&service, &manifest).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_runs_at_once_none_undoes_the_other() {
    let service = Service::start(&MANAGED).await;
    let manifest = write(&service, "fleet.yaml", &fleet(300));
    let same = ["apply", "-f", text(&manifest)];
    let (one, other) = tokio::join!(run(&service, &same), run(&service, &same));
    told(&one);
    told(&other);
    assert_eq!(count(&service).await, 300);
    let versions = json(&service, &["list", "--all"]).await.1;
    assert!(versions.iter().all(|view| view["version"] == 1), "each was made once");

    // Two that declare different things: each connection is as one of both declares it, and whoever
    // came second is told so by its name.
    let files = ["Alpha", "Beta"].map(|word| {
        write(&service, &format!("{word}.yaml"), &fleet(300).replace("Service ", word))
    });
    let (alpha, beta) = (["apply", "-f", text(&files[0])], ["apply", "-f", text(&files[1])]);
    let (one, other) = tokio::join!(run(&service, &alpha), run(&service, &beta));
    let views = json(&service, &["list", "--all"]).await.1;
    for view in &views {
        let name = view["display_name"].as_str().expect("a name");
        assert!(name.starts_with("Alpha") || name.starts_with("Beta"), "{name}");
        assert!(view["version"].as_u64().is_some_and(|version| version <= 3), "{view}");
    }
    let all = said(&one) + &said(&other);
    if views.iter().any(|view| view["version"] == 2) {
        assert!(all.contains("changed by somebody else since it was planned"), "{all}");
        assert!(all.contains("[version_conflict]") && all.contains("default/service-"), "{all}");
    }
    told(&run(&service, &beta).await);
    expect_equal(&service, &files[1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_can_be_applied_here_and_elsewhere() {
    let service = Service::start(&MANAGED).await;
    let whole = "connledger: 1
workspaces: [{name: payments, display_name: Payments}]
principals:
- {name: eu-1, kind: gateway, grants: [{role: gateway, workspaces: [payments], labels: {team: a}}]}
- {name: old, kind: service, enabled: false}
connections:
- workspace: payments
  slug: main
  provider: openai
  description: |
    two
    lines
  config: {base_url: 'https://o.example', zip: '00123'}
  secrets: {api_key: {from_env: FLEET_KEY}}
  annotations: {note.owner: {name: ada}}
  identity: {type: team, value: search}
  access: {everyone: {rate: {type: requests, unit: rpm, value: 7}}, denied: [default]}
  models: {allow_all: false, models: {gpt-5: {enabled: true}}}
  pricing: {multipliers: {default: 1.5}}
- workspace: payments
  slug: second
  provider: openai
  environment: test
  secrets: {api_key: {reference: {kind: connection, name: main/api_key}}}
- {workspace: payments, slug: third, provider: acme, enabled: false}
";
    let manifest = write(&service, "whole.yaml", whole);
    told(&run(&service, &["apply", "-f", text(&manifest)]).await);
    expect_equal(&service, &manifest).await;
    let export = ["export", "--manifest", "-A", "--principals"];
    let exported = told(&run(&service, &export).await);
    assert!(!exported.contains("***") && exported.contains("keep: true"), "{exported}");
    let again = write(&service, "again.yaml", &exported);
    expect_equal(&service, &again).await;
    let (_, objects) = json(&service, &export).await;
    let as_json = write(&service, "again.json", &objects[0].to_string());
    expect_equal(&service, &as_json).await;

    let other = Service::start(&MANAGED).await;
    let refused = run(&other, &["apply", "-f", text(&again)]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(lines(&refused).contains("nothing to keep"), "{}", lines(&refused));
    assert_eq!(count(&other).await, 0, "nothing was changed");
    let movable = told(&run(&service, &[&export[..], &["--secrets-from-env"]].concat()).await);
    let movable = write(&other, "movable.yaml", &movable);
    let mut apply = command(&other, &["apply", "-f", text(&movable)]);
    told(&apply.env("MAIN_API_KEY", super::CANARY).output().await.expect("it runs"));
    let mut diff = command(&other, &["diff", "-f", text(&movable)]);
    told(&diff.env("MAIN_API_KEY", super::CANARY).output().await.expect("it runs"));
    let revealed = command(&other, &["reveal", "second", "-w", "payments", "--reason", "test"]);
    let revealed = { revealed }.output().await.expect("it runs");
    assert!(told(&revealed).contains("canary"), "the reference leads to the value");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_a_set_made_is_pruned_and_only_if_it_is_confirmed() {
    let service = Service::start(&MANAGED).await;
    let manifest = write(&service, "fleet.yaml", &fleet(4));
    let file = text(&manifest).to_owned();
    told(&run(&service, &["apply", "-f", &file, "--set", "fleet"]).await);
    told(&run(&service, &["create", "--slug", "by-hand", "--provider", "openai"]).await);
    let others = write(&service, "others.yaml", &fleet(1).replace("service-0", "other-0"));
    told(&run(&service, &["apply", "-f", text(&others), "--set", "others"]).await);
    write(&service, "fleet.yaml", &fleet(2));
    expect_equal(&service, &manifest).await;
    let prune = ["apply", "-f", &file, "--set", "fleet", "--prune"];
    let asked = run(&service, &prune).await;
    assert_eq!(asked.status.code(), Some(1));
    assert!(lines(&asked).contains("- connection default/service-3: archive"), "{}", lines(&asked));
    assert!(said(&asked).contains("--yes"), "{}", said(&asked));
    assert_eq!(count(&service).await, 6, "nothing was changed");
    let done = told(&run(&service, &[&prune[..], &["--yes"]].concat()).await);
    assert!(done.contains("archived 2"), "{done}");
    assert_eq!(count(&service).await, 4, "what others made stays");

    // A name that is archived is not taken again by mistake.
    write(&service, "fleet.yaml", &fleet(3));
    let refused = run(&service, &["apply", "-f", &file, "--set", "fleet"]).await;
    assert!(
        lines(&refused).contains("an archived connection had this name"),
        "{}",
        lines(&refused)
    );
    let restore = ["apply", "-f", &file, "--set", "fleet", "--archived", "restore"];
    assert!(told(&run(&service, &restore).await).contains("restored 1"));
    expect_equal(&service, &manifest).await;
}
