//! Any life of many connections: what is told of any moment is what was there.

use serde_json::{Value, json};

use super::past::{Past, without_version};
use crate::engine::lists::{filter, plainly};
use crate::ledger::HOME;
use crate::settings;

/// Commands, connections and moments of the short form.
const SHORT: [usize; 3] = [1_500, 40, 250];
/// Connections of the long form, and commands for each moment that is looked at.
const LONG: [usize; 2] = [1_000, 10];

/// Compares one connection at a moment, by each of the names that a moment has.
fn compare_one(past: &mut Past) {
    let (id, position) = (past.any_id(), past.any_position());
    let was = past.was(&id, position).cloned();
    let ask =
        |as_of: &str| past.ledger.ask_at(HOME, "get", &json!({"connection": id, "as_of": as_of}));
    let Some(state) = was else {
        let refused = ask(&position.to_string()).expect_err("it was not there");
        assert_eq!(refused.code.as_str(), "connection_unknown", "{id} as of {position}");
        return;
    };
    let version = format!("v{}", state["version"]);
    let time = state["updated_at"].as_str().expect("a time");
    for as_of in [&position.to_string(), &version, time] {
        let told = ask(as_of).expect("it was there");
        assert_eq!(told, state, "{id} as of {as_of}");
    }
}

/// Compares a filtered list at a moment, page by page.
fn compare_list(past: &mut Past) {
    let position = past.any_position();
    let mut question = past.any(&filter());
    let size = past.any(&(1..60_u32));
    question.as_object_mut().expect("filters").remove("sort");
    question["as_of"] = json!(position.to_string());
    question["page_size"] = json!(size);
    let all = past.all_at(position);
    let wanted = plainly(&all, HOME, &question);
    let mut told = Vec::new();
    loop {
        let page = past.ledger.ask("list", &question);
        // Only the first page counts.
        let total = question["cursor"].is_null().then_some(wanted.len());
        assert_eq!(page["total"], json!(total), "{question}");
        assert_eq!(page["position"], json!(position));
        told.extend(page["connections"].as_array().expect("rows").iter().cloned());
        if page["next_cursor"].is_null() {
            break;
        }
        question["cursor"] = page["next_cursor"].clone();
    }
    let state = |id: &String| all.iter().find(|one| one["id"] == json!(id)).expect("it was there");
    let wanted: Vec<&Value> = wanted.iter().map(state).collect();
    assert_eq!(told.iter().collect::<Vec<_>>(), wanted, "{question}");
}

/// Applies a patch whose paths have one or two names.
fn patched(state: &Value, patch: &Value) -> Value {
    let mut state = state.clone();
    for operation in patch.as_array().expect("a patch") {
        let pointer = operation["path"].as_str().expect("a path");
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        let name = name.replace("~1", "/").replace("~0", "~");
        let parent = state.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
        let known = parent.contains_key(&name);
        match operation["op"].as_str().expect("an operation") {
            "add" if !known => drop(parent.insert(name, operation["value"].clone())),
            "replace" if known => drop(parent.insert(name, operation["value"].clone())),
            "remove" if known => drop(parent.remove(&name)),
            other => panic!("{other} of {pointer} does not fit"),
        }
    }
    state
}

/// Compares the difference between two moments with what was remembered of them.
fn compare_diff(past: &mut Past) {
    let (id, one, other) = (past.any_id(), past.any_position(), past.any_position());
    let (from, to) = (one.min(other), one.max(other));
    let question = json!({"connection": id, "from": from.to_string(), "to": to.to_string()});
    let told = past.ledger.ask("diff", &question);
    let nothing = json!({});
    let before = past.was(&id, from).unwrap_or(&nothing);
    let after = past.was(&id, to).unwrap_or(&nothing);
    assert_eq!(&patched(before, &told["patch"]), after, "{question}");
    assert_eq!(told["from"]["version"], before.get("version").cloned().unwrap_or(json!(0)));
    assert_eq!(told["to"]["version"], after.get("version").cloned().unwrap_or(json!(0)));
    let alike = before == &nothing && after == &nothing
        || before != &nothing && without_version(before) == without_version(after);
    let changes = told["changes"].as_array().expect("changes");
    assert_eq!(changes.is_empty(), alike, "{question}: {changes:?}");
    assert!(!told.to_string().contains("sk-"), "no value is told");
}

/// Compares which connections differ between two moments.
fn compare_changes(past: &mut Past) {
    let (one, other) = (past.any_position(), past.any_position());
    let (from, to) = (one.min(other), one.max(other));
    let mut question = json!({"from": from.to_string(), "to": to.to_string(), "page_size": 7});
    let mut told = Vec::new();
    loop {
        let page = past.ledger.ask("changes", &question);
        told.extend(page["connections"].as_array().expect("rows").iter().cloned());
        if page["next_cursor"].is_null() {
            break;
        }
        question["cursor"] = page["next_cursor"].clone();
    }
    let mut wanted = Vec::new();
    for id in &past.ids {
        let (before, after) = (past.was(id, from), past.was(id, to));
        let (Some(after), true) = (after, before != after) else { continue };
        let lifecycle = |state: &Value| state["lifecycle"].as_str().expect("a word").to_owned();
        let change = match before.map(lifecycle).as_deref() {
            None => "created",
            Some("active") if lifecycle(after) == "archived" => "archived",
            Some("archived") if lifecycle(after) == "active" => "restored",
            Some(_) => "changed",
        };
        let first = before.map_or(json!(0), |before| before["version"].clone());
        wanted.push((json!(id), json!(change), first, after["version"].clone()));
    }
    let row = |one: &Value| {
        let field = |name: &str| one[name].clone();
        (field("connection"), field("change"), field("from_version"), field("to_version"))
    };
    let mut told: Vec<_> = told.iter().map(row).collect();
    told.sort_by_key(|(id, ..)| id.to_string());
    wanted.sort_by_key(|(id, ..)| id.to_string());
    assert_eq!(told, wanted, "{question}");
}

fn compare(past: &mut Past, moments: usize) {
    for moment in 0..moments {
        compare_one(past);
        compare_diff(past);
        if moment % 5 == 0 {
            compare_list(past);
        }
        if moment % 50 == 0 {
            compare_changes(past);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_of_any_moment_is_what_was_there() {
    let [commands, connections, moments] = match settings::moments() {
        Some(moments) => [moments * LONG[1], LONG[0], moments],
        None => SHORT,
    };
    let mut past = Past::begin(connections).await;
    past.live(commands).await;
    compare(&mut past, moments);
    // Rows, lists and snapshots are made anew, as an upgrade of them does.
    past.ledger.replay(false);
    past.ledger.expect_replay_equal();
    compare(&mut past, moments / 5);
    let mut past = past.reopened();
    past.live(commands / 10).await;
    compare(&mut past, moments / 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revert_brings_back_exactly_what_a_version_had() {
    let mut past = Past::begin(12).await;
    past.live(300).await;
    let mut reverted = 0;
    for _ in 0..300 {
        let id = past.any_id();
        let now = past.ledger.get(&id);
        let newest = now["version"].as_u64().expect("a version");
        let version = past.any(&(1..=newest));
        let body = json!({"connection": id, "to_version": version});
        let command = crate::ledger::TestCommand::new("revert", &body);
        if past.ledger.send(command).await.is_err() {
            continue;
        }
        reverted += 1;
        let (after, then) = (past.ledger.get(&id), past.version(&id, version));
        let back = [
            "slug",
            "display_name",
            "description",
            "provider",
            "environment",
            "kind",
            "auth_method",
            "config",
            "labels",
            "tags",
            "identity",
            "enabled",
            "access",
            "models",
            "pricing",
        ];
        for field in back {
            assert_eq!(after[field], then[field], "{field} of {id} at {version}");
        }
        past.remember(&id);
    }
    assert!(reverted > 20, "{reverted}");
}
