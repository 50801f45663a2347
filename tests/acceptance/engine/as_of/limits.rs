//! Moments at the edges, wrong ones, many changes, and who may not ask.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::ledger::{ABROAD, HOME, Ledger, TestCommand};

fn code(ledger: &Ledger, name: &str, body: &Value) -> String {
    let refused = ledger.ask_at(HOME, name, body).expect_err("a wrong question");
    refused.code.as_str().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn moments_at_the_edges_mean_what_they_say() {
    let ledger = Ledger::new().await;
    let id = ledger.create("one").await;
    let first = ledger.get(&id);
    ledger.run("update", json!({"connection": id, "display_name": "Two"})).await;
    let second = ledger.get(&id);
    let at = |as_of: &str| ledger.ask("get", &json!({"connection": id, "as_of": as_of}));
    let time = second["updated_at"].as_str().expect("a time");
    assert_eq!(at(time), second, "an event counts at its own time");
    let (date, clock) = time.trim_end_matches('Z').split_once('T').expect("a time");
    let hour: u32 = clock[..2].parse().expect("an hour");
    if hour < 22 {
        let shifted = format!("{date}T{:02}{}+02:00", hour + 2, &clock[2..]);
        assert_eq!(at(&shifted), second, "an offset is understood");
    }
    assert_eq!(at("v1"), first);
    assert_eq!(at(&first["position"].to_string()), first);
    let end = ledger.ask("list", &json!({}))["resume_after"].clone();
    assert_eq!(at(end.as_str().expect("a point")), second, "a point with its history");
    let refused = |as_of: &str| code(&ledger, "get", &json!({"connection": id, "as_of": as_of}));
    assert_eq!(refused("1970-01-01T00:00:00Z"), "connection_unknown", "before the first event");
    assert_eq!(refused("0"), "connection_unknown");
    assert_eq!(refused("2999-01-01T00:00:00Z"), "field_invalid", "the future");
    assert_eq!(refused("yesterday"), "field_invalid");
    assert_eq!(refused(""), "field_invalid");
    assert_eq!(refused("999"), "position_unknown");
    assert_eq!(refused("2@018f3c1e-7d1a-7e39-8c0f-5d1b2a3c4d5e"), "history_changed");
    assert_eq!(refused("v3"), "version_unknown");
    let diff = |from: &str, to: &str| {
        ledger.ask("diff", &json!({"connection": id, "from": from, "to": to}))
    };
    let forth = diff("v1", "v2");
    let change = json!({"field": "display_name", "before": null, "after": "Two"});
    assert_eq!(forth["changes"], json!([change]), "null is what it was");
    assert_eq!(diff("v2", "v1")["changes"][0]["after"], Value::Null, "backwards as well");
    let list = |body: Value| code(&ledger, "list", &body);
    for with in [
        json!({"sort": "name"}),
        json!({"page": 1}),
        json!({"secret_older_than": "1d"}),
        json!({"unused_since": "1d"}),
        json!({"secret_age": ["due"]}),
    ] {
        let mut body = with;
        body["as_of"] = json!("1h");
        assert_eq!(list(body), "field_invalid");
    }
    assert_eq!(list(json!({"as_of": "v1"})), "field_invalid", "a version is of one connection");
    assert_eq!(code(&ledger, "changes", &json!({"from": "4", "to": "3"})), "field_invalid");
    let nothing = ledger.ask("list", &json!({"as_of": "0"}));
    assert_eq!((&nothing["connections"], &nothing["total"]), (&json!([]), &json!(0)));
    let foreign = json!({"as_of": "2", "cursor": "AAAA"});
    assert_eq!(list(foreign), "cursor_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_erased_connection_nothing_is_told_of_before() {
    let ledger = Ledger::new().await;
    let (kept, gone) = (ledger.create("kept").await, ledger.create("gone").await);
    let before = ledger.engine.head().get().to_string();
    ledger.run("erase", json!({"connection": gone, "reason": "asked for", "force": true})).await;
    let past = json!({"connection": gone, "as_of": before});
    assert_eq!(code(&ledger, "get", &past), "connection_erased");
    assert_eq!(
        code(&ledger, "diff", &json!({"connection": gone, "from": "v1"})),
        "connection_erased"
    );
    let list = ledger.ask("list", &json!({"as_of": before, "lifecycle": "any"}));
    assert_eq!((&list["total"], &list["connections"][0]["id"]), (&json!(1), &json!(kept)));
    let changes = ledger.ask("changes", &json!({"from": before}));
    assert_eq!(changes["connections"][0]["change"], "erased");
    assert_eq!(changes["connections"][0].get("fields"), None);
    let now = ledger.ask("get", &json!({"connection": gone, "as_of": "v2"}));
    assert_eq!(now["lifecycle"], "erased", "that it is erased is told");
}

/// More connections changed than are looked up before a list begins.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_long_ago_is_whole_however_much_has_changed() {
    const CONNECTIONS: usize = 4_200;
    let ledger = Ledger::new().await;
    let create = async |number: usize| {
        let body = json!({"slug": format!("c-{number}"), "provider": "openai"});
        ledger.run("create", body).await.receipt.connection.expect("made")
    };
    let ids = join_all((0..CONNECTIONS).map(create)).await;
    let then = ledger.engine.head().get().to_string();
    let fail = async |id: &String| {
        ledger.run("mark-failed", json!({"connection": id, "reason": "down"})).await;
    };
    join_all(ids.iter().map(fail)).await;
    for (filters, wanted) in [(json!({}), CONNECTIONS), (json!({"health": ["failed"]}), 0)] {
        let mut question = filters;
        question["as_of"] = json!(then);
        question["page_size"] = json!(500);
        let mut found = Vec::new();
        loop {
            let page = ledger.ask("list", &question);
            assert!(page.get("total").is_none(), "it is not known");
            let rows = page["connections"].as_array().expect("rows");
            found.extend(rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()));
            if page["next_cursor"].is_null() {
                break;
            }
            assert!(rows.len() == 500 || page["truncated"] == true);
            question["cursor"] = page["next_cursor"].clone();
        }
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), wanted);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_is_for_those_who_may_audit() {
    let ledger = Ledger::new().await;
    let id = ledger.create("one").await;
    let grants = json!({"role": "viewer", "workspaces": [HOME]});
    let viewer = ledger.enter("vera", json!([grants])).await;
    let auditor = json!({"role": "auditor", "workspaces": [HOME]});
    let auditor = ledger.enter("ada", json!([auditor])).await;
    let questions = [
        ("get", json!({"connection": id, "as_of": "v1"})),
        ("diff", json!({"connection": id, "from": "v1"})),
        ("list", json!({"as_of": "0"})),
        ("changes", json!({"from": "0"})),
        ("undo-plan", json!({"as_of": "0"})),
    ];
    for (name, body) in &questions {
        let refused = ledger.ask_as(&viewer, HOME, name, body).expect_err("no right");
        assert_eq!(refused.code.as_str(), "forbidden", "{name}");
        ledger.ask_as(&auditor, HOME, name, body).expect("the right is enough");
        let refused = ledger.ask_as(&auditor, ABROAD, name, body).expect_err("abroad");
        assert_eq!(refused.code.as_str(), "forbidden", "{name}");
    }
    ledger.ask_as(&viewer, HOME, "get", &json!({"connection": id})).expect("the present");
    let command = TestCommand::new("update", &json!({"connection": id, "display_name": "x"}));
    ledger.send(command).await.expect("accepted");
}
