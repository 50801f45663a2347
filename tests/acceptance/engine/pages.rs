//! Pages end at their size in bytes, and everything that grows has pages.

use std::collections::BTreeSet;

use ledger_contract::errors::Code;
use ledger_contract::queries::PAGE_BYTES;
use serde_json::{Value, json};

use crate::ledger::{ABROAD, HOME, Ledger, TestCommand};

/// Enough connections of 50 KB for several pages.
const LARGE: usize = 25;

async fn with_large_connections() -> Ledger {
    let ledger = Ledger::new().await;
    for number in 0..LARGE {
        let annotations = json!({"large": "x".repeat(50_000)});
        let slug = format!("c-{number:02}");
        ledger
            .run("create", json!({"slug": slug, "provider": "x", "annotations": annotations}))
            .await;
    }
    ledger
}

/// Asks for page after page by cursor. Returns the rows of each.
fn pages(ledger: &Ledger, workspace: &str, query: &str, body: &Value, rows: &str) -> Vec<Value> {
    let mut pages = Vec::new();
    let mut body = body.clone();
    let mut total = None;
    loop {
        let page = ledger.ask_at(workspace, query, &body).expect("a good question");
        let count = page["total"].as_u64().expect("a total");
        assert_eq!(*total.get_or_insert(count), count, "{query}");
        pages.push(page[rows].clone());
        let next = page["next_cursor"].clone();
        assert!(page["truncated"] != true || !next.is_null(), "a cut page leads on");
        if next.is_null() {
            return pages;
        }
        body["cursor"] = next;
    }
}

/// Returns the rows of all pages.
fn rows(pages: &[Value]) -> Vec<&Value> {
    pages.iter().flat_map(|page| page.as_array().expect("rows")).collect()
}

fn names(pages: &[Value], name: &str) -> Vec<String> {
    let rows = rows(pages).into_iter();
    rows.map(|row| row[name].as_str().expect("text").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_ends_at_its_size_in_bytes_and_leads_on() {
    let ledger = with_large_connections().await;
    let all: Vec<String> = (0..LARGE).map(|number| format!("c-{number:02}")).collect();
    for sort in ["created", "updated", "name"] {
        for workspace in [HOME, "_all"] {
            let question = json!({"sort": sort, "page_size": 500});
            let first = ledger.ask_at(workspace, "list", &question).expect("a list");
            assert_eq!(first["truncated"], true, "{sort}");
            let pages = pages(&ledger, workspace, "list", &question, "connections");
            assert_eq!(names(&pages, "slug"), all, "{sort}");
            assert!(pages.len() > 2, "{sort}");
            for page in &pages {
                assert!(page.to_string().len() < PAGE_BYTES, "{sort}");
            }
        }
    }
    let by_number = ledger.ask("list", &json!({"page": 2, "page_size": 12}));
    assert_eq!(by_number["connections"][0]["slug"], "c-12");
    assert_eq!(by_number["truncated"], true);
    let cursor = by_number["next_cursor"].clone();
    let shown = by_number["connections"].as_array().expect("rows").len();
    let next = ledger.ask("list", &json!({"page_size": 12, "cursor": cursor}));
    assert_eq!(next["connections"][0]["slug"], format!("c-{}", 12 + shown));
    let small = ledger.ask("list", &json!({"page_size": 2}));
    assert!(small.get("truncated").is_none(), "only a page that was cut says so");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_the_history_ends_at_its_size_in_bytes() {
    let ledger = with_large_connections().await;
    for oldest_first in [false, true] {
        let question = json!({
            "type": ["connection_created"], "page_size": 500, "oldest_first": oldest_first,
        });
        let first = ledger.ask("history", &question);
        assert_eq!(first["truncated"], true);
        let pages = pages(&ledger, HOME, "history", &question, "events");
        assert!(pages.len() > 2);
        let streams: BTreeSet<_> = names(&pages, "stream").into_iter().collect();
        assert_eq!(streams.len(), LARGE);
        assert_eq!(names(&pages, "stream").len(), LARGE, "nothing is shown twice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn workspaces_and_principals_come_in_pages_by_name() {
    let ledger = Ledger::new().await;
    for name in ["a", "b", "c", "d"] {
        ledger
            .send(TestCommand::new("create-workspace", &json!({})).at(name))
            .await
            .expect("accepted");
        ledger.make(name, json!([{"role": "viewer", "workspaces": ["a"]}])).await;
    }
    let two = json!({"page_size": 2});
    let found = pages(&ledger, "_all", "workspaces", &two, "workspaces");
    assert_eq!(names(&found, "name"), ["a", "b", "c", "d", HOME, ABROAD]);
    assert_eq!(found.len(), 3);
    let found = pages(&ledger, "_all", "principals", &two, "principals");
    let all = ledger.ask("principals", &json!({}));
    assert_eq!(json!(rows(&found)), all["principals"]);
    assert_eq!(all["total"], all["principals"].as_array().expect("rows").len());

    let grants = json!([{"role": "viewer", "workspaces": ["d", "b", "missing"]}]);
    let caller = ledger.enter("between", grants).await;
    let ask = |body: Value| ledger.ask_as(&caller, "_all", "workspaces", &body);
    let first = ask(json!({"page_size": 1})).expect("a page");
    assert_eq!((&first["workspaces"][0]["name"], &first["total"]), (&json!("b"), &json!(2)));
    let cursor = first["next_cursor"].clone();
    let last = ask(json!({"page_size": 1, "cursor": cursor})).expect("a page");
    assert_eq!(last["workspaces"][0]["name"], "d");
    assert_eq!(last["next_cursor"], Value::Null);
    for (body, code) in [
        (json!({"page_size": 0}), Code::FieldInvalid),
        (json!({"page_size": 501}), Code::FieldInvalid),
        (json!({"cursor": "x"}), Code::CursorInvalid),
    ] {
        assert_eq!(ask(body).expect_err("refused").code, code);
    }
}
