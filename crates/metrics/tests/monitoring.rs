//! The alerts, the dashboard and the runbooks fit the table of metrics and each other.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ledger_metrics::Kind;
use ledger_metrics::table::ALL;
use serde_json::Value;

/// Labels that Prometheus adds, and that histograms have.
const LABELS: [&str; 3] = ["job", "instance", "le"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the metrics that a text names.
fn metrics(text: &str) -> BTreeSet<String> {
    let words = text.split(|mark: char| !(mark.is_ascii_alphanumeric() || mark == '_'));
    let is_metric = |word: &&str| word.starts_with("connledger_") || word.starts_with("process_");
    words.filter(is_metric).map(str::to_owned).collect()
}

/// Checks that a metric is in the table, and a part of a histogram is one.
fn expect_known(name: &str, place: &str) {
    let known = ALL.iter().any(|metric| match metric.kind {
        Kind::Histogram => {
            let part = name.strip_prefix(metric.name);
            part.is_some_and(|part| ["_bucket", "_sum", "_count"].contains(&part))
        }
        _ => metric.name == name,
    });
    assert!(known, "{place} uses {name}, which is not in the table");
}

/// Checks that each name before a matcher or in a `by` is a label.
fn expect_labels(expression: &str, place: &str) {
    let known = |label: &str| {
        LABELS.contains(&label) || ALL.iter().any(|metric| metric.labels.contains(&label))
    };
    for (at, _) in expression.match_indices("=\"").chain(expression.match_indices("=~\"")) {
        let before = expression[..at].trim_end_matches('!');
        let start = before.rfind(|mark: char| !mark.is_ascii_alphanumeric() && mark != '_');
        let label = &before[start.map_or(0, |start| start + 1)..];
        assert!(known(label), "{place} matches {label}");
    }
    for part in expression.split(" by (").skip(1) {
        for label in part.split(')').next().unwrap_or_default().split(',') {
            assert!(known(label.trim()), "{place} groups by {label}");
        }
    }
}

/// An alert: its name, its expression and its page.
struct Rule {
    name: String,
    expression: String,
    runbook: String,
}

fn rules() -> Vec<Rule> {
    let text = read("deploy/monitoring/connledger-alerts.yaml");
    let rules = text.split("- alert: ").skip(1).map(|rule| {
        let (name, rest) = rule.split_once('\n').expect("a name");
        let (_, rest) = rest.split_once("expr: >-\n").expect("an expression");
        let lines = rest.lines().take_while(|line| line.starts_with("          "));
        let runbook = rest.lines().find_map(|line| line.trim().strip_prefix("runbook: "));
        Rule {
            name: name.to_owned(),
            expression: lines.map(str::trim).collect::<Vec<_>>().join(" "),
            runbook: runbook.unwrap_or_else(|| panic!("{name} has no runbook")).to_owned(),
        }
    });
    let rules: Vec<_> = rules.collect();
    assert!(rules.len() > 20, "the file is read as it is written");
    rules
}

#[test]
fn alerts_use_metrics_and_labels_of_the_table() {
    for Rule { name, expression, .. } in rules() {
        for metric in metrics(&expression) {
            expect_known(&metric, &name);
        }
        expect_labels(&expression, &name);
        assert!(!metrics(&expression).is_empty() || expression.contains("up{"), "{name}");
    }
}

#[test]
fn every_alert_has_its_runbook_and_every_runbook_an_alert() {
    let index = read("deploy/runbooks/README.md");
    let mut named = BTreeSet::new();
    for Rule { name, runbook, .. } in rules() {
        let page = read(&runbook);
        for part in ["# ", "\n## What it means\n", "\n## What to look at\n", "\n## What to do\n"] {
            assert!(page.contains(part), "{runbook} lacks {part}");
        }
        let file = runbook.rsplit('/').next().unwrap_or_default().to_owned();
        let row = index.lines().find(|line| line.contains(&format!("({file})")));
        assert!(row.is_some_and(|row| row.contains(&format!("`{name}`"))), "{name} is not listed");
        named.insert(file);
    }
    named.insert("README.md".to_owned());
    let files = fs::read_dir(root().join("deploy/runbooks")).expect("a folder");
    let files: BTreeSet<String> =
        files.map(|file| file.expect("it is there").file_name().into_string().unwrap()).collect();
    assert_eq!(files, named);
}

#[test]
fn runbooks_name_metrics_and_pages_that_exist() {
    for Rule { runbook, .. } in rules() {
        let page = read(&runbook);
        for metric in metrics(&page) {
            let histogram = ALL.iter().any(|known| known.name == metric);
            assert!(histogram, "{runbook} names {metric}");
        }
        for link in page.split("](").skip(1) {
            let link = link.split(')').next().unwrap_or_default();
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = format!("deploy/runbooks/{file}");
            let text = read(&target).to_lowercase();
            let heading = anchor.replace('-', " ");
            let mut titles = text.lines().filter(|line| line.starts_with('#'));
            let found = anchor.is_empty()
                || titles.any(|title| {
                    let plain = |mark: &char| mark.is_alphanumeric() || *mark == ' ';
                    title.trim_start_matches('#').trim().chars().filter(plain).eq(heading.chars())
                });
            assert!(found, "{runbook}: {link} leads nowhere");
        }
    }
}

#[test]
fn the_dashboard_uses_metrics_and_labels_of_the_table() {
    let text = read("deploy/monitoring/connledger-dashboard.json");
    let dashboard: Value = serde_json::from_str(&text).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut expressions = 0;
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64()), "{panel}");
        let place = panel["title"].as_str().expect("a title");
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().expect("an expression");
            for metric in metrics(expression) {
                expect_known(&metric, place);
            }
            expect_labels(expression, place);
            expressions += 1;
        }
    }
    assert!(expressions > 30, "{expressions}");
}
