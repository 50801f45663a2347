//! The page of metrics, as Prometheus reads it, and the rules and the dashboard made of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use ledger_metrics::table;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::canary::{secret, sings};
use crate::http::door;
use crate::ports;
use crate::service::Service;
use crate::settings;
use crate::wait::eventually;

/// Asks for the page, and returns the status, the media type and the text.
async fn ask(url: &str, headers: &[(&'static str, &str)]) -> (StatusCode, String, String) {
    let mut all = HeaderMap::new();
    for (name, value) in headers {
        all.insert(HeaderName::from_static(name), HeaderValue::from_str(value).expect("text"));
    }
    let answer = door::client().get(format!("{url}/metrics")).headers(all).send().await;
    let answer = answer.expect("an answer");
    let (status, kind) = (answer.status(), answer.headers()["content-type"].clone());
    let kind = kind.to_str().expect("text").to_owned();
    (status, kind, answer.text().await.expect("a body"))
}

async fn page(service: &Service) -> String {
    let (status, kind, text) = ask(&service.http_url(), &[]).await;
    assert_eq!(status, StatusCode::OK, "{text}");
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    text
}

/// Returns the value of one series.
fn value(page: &str, series: &str) -> Option<f64> {
    let line = page
        .lines()
        .find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')))?;
    Some(line.rsplit(' ').next()?.parse().expect("a number"))
}

/// Returns the names of the metrics on a page.
fn names(page: &str) -> BTreeSet<&str> {
    page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect()
}

async fn promtool(args: &[&str], input: &str) {
    let mut child = Command::new(settings::promtool())
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).await.expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().await.expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}{complaints}\n{input}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_one_that_prometheus_takes_and_has_what_the_table_says() {
    let mut service = Service::start(&["--nats", "managed"]).await;
    let (place, main) = ("/workspaces/default/connections", "/workspaces/default/connections/main");
    let made = json!({"slug": "main", "provider": "openai", "secrets": {"api_key": secret(1)}});
    service.create(place, &made).await;
    let other = json!({"slug": "other", "provider": "of-nobody", "secrets": {"k": secret(2)}});
    service.create(place, &other).await;
    let (status, _) = service.ask(Method::POST, place, &made).await;
    assert_eq!(status, StatusCode::CONFLICT, "there is one already");
    let reveal = json!({"fields": ["api_key"], "reason": "a test"});
    let (status, _) = service.ask(Method::POST, &format!("{main}/reveal-secret"), &reveal).await;
    assert_eq!(status, StatusCode::OK);

    let published = eventually("everything is published", async || {
        let page = page(&service).await;
        (value(&page, "connledger_relay_lag_events") == Some(0.0)).then_some(page)
    });
    let page = published.await;
    promtool(&["check", "metrics"], &page).await;
    let known: BTreeSet<&str> = table::ALL.iter().map(|metric| metric.name).collect();
    for name in names(&page) {
        assert!(known.contains(name), "{name} is not in the table");
    }
    let always = table::ALL.iter().filter(|metric| metric.when.is_empty());
    for metric in always.filter(|metric| metric.kind != table::Kind::Counter) {
        assert!(names(&page).contains(metric.name), "{} is not on the page\n{page}", metric.name);
    }
    for (series, expected) in [
        ("connledger_commands_total{outcome=\"accepted\",verb=\"create\"}", 2.0),
        ("connledger_commands_total{outcome=\"refused\",verb=\"create\"}", 1.0),
        ("connledger_command_duration_seconds_count{verb=\"create\"}", 3.0),
        ("connledger_reveals_total{verb=\"reveal-secret\"}", 1.0),
        ("connledger_refusals_total{code=\"slug_taken\"}", 1.0),
        ("connledger_connections_by_health{health=\"unknown\",provider=\"openai\"}", 1.0),
        ("connledger_connections_by_health{health=\"unknown\",provider=\"other\"}", 1.0),
        ("connledger_ready", 1.0),
        ("connledger_owner", 1.0),
        ("connledger_connections", 2.0),
        ("connledger_poisoned", 0.0),
        ("connledger_sealed", 0.0),
    ] {
        assert_eq!(value(&page, series), Some(expected), "{series}\n{page}");
    }
    for series in ["process_resident_memory_bytes", "connledger_disk_free_bytes"] {
        assert!(value(&page, series).is_some_and(|value| value > 1e6), "{series}\n{page}");
    }
    assert!(!sings(page.as_bytes()), "no secret is on it");
    assert!(!page.contains("main") && !page.contains("of-nobody"), "{page}");
    assert!(service.stop().await.success(), "{}", service.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_programs_on_this_machine_need_no_key_for_it() {
    let service = Service::start(&["--nats", "off"]).await;
    let url = service.http_url();
    for header in [("host", "ledger.example.com"), ("x-forwarded-for", "192.0.2.7"), ("via", "x")] {
        let (status, _, text) = ask(&url, &[header]).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{header:?}: {text}");
        assert!(text.contains("credential_missing"), "{text}");
        let key = format!("Bearer {}", service.key());
        let (status, _, _) = ask(&url, &[header, ("authorization", &key)]).await;
        assert_eq!(status, StatusCode::OK, "{header:?}");
    }
    let (status, _, text) = ask(&url, &[("authorization", "Bearer sk_test_wrong")]).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "a wrong key is told: {text}");
    assert!(page(&service).await.contains("connledger_ready 1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_of_its_own_has_the_page_and_nothing_else() {
    let address = format!("127.0.0.1:{}", ports::free_port());
    let service =
        Service::start(&["--nats", "off", "--listen", "off", "--metrics-listen", &address]).await;
    let url = format!("http://{address}");
    let (status, _, text) = ask(&url, &[("host", "ledger.example.com")]).await;
    assert_eq!(status, StatusCode::OK, "{text}");
    assert!(text.contains("connledger_ready 1"), "{text}");
    for path in ["/healthz", "/api/v1/status", "/"] {
        let answer = door::client().get(format!("{url}{path}")).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
    drop(service);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_as_long_with_many_workspaces() {
    let service = Service::start(&["--nats", "off"]).await;
    // The first ones show what is counted from now on.
    for number in 0..3 {
        service.create("/workspaces", &json!({"name": format!("first-{number}")})).await;
    }
    let before = names(&page(&service).await).len();
    let lines = page(&service).await.lines().count();
    for number in 0..300 {
        service.create("/workspaces", &json!({"name": format!("w-{number}")})).await;
        let place = format!("/workspaces/w-{number}/connections");
        service.create(&place, &json!({"slug": "c", "provider": format!("own-{number}")})).await;
    }
    let eventually_counted = eventually("the page is a new one", async || {
        let page = page(&service).await;
        (value(&page, "connledger_connections") == Some(300.0)).then_some(page)
    });
    let after = eventually_counted.await;
    assert_eq!(names(&after).len(), before, "no metric came");
    // The latency of the verb that was used first.
    let more = after.lines().count() - lines;
    assert!(more <= 20, "{more} lines came\n{after}");
}

#[tokio::test]
async fn the_rules_are_ones_that_prometheus_takes() {
    let rules = folder().join("connledger-alerts.yaml");
    promtool(&["check", "rules", "--lint-fatal", rules.to_str().expect("text")], "").await;
    assert!(fs::metadata(folder().join("connledger-dashboard.json")).is_ok());
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/monitoring")
}
