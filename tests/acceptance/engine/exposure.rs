//! Who has received one value of a secret.

use std::collections::BTreeMap;

use ledger_contract::errors::{Code, Problem};
use ledger_contract::queries::exposure::{ExposedTo, ExposurePage, Readers};
use ledger_domain::principal::ApiKeyId;
use ledger_engine::Caller;
use serde_json::{Value, json};

use crate::ledger::{HOME, Ledger, TestCommand, send_as};

/// Lets somebody have a field revealed, as often as asked.
async fn read(ledger: &Ledger, caller: &Caller, times: u64, reason: &str) {
    let body = json!({"connection": "main", "fields": ["api_key"], "reason": reason});
    for _ in 0..times {
        let asked = TestCommand::new("reveal-secret", &body);
        send_as(&ledger.engine, caller.clone(), asked).await.expect("revealed");
    }
}

fn ask(ledger: &Ledger, more: &Value) -> Result<ExposurePage, Problem> {
    let mut body = json!({"connection": "main", "field": "api_key"});
    for (name, value) in more.as_object().expect("fields") {
        body[name] = value.clone();
    }
    let answer = ledger.ask_at(HOME, "exposure", &body)?;
    Ok(serde_json::from_value(answer).expect("an answer"))
}

fn counts(readers: &[ExposedTo]) -> BTreeMap<&str, u64> {
    readers.iter().map(|reader| (reader.actor.as_str(), reader.reveals)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_tells_who_received_which_value_and_who_may_again() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    let reader = json!([{"scopes": ["read", "reveal"]}]);
    let edge = ledger.enter("edge", reader.clone()).await;
    let batch = ledger.enter("batch", reader).await;
    read(&ledger, &edge, 3, "to route").await;
    read(&ledger, &batch, 1, "to bill").await;
    let rotate = json!({"connection": "main", "secrets": {"api_key": "sk-second-value"}});
    let rotated = ledger.run("rotate-secret", rotate).await.receipt;
    read(&ledger, &edge, 2, "to route again").await;
    ledger.lead("disable-principal", json!({"principal": "batch"})).await;

    let first = ask(&ledger, &json!({"generation": 1})).expect("a report");
    assert_eq!((first.generation, first.current, first.set_by.version), (1, false, 1));
    assert_eq!(counts(&first.readers), [("service:edge", 3), ("service:batch", 1)].into());
    let of = |name: &str| first.readers.iter().find(|one| one.actor == name).expect("a reader");
    assert_eq!(of("service:edge").may_reveal, Some(true));
    assert_eq!(of("service:batch").may_reveal, Some(false), "it was disabled");
    assert_eq!(of("service:batch").last_reason, "to bill");
    assert_eq!(of("service:edge").key.as_deref(), edge.key().map(ApiKeyId::as_str));

    let now = ask(&ledger, &json!({})).expect("a report");
    assert_eq!((now.generation, now.current), (2, true));
    assert_eq!((now.set_by.version, now.set_by.position), (2, rotated.position));
    assert_eq!(counts(&now.readers), [("service:edge", 2)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_a_report_add_up_to_all_reveals() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    let mut due = BTreeMap::new();
    for round in 1..=2_u64 {
        for number in 0..5_u64 {
            let name = format!("r-{number}");
            let caller = Caller::system(&format!("service:{name}"));
            read(&ledger, &caller, round + number, "a test").await;
            *due.entry(format!("service:{name}")).or_default() += round + number;
        }
    }
    for size in [1, 2, 5, 500] {
        let (mut readers, mut cursor, mut pages) = (Readers::default(), None, 0);
        loop {
            let page = ask(&ledger, &json!({"page_size": size, "cursor": cursor})).expect("a page");
            assert!(page.readers.len() <= size && !page.truncated);
            pages += 1;
            for reader in page.readers {
                readers.add(reader);
            }
            match page.next_cursor {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        let all = readers.into_all();
        let found: BTreeMap<_, _> =
            all.iter().map(|one| (one.actor.clone(), one.reveals)).collect();
        assert_eq!(found, due, "in pages of {size}");
        assert_eq!(pages > 1, size < 5, "{pages} pages of {size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_was_a_value_has_no_report_and_only_auditors_get_one() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    let update = json!({"connection": "main", "secrets": {"other": "sk-of-another-field"}});
    ledger.run("update", update).await;
    let remove = json!({"connection": "main", "secrets": {"other": null}});
    ledger.run("update", remove).await;
    let code = |more: Value| ask(&ledger, &more).expect_err("refused").code;
    for generation in [0, 2, u64::MAX] {
        assert_eq!(code(json!({ "generation": generation })), Code::GenerationUnknown);
    }
    assert_eq!(code(json!({"field": "nothing"})), Code::SecretFieldUnknown);
    assert_eq!(code(json!({"field": "other"})), Code::SecretFieldUnknown, "it has no value now");
    assert_eq!(code(json!({"field": ""})), Code::FieldInvalid);
    assert_eq!(code(json!({"cursor": "x"})), Code::CursorInvalid);
    let removed = ask(&ledger, &json!({"field": "other", "generation": 1})).expect("it had one");
    assert_eq!((removed.current, removed.set_by.version), (false, 2));
    assert!(removed.readers.is_empty());

    let viewer = ledger.enter("viewer", json!([{"scopes": ["read", "reveal"]}])).await;
    let body = json!({"connection": "main", "field": "api_key"});
    let refused = ledger.ask_as(&viewer, HOME, "exposure", &body).expect_err("no right");
    assert_eq!(refused.code, Code::Forbidden);
}
