//! History equals what a plain loop over the log would give.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::lists::{live, settle};
use crate::ledger::{ABROAD, HOME, Ledger, TestCommand, ask_as};
use crate::random;

/// The whole log as readers see it.
fn log(ledger: &Ledger) -> Vec<Value> {
    let head = ledger.engine.head().get();
    let most = usize::try_from(head).expect("a small log");
    let items = ledger.engine.outbox().read(ledger_domain::Position::ZERO, most).expect("readable");
    let bodies =
        items.iter().map(|item| serde_json::from_slice::<Value>(&item.body).expect("JSON"));
    bodies.map(|body| body["event"].clone()).collect()
}

fn fits(question: &Value, workspace: &str, event: &Value) -> bool {
    let equal = |name: &str| question[name].is_null() || question[name] == event[name];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let at = text(&event["recorded_at"]);
    let streams =
        ["connection", "consumers"].map(|kind| format!("{kind}/{}", text(&question["connection"])));
    (workspace == "_all" || event["workspace"] == workspace)
        && equal("actor")
        && equal("correlation_id")
        && equal("command_id")
        && (question["connection"].is_null() || streams.contains(&text(&event["stream"])))
        && question["type"].as_array().is_none_or(|types| types.contains(&event["type"]))
        && (question["from"].is_null() || at >= text(&question["from"]))
        && (question["until"].is_null() || at < text(&question["until"]))
}

fn check(ledger: &Ledger, log: &[Value], workspace: &str, question: &Value, size: usize) {
    for oldest_first in [true, false] {
        let mut wanted: Vec<_> =
            log.iter().filter(|event| fits(question, workspace, event)).cloned().collect();
        if !oldest_first {
            wanted.reverse();
        }
        let mut found = Vec::new();
        let mut cursor = Value::Null;
        loop {
            let mut asked = question.clone();
            asked["oldest_first"] = json!(oldest_first);
            asked["page_size"] = json!(size);
            asked["cursor"] = cursor;
            let page = ledger.ask_at(workspace, "history", &asked).expect("a good question");
            assert_eq!(page["total"], json!(wanted.len()), "{workspace} {asked}");
            found.extend(page["events"].as_array().expect("events").iter().cloned());
            cursor = page["next_cursor"].clone();
            if cursor.is_null() {
                break;
            }
        }
        assert_eq!(found, wanted, "{workspace} {question}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_filter_and_their_mixes_find_what_a_plain_loop_finds() {
    let ledger = Ledger::new().await;
    let mut ids = Vec::new();
    for number in 0..12 {
        let draft = json!({"slug": format!("c-{number}"), "provider": "x"});
        let test_command =
            TestCommand::new("create", &draft).id(&format!("make-{number}")).correlation("import");
        let test_command = test_command.at(if number % 3 == 0 { ABROAD } else { HOME });
        let made = ledger.send(test_command.clone()).await.expect("accepted");
        let id = made.receipt.connection.expect("made");
        let body = json!({"connection": id, "reason": "slow"});
        let probe =
            TestCommand::new("mark-degraded", &body).at(test_command.workspace).actor("key:probe");
        ledger.send(probe.id(&format!("probe-{number}"))).await.expect("accepted");
        ids.push(id);
    }
    ledger.run("disable", json!({"connection": "c-1"})).await;
    let log = log(&ledger);
    let time = |at: usize| log[at]["recorded_at"].clone();
    let questions = [
        json!({}),
        json!({"connection": ids[1]}),
        json!({"actor": "key:probe"}),
        json!({"actor": "nobody"}),
        json!({"type": ["connection_created"]}),
        json!({"type": ["connection_created", "connection_disabled"]}),
        json!({"type": ["workspace_created"]}),
        json!({"correlation_id": "import"}),
        json!({"correlation_id": "import", "type": ["marked_degraded"]}),
        json!({"from": time(5)}),
        json!({"until": time(5)}),
        json!({"from": time(3), "until": time(20), "actor": "user:admin"}),
        json!({"from": time(20), "until": time(3)}),
        json!({"connection": ids[1], "actor": "user:admin", "from": time(4)}),
    ];
    for question in &questions {
        for workspace in [HOME, ABROAD, "_all"] {
            check(&ledger, &log, workspace, question, 5);
        }
    }
    for question in [json!({"command_id": "make-1"}), json!({"command_id": "never"})] {
        check(&ledger, &log, HOME, &question, 5);
    }
    let by_slug = ledger.ask("history", &json!({"connection": "c-1"}));
    assert_eq!(by_slug["total"], 3);
    let ledger = ledger.reopen();
    for question in &questions {
        check(&ledger, &log, "_all", question, 500);
    }
}

proptest! {
    #![proptest_config(random::cases(8))]

    #[test]
    fn the_history_of_any_life_is_complete(
        drafts in vec(random::draft(), 1..10),
        steps in random::steps(80),
        size in 1_usize..30,
    ) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let ledger = Ledger::new().await;
            let ids = settle(&ledger, drafts).await;
            live(&ledger, &ids, steps).await;
            let log = log(&ledger);
            for (at, event) in log.iter().enumerate() {
                assert_eq!(event["position"], json!(at + 1), "positions are dense");
            }
            check(&ledger, &log, "_all", &json!({}), size);
            for id in ids.iter().take(4) {
                check(&ledger, &log, HOME, &json!({"connection": id}), size);
            }
        });
    }
}

/// A slug may come to name another connection between two looks at it.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_moves_on_shows_nobody_the_history_of_another() {
    const MOVES: usize = 150;
    let ledger = Ledger::new().await;
    let draft = |slug, team| json!({"slug": slug, "provider": "x", "labels": {"team": team}});
    let own = ledger.run("create", draft("main", "a")).await.receipt.connection;
    let other = ledger.run("create", draft("other", "b")).await.receipt.connection;
    let (own, other) = (own.expect("a connection"), other.expect("a connection"));
    let grant = json!([{"role": "auditor", "labels": {"team": "a"}}]);
    let caller = ledger.enter("team-a", grant).await;
    let moved = Arc::new(AtomicBool::new(false));
    let reading = {
        let (engine, moved, own) = (ledger.engine.clone(), Arc::clone(&moved), own.clone());
        tokio::task::spawn_blocking(move || {
            let (mut shown, question) = (0, json!({"connection": "main", "page_size": 1}));
            while !moved.load(Ordering::SeqCst) {
                let Ok(page) = ask_as(&engine, &caller, HOME, "history", &question) else {
                    continue;
                };
                assert_eq!(page["events"][0]["stream"], format!("connection/{own}"));
                shown += 1;
            }
            shown
        })
    };
    let rename = |id, slug| {
        ledger.send(TestCommand::new("update", &json!({"connection": id, "slug": slug})))
    };
    for _ in 0..MOVES {
        // Together, so that the name is hardly ever free.
        let (freed, taken) = tokio::join!(rename(&own, "spare"), rename(&other, "main"));
        freed.and(taken).expect("renamed");
        let (freed, taken) = tokio::join!(rename(&other, "other"), rename(&own, "main"));
        freed.and(taken).expect("renamed back");
    }
    moved.store(true, Ordering::SeqCst);
    assert!(reading.await.expect("only its own was shown") > 0, "it looked meanwhile");
}
