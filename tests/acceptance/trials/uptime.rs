//! How long connections worked, told from their events.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ledger_contract::errors::Code;
use serde_json::{Value, json};

use crate::ledger::{HOME, Ledger};
use crate::output::told;
use crate::service::Service;

/// A ledger with a connection `main`, whose clock stands still until it is set.
async fn stage() -> (Ledger, Arc<AtomicI64>, i64) {
    let ledger = Ledger::new().await;
    let began = ledger.engine.clock().now().get() / 1_000_000 + 10;
    let seconds = Arc::new(AtomicI64::new(began));
    let ledger = ledger.close().open_at(&seconds);
    ledger.create("main").await;
    (ledger, seconds, began)
}

fn ask(ledger: &Ledger, question: &Value) -> Value {
    ledger.ask_at(HOME, "uptime", question).expect("answered")
}

#[tokio::test]
async fn the_time_in_each_state_is_that_of_the_events() {
    let (ledger, seconds, began) = stage().await;
    let at = |after: i64| seconds.store(began + after, Ordering::SeqCst);
    for (after, verb) in [
        (100, "mark-operational"),
        (400, "mark-degraded"),
        (500, "mark-failed"),
        (700, "mark-operational"),
    ] {
        at(after);
        ledger.run(verb, json!({"connection": "main", "reason": "seen"})).await;
    }
    at(1_000);
    let view = ask(&ledger, &json!({"connection": "main", "since": "1000s", "steps": 10}));
    let wanted =
        json!({"operational": 600.0, "degraded": 100.0, "failed": 200.0, "unknown": 100.0});
    assert_eq!(view["seconds"], wanted, "{view}");
    assert_eq!(view["connections"], 1);
    assert_eq!((&view["failures"], &view["recoveries"]), (&json!(1), &json!(1)));
    assert_eq!(view["mean_seconds_to_recovery"], 300.0);
    assert!(view["operational_percent"].as_f64().is_some_and(|it| (it - 66.667).abs() < 0.01));
    let steps = view["steps"].as_array().expect("steps");
    let failed: Vec<_> = steps.iter().map(|step| step["failed"].as_f64().unwrap_or(-1.0)).collect();
    assert_eq!(failed, [0.0, 0.0, 0.0, 0.0, 0.0, 100.0, 100.0, 0.0, 0.0, 0.0]);

    // A window that begins later, and more connections.
    let other = json!({"slug": "other", "provider": "cohere", "secrets": {"api_key": "v-other-1"}});
    ledger.run("create", other).await;
    at(1_100);
    let view = ask(&ledger, &json!({"since": "500s", "steps": 1}));
    assert_eq!(view["connections"], 2);
    let wanted = json!({"operational": 400.0, "degraded": 0.0, "failed": 100.0, "unknown": 100.0});
    assert_eq!(view["seconds"], wanted, "{view}");
    assert_eq!((&view["failures"], &view["recoveries"]), (&json!(0), &json!(1)));
    let view = ask(&ledger, &json!({"provider": "cohere"}));
    assert_eq!((&view["connections"], &view["seconds"]["unknown"]), (&json!(1), &json!(100.0)));
    assert!(view["operational_percent"].is_null(), "nothing is known");

    ledger.run("archive", json!({"connection": "main"})).await;
    at(1_200);
    let id = ledger.ask("list", &json!({"lifecycle": "archived"}))["connections"][0]["id"].clone();
    let view = ask(&ledger, &json!({"connection": id, "since": "200s"}));
    assert_eq!(view["seconds"]["operational"], 100.0, "{view}");

    for (bad, code) in [
        (json!({"since": "soon"}), Code::FieldInvalid),
        (json!({"since": "2999-01-01T00:00:00Z"}), Code::FieldInvalid),
        (json!({"steps": 0}), Code::FieldInvalid),
        (json!({"steps": 367}), Code::FieldInvalid),
        (json!({"connection": "other", "provider": "cohere"}), Code::FieldInvalid),
        (json!({"connection": "nobody"}), Code::ConnectionUnknown),
        (json!({"until": "1d"}), Code::BodyMalformed),
    ] {
        let refused = ledger.ask_at(HOME, "uptime", &bad).expect_err("refused");
        assert_eq!(refused.code, code, "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_draws_it_and_http_has_the_data() {
    let service = Service::start(&[]).await;
    let create = ["create", "--slug", "main", "--provider", "nobody", "--secret", "k=v-1-of-main"];
    told(&service.run(&create).await);
    told(&service.run(&["mark-failed", "main", "--reason", "seen"]).await);
    let drawn = told(&service.run(&["uptime", "main", "--since", "1h", "--steps", "4"]).await);
    assert!(drawn.starts_with("|   F|"), "{drawn}");
    assert!(drawn.contains("failures") && drawn.contains("0.000 %"), "{drawn}");
    let path = "/api/v1/workspaces/default/uptime?connection=main&since=1h&steps=2";
    let url = format!("{}{path}", service.http_url());
    let answer = crate::http::door::client().get(url).bearer_auth(service.key()).send().await;
    let answer = answer.expect("the ledger answers");
    assert_eq!(answer.status(), 200);
    let view: Value = serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
    assert_eq!(view["steps"].as_array().map(Vec::len), Some(2));
}
