//! Lists equal what a plain loop over all connections would give.

use std::cmp::Reverse;

use futures::future::join_all;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::ledger::{ABROAD, HOME, Ledger, TestCommand};
use crate::random::{self, Step};

/// Applies random steps; refusals are part of life.
pub(super) async fn live(ledger: &Ledger, ids: &[String], steps: Vec<Step>) {
    for Step { target, verb, mut body } in steps {
        let Some(id) = ids.get(target % ids.len().max(1)) else { return };
        body["connection"] = json!(id);
        ledger.send(TestCommand::new(verb, &body)).await.ok();
    }
}

/// Makes connections, every fourth one abroad. Returns the ids of those at home.
pub(super) async fn settle(ledger: &Ledger, drafts: Vec<Value>) -> Vec<String> {
    let made = drafts.into_iter().enumerate().map(async |(index, mut draft)| {
        draft["slug"] = json!(format!("c-{index}"));
        let workspace = if index % 4 == 3 { ABROAD } else { HOME };
        let made =
            ledger.send(TestCommand::new("create", &draft).at(workspace)).await.expect("accepted");
        (workspace, made.receipt.connection.expect("a connection"))
    });
    let made = join_all(made).await;
    made.into_iter().filter(|(workspace, _)| *workspace == HOME).map(|(_, id)| id).collect()
}

/// Every connection as `get` shows it, in the order they were made.
fn everything(ledger: &Ledger) -> Vec<Value> {
    let mut made = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let question = json!({
            "type": ["connection_created"], "oldest_first": true, "page_size": 500, "cursor": cursor,
        });
        let page = ledger.ask_at("_all", "history", &question).expect("history");
        for event in page["events"].as_array().expect("events") {
            let stream = event["stream"].as_str().expect("a stream");
            let id = stream.strip_prefix("connection/").expect("a connection's");
            made.push(
                ledger.ask_at("_all", "get", &json!({"connection": id})).expect("it is there"),
            );
        }
        cursor = page["next_cursor"].clone();
        if cursor.is_null() {
            return made;
        }
    }
}

fn one_of(filter: &Value, value: &Value) -> bool {
    filter.as_array().is_none_or(|values| values.is_empty() || values.contains(value))
}

fn has_label(connection: &Value, wanted: &str) -> bool {
    let labels = &connection["labels"];
    match wanted.split_once('=') {
        Some((key, value)) => labels[key] == value,
        None => labels.get(wanted).is_some(),
    }
}

fn lower(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_lowercase()
}

/// The plain meaning of the filters.
fn fits(filter: &Value, connection: &Value) -> bool {
    let texts = |name: &str| -> Vec<String> {
        let values = filter[name].as_array().cloned().unwrap_or_default();
        values.iter().map(|value| value.as_str().unwrap_or_default().to_owned()).collect()
    };
    let equal = |name: &str, value: &Value| filter[name].is_null() || filter[name] == *value;
    let providers: Vec<_> = texts("provider").iter().map(|name| name.to_lowercase()).collect();
    let tags = connection["tags"].as_array().cloned().unwrap_or_default();
    let identity = &connection["identity"];
    let lifecycle = filter["lifecycle"].as_str().unwrap_or("active");
    let text = lower(&filter["text"]);
    (providers.is_empty() || providers.contains(&lower(&connection["provider"])))
        && (lifecycle == "any" || connection["lifecycle"] == lifecycle)
        && equal("environment", &connection["environment"])
        && equal("enabled", &connection["enabled"])
        && equal("identity_type", &identity["type"])
        && equal("identity", &identity["value"])
        && one_of(&filter["health"], &connection["health"]["state"])
        && one_of(&filter["kind"], &connection["kind"])
        && one_of(&filter["auth_method"], &connection["auth_method"])
        && texts("tag").iter().all(|tag| tags.contains(&json!(tag)))
        && texts("label").iter().all(|label| has_label(connection, label))
        && (lower(&connection["slug"]).contains(&text)
            || lower(&connection["display_name"]).contains(&text))
}

/// The plain answer: ids in order.
pub(super) fn plainly(all: &[Value], workspace: &str, filter: &Value) -> Vec<String> {
    let mut found: Vec<(usize, &Value)> = all
        .iter()
        .enumerate()
        .filter(|(_, one)| workspace == "_all" || one["workspace"] == workspace)
        .filter(|(_, one)| fits(filter, one))
        .collect();
    let name = |one: &Value| match &one["display_name"] {
        Value::Null => lower(&one["slug"]),
        name => lower(name),
    };
    match filter["sort"].as_str() {
        Some("name") => found.sort_by_key(|(made, one)| (name(one), *made)),
        Some("updated") => found.sort_by_key(|(_, one)| one["position"].as_u64()),
        _ => found.sort_by_key(|(made, _)| *made),
    }
    if filter["descending"] == true {
        found.reverse();
    }
    found.into_iter().map(|(_, one)| one["id"].as_str().expect("an id").to_owned()).collect()
}

fn ids(page: &Value) -> Vec<String> {
    let rows = page["connections"].as_array().expect("rows");
    rows.iter().map(|one| one["id"].as_str().expect("an id").to_owned()).collect()
}

/// Compares page numbers and cursors with the plain answer.
fn check(ledger: &Ledger, all: &[Value], workspace: &str, filter: &Value, size: usize) {
    let wanted = plainly(all, workspace, filter);
    let ask = |extra: Value| {
        let mut question = filter.clone();
        question["page_size"] = json!(size);
        for (name, value) in extra.as_object().expect("an object") {
            question[name] = value.clone();
        }
        let page = ledger.ask_at(workspace, "list", &question).expect("a good question");
        assert_eq!(page["total"], json!(wanted.len()), "{workspace} {question}");
        page
    };
    let mut walked = Vec::new();
    let mut cursor = Value::Null;
    for (index, rows) in wanted.chunks(size).enumerate() {
        let page = ask(json!({"page": index + 1}));
        assert_eq!(ids(&page), rows, "page {} of {filter}", index + 1);
        let page = ask(json!({"cursor": cursor}));
        walked.extend(ids(&page));
        cursor = page["next_cursor"].clone();
        assert_eq!(walked, wanted[..walked.len()], "by cursor: {filter}");
        assert_eq!(cursor.is_null(), walked.len() == wanted.len(), "{filter}");
    }
    assert_eq!(walked.len(), wanted.len(), "{filter}");
    assert_eq!(ids(&ask(json!({"page": wanted.len() / size + 2}))), Vec::<String>::new());
}

/// Any mix of filters, any order.
pub(super) fn filter() -> impl Strategy<Value = Value> {
    let some = |values: &'static [&'static str]| option::weighted(0.25, vec(select(values), 1..=2));
    let labels = &["team", "tier=a", "team=b", "team=x=y", "nothing"][..];
    let texts = &["MAIN", "är", "c-1", "r-", "2", "zzz"][..];
    let many = (
        some(&random::PROVIDERS),
        some(&random::HEALTH),
        some(&random::KINDS),
        some(&random::METHODS),
        some(&random::TAGS),
        option::weighted(0.25, vec(select(labels), 1..=2)),
    );
    let single = (
        option::weighted(0.2, select(&["live", "test"][..])),
        option::weighted(0.2, any::<bool>()),
        option::weighted(0.4, select(&["active", "archived", "any"][..])),
        option::weighted(0.15, select(&random::IDENTITIES[..])),
        option::weighted(0.15, select(&["u1", "u2"][..])),
        option::weighted(0.25, select(texts)),
    );
    let order = (option::of(select(&["created", "updated", "name"][..])), any::<bool>());
    (many, single, order).prop_map(|(many, single, (sort, descending))| {
        let (provider, health, kind, auth_method, tag, label) = many;
        let (environment, enabled, lifecycle, identity_type, identity, text) = single;
        let filter = json!({
            "provider": provider, "health": health, "kind": kind, "auth_method": auth_method,
            "tag": tag, "label": label, "environment": environment, "enabled": enabled,
            "lifecycle": lifecycle, "identity_type": identity_type, "identity": identity,
            "text": text, "sort": sort, "descending": descending,
        });
        // Absent and null are not the same to a list of values.
        let given =
            filter.as_object().expect("an object").iter().filter(|(_, value)| !value.is_null());
        given.map(|(name, value)| (name.clone(), value.clone())).collect()
    })
}

proptest! {
    #![proptest_config(random::cases(12))]

    #[test]
    fn any_list_equals_a_plain_loop(
        drafts in vec(random::draft(), 1..60),
        steps in random::steps(120),
        filters in vec((filter(), 1_usize..20, select(&[HOME, ABROAD, "_all"][..])), 60),
    ) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let ledger = Ledger::new().await;
            let ids = settle(&ledger, drafts).await;
            live(&ledger, &ids, steps).await;
            let all = everything(&ledger);
            for (filter, size, workspace) in &filters {
                check(&ledger, &all, workspace, filter, *size);
            }
            let ledger = ledger.reopen();
            for (filter, size, workspace) in filters.iter().take(10) {
                check(&ledger, &all, workspace, filter, *size);
            }
        });
    }
}

/// Short lists are sorted, long ones walk an index; the two must not differ.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_is_in_order_too() {
    let ledger = Ledger::new().await;
    let draft = |index: usize| {
        let mut draft = json!({
            "provider": random::PROVIDERS[index % 4], "tags": [random::TAGS[index % 3]],
        });
        if !index.is_multiple_of(3) {
            draft["display_name"] = json!(format!("{} {}", random::NAMES[index % 6], index % 50));
        }
        draft
    };
    let made = settle(&ledger, (0..1_000).map(draft).collect()).await;
    for id in made.iter().step_by(7) {
        ledger.run("mark-failed", json!({"connection": id, "reason": "down"})).await;
    }
    for id in made.iter().step_by(31) {
        ledger.run("archive", json!({"connection": id})).await;
    }
    let all = everything(&ledger);
    assert_eq!(all.len(), 1_000);
    for sort in ["created", "updated", "name"] {
        for descending in [false, true] {
            let order = json!({"sort": sort, "descending": descending, "lifecycle": "any"});
            check(&ledger, &all, "_all", &order, 137);
            let mut narrow = order.clone();
            narrow["text"] = json!("main");
            check(&ledger, &all, "_all", &narrow, 250);
            check(&ledger, &all, HOME, &order, 137);
            check(&ledger, &all, ABROAD, &order, 90);
            check(&ledger, &all, HOME, &narrow, 250);
        }
    }
    ledger.expect_replay_equal();
}

/// A cursor goes on behind the place where the page ended, whatever was added meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_is_not_disturbed_by_new_connections() {
    let ledger = Ledger::new().await;
    for slug in ["b", "d", "f", "h"] {
        ledger.create(slug).await;
    }
    let question = json!({"sort": "name", "page_size": 2});
    let first = ledger.ask("list", &question);
    ledger.create("a").await;
    ledger.create("e").await;
    let next = json!({"sort": "name", "page_size": 10, "cursor": first["next_cursor"]});
    let slugs = |page: &Value| -> Vec<String> {
        let rows = page["connections"].as_array().expect("rows");
        rows.iter().map(|one| one["slug"].as_str().expect("a slug").to_owned()).collect()
    };
    assert_eq!(slugs(&first), ["b", "d"]);
    assert_eq!(slugs(&ledger.ask("list", &next)), ["e", "f", "h"]);
    let newest = ledger.ask("list", &json!({"descending": true, "page_size": 1}));
    assert_eq!(slugs(&newest), ["e"]);
    let mut made = vec!["b", "d", "f", "h", "a", "e"];
    made.sort_by_key(|slug| Reverse(*slug));
    assert_eq!(slugs(&ledger.ask("list", &json!({"sort": "name", "descending": true}))), made);
}
