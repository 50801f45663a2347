//! Rotations that keep the former generation: who gets it, how long, and what ends that.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ledger_contract::errors::{Code, Problem};
use ledger_engine::Executed;
use serde_json::{Value, json};

use crate::ledger::{ABROAD, Ledger, Place, TestCommand, send_as};
use crate::wait::eventually;

/// 2027-11-28T12:00:00Z, in seconds.
const NOON: i64 = 1_827_403_200;
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// A ledger whose clock is set by hand.
struct Staged {
    ledger: Ledger,
    now: Arc<AtomicI64>,
}

fn opened(place: Place, now: Arc<AtomicI64>) -> Staged {
    Staged { ledger: place.open_at(&now), now }
}

impl Staged {
    async fn new() -> Self {
        let place = Ledger::new().await.close();
        let staged = opened(place, Arc::new(AtomicI64::new(NOON)));
        staged.ledger.create("main").await;
        staged
    }

    /// Closes the ledger, sets the clock, and opens it again.
    fn closed_until(self, seconds: i64) -> Self {
        let (place, now) = (self.ledger.close(), self.now);
        now.store(NOON + seconds, Ordering::SeqCst);
        opened(place, now)
    }

    /// Sets the clock to so many seconds after noon.
    fn set(&self, seconds: i64) {
        self.now.store(NOON + seconds, Ordering::SeqCst);
    }

    async fn rotate(&self, value: &str, keep: Value) -> Executed {
        let mut body = keep;
        body["connection"] = json!("main");
        body["secrets"] = json!({"api_key": value});
        self.ledger.run("rotate-secret", body).await
    }

    /// Asks for a generation of the key, and returns the code of a refusal.
    async fn revealed(&self, generation: Value) -> Result<(), Code> {
        let body = json!({
            "connection": "main", "fields": ["api_key"], "generation": generation,
            "reason": "a test",
        });
        let sent = self.ledger.send(TestCommand::new("reveal-secret", &body)).await;
        sent.map(drop).map_err(|problem| problem.code)
    }

    async fn confirm(&self, consumer: &str, generation: u64) -> Result<Executed, Problem> {
        let generations = json!({"api_key": generation});
        let body = json!({"connection": "main", "consumer": consumer, "generations": generations});
        self.ledger.send(TestCommand::new("confirm-secret", &body)).await
    }

    async fn confirmed(&self, consumer: &str, generation: u64) -> Executed {
        self.confirm(consumer, generation).await.expect("accepted")
    }

    fn rotation(&self) -> Value {
        self.ledger.ask("rotation", &json!({"connection": "main"}))
    }

    fn former(&self) -> Value {
        self.ledger.get("main")["secrets"]["api_key"]["former"].clone()
    }

    /// Returns the events of a type, oldest first.
    fn events(&self, event_type: &str) -> Vec<Value> {
        let query = json!({"type": [event_type], "oldest_first": true, "connection": "main"});
        self.ledger.ask("history", &query)["events"].as_array().expect("events").clone()
    }

    /// Waits until the former generation is retired, and returns the one event about it.
    async fn retired(&self) -> Value {
        // The state may be seen a moment before the history.
        let events = eventually("the former generation is retired", async || {
            let events = self.events("former_retired");
            (self.former().is_null() && !events.is_empty()).then_some(events)
        })
        .await;
        assert_eq!(events.len(), 1, "{events:?}");
        events[0].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_former_generation_is_revealed_until_the_third_consumer_confirms() {
    let staged = Staged::new().await;
    for consumer in ["one", "two", "three"] {
        staged.confirmed(consumer, 1).await;
    }
    staged.rotate("sk-second-value-2", json!({"keep_former_until_confirmed": true})).await;
    let former = staged.former();
    assert_eq!((&former["generation"], &former["waits_for"]), (&json!(1), &json!("confirmation")));
    assert_eq!(former["until"], "2027-12-12T12:00:00.000000Z", "two weeks by default");
    assert_eq!(staged.rotation()["fields"]["api_key"]["confirmed"], 0);
    let version = staged.ledger.get("main")["version"].clone();
    for consumer in ["one", "two"] {
        staged.confirmed(consumer, 2).await;
        assert_eq!(staged.revealed(json!("former")).await, Ok(()));
        assert_eq!(staged.revealed(json!(1)).await, Ok(()));
    }
    let field = staged.rotation()["fields"]["api_key"].clone();
    assert_eq!((&field["generation"], &field["confirmed"]), (&json!(2), &json!(2)));
    assert_eq!(field["consumers"], 3);
    assert_eq!(staged.rotation()["consumers"]["three"]["behind"], true);
    assert_eq!(staged.ledger.get("main")["version"], version, "a confirmation is no version");
    staged.confirmed("three", 2).await;
    let event = staged.retired().await;
    assert_eq!((&event["actor"], &event["via"]), (&json!("system:rotation"), &json!("system")));
    assert_eq!(event["data"], json!({"generations": {"api_key": 1}, "cause": "confirmation"}));
    assert_eq!(staged.revealed(json!("former")).await, Err(Code::GenerationRetired));
    assert_eq!(staged.revealed(json!(1)).await, Err(Code::GenerationRetired));
    assert_eq!(staged.revealed(json!(3)).await, Err(Code::GenerationUnknown));
    assert_eq!(staged.revealed(json!(2)).await, Ok(()));
    assert_eq!(staged.events("secret_confirmed").len(), 6);
    staged.ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_former_generation_is_refused_from_its_deadline_on_and_retired_once() {
    let staged = Staged::new().await;
    staged.rotate("sk-second-value-2", json!({"keep_former_until": "36h"})).await;
    staged.set(36 * HOUR - 1);
    assert_eq!(staged.revealed(json!("former")).await, Ok(()));
    staged.set(36 * HOUR);
    // Whether or not the retirement is recorded.
    assert_eq!(staged.revealed(json!("former")).await, Err(Code::GenerationRetired));
    let event = staged.retired().await;
    assert_eq!(event["data"]["cause"], "deadline");
    assert_eq!(event["recorded_at"], "2027-11-30T00:00:00.000000Z");
    // The clock steps back over it: nothing comes back, and nothing happens twice.
    staged.set(HOUR);
    assert_eq!(staged.revealed(json!("former")).await, Err(Code::GenerationRetired));
    let staged = staged.closed_until(2 * HOUR);
    staged.set(48 * HOUR);
    staged.rotate("sk-third-value-3", json!({"keep_former_until": "1h"})).await;
    assert_eq!(staged.former()["generation"], 2);
    assert_eq!(staged.events("former_retired").len(), 1);
    staged.ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overlap_lasts_by_the_clock_also_after_it_was_ahead() {
    let staged = Staged::new().await;
    staged.set(20 * DAY);
    staged.ledger.create("ahead").await;
    staged.set(0);
    staged.rotate("sk-second-value-2", json!({"keep_former_until": "1h"})).await;
    assert_eq!(staged.revealed(json!("former")).await, Ok(()));
    staged.set(HOUR);
    assert_eq!(staged.revealed(json!("former")).await, Err(Code::GenerationRetired));
    let event = staged.retired().await;
    assert_eq!(event["clock"], "2027-11-28T13:00:00.000000Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_that_passed_while_the_ledger_was_closed_is_recorded_at_its_start() {
    let staged = Staged::new().await;
    let until = json!({"keep_former_until": "2027-11-29T12:00:00Z"});
    staged.rotate("sk-second-value-2", until).await;
    staged.ledger.expect_replay_equal();
    let staged = staged.closed_until(3 * DAY);
    assert_eq!(staged.revealed(json!("former")).await, Err(Code::GenerationRetired));
    assert_eq!(staged.retired().await["recorded_at"], "2027-12-01T12:00:00.000000Z");
    let staged = staged.closed_until(4 * DAY);
    assert_eq!(staged.events("former_retired").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overlap_is_ended_moved_and_cancelled_by_commands() {
    let staged = Staged::new().await;
    staged.rotate("sk-second-value-2", json!({"keep_former_until": "1h"})).await;
    let second = json!({
        "connection": "main", "secrets": {"api_key": "sk-third-value-3"},
        "keep_former_until": "1h",
    });
    let refused = staged.ledger.refusal(TestCommand::new("rotate-secret", &second)).await;
    assert_eq!(refused, Code::FormerInUse);
    let named = json!({"connection": "main"});
    let later = json!({"connection": "main", "at": "2h"});
    staged.ledger.run("retire-former", later).await;
    staged.set(HOUR + 1);
    assert_eq!(staged.revealed(json!("former")).await, Ok(()));
    staged.ledger.run("retire-former", named.clone()).await;
    assert_eq!(staged.events("former_retired")[0]["data"]["cause"], "command");
    for verb in ["retire-former", "cancel-rotation"] {
        let refused = staged.ledger.refusal(TestCommand::new(verb, &named)).await;
        assert_eq!(refused, Code::FormerUnknown, "{verb}");
    }
    staged.rotate("sk-third-value-3", json!({"keep_former_until": "1h"})).await;
    staged.ledger.run("cancel-rotation", named.clone()).await;
    assert_eq!(staged.ledger.reveal("main", "api_key").await, "sk-second-value-2");
    assert_eq!(staged.ledger.get("main")["secrets"]["api_key"]["generation"], 4);
    assert_eq!(staged.revealed(json!(3)).await, Err(Code::GenerationRetired));
    for bad in ["0h", "91d", "2027-11-28T11:59:59Z", "yesterday"] {
        let body = json!({
            "connection": "main", "secrets": {"api_key": "sk-other-value-9"},
            "keep_former_until": bad,
        });
        let sent = staged.ledger.send(TestCommand::new("rotate-secret", &body)).await;
        let problem = sent.expect_err("refused");
        assert_eq!(problem.field.as_deref(), Some("keep_former_until"), "{bad}: {problem}");
    }
    staged.ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_rotation_is_answered_with_its_receipt_after_its_overlap_has_ended() {
    let staged = Staged::new().await;
    let body = json!({
        "connection": "main", "secrets": {"api_key": "sk-second-value-2"},
        "keep_former_until": "2027-11-28T13:00:00Z",
    });
    let command = || TestCommand::new("rotate-secret", &body).id("once");
    let first = staged.ledger.send(command()).await.expect("accepted");
    staged.set(2 * HOUR);
    staged.retired().await;
    let again = staged.ledger.send(command()).await.expect("it is the same command");
    assert!(again.repeated && again.receipt == first.receipt);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_consumer_says_is_recorded_once_and_that_it_is_there_is_kept_beside() {
    let staged = Staged::new().await;
    let first = staged.confirmed("one", 1).await;
    staged.set(HOUR);
    let again = staged.confirmed("one", 1).await;
    assert!(again.repeated && again.receipt == first.receipt);
    let one = staged.rotation()["consumers"]["one"].clone();
    assert_eq!(one["confirmed_at"], "2027-11-28T12:00:00.000000Z");
    assert_eq!(one["last_seen"], "2027-11-28T13:00:00.000000Z");
    assert_eq!(staged.confirm("one", 2).await.expect_err("none").code, Code::GenerationUnknown);
    let body = json!({"connection": "main", "consumer": "one", "generations": {"api_key": 1}});
    let other = TestCommand::new("confirm-secret", &body).actor("user:other");
    assert_eq!(staged.ledger.refusal(other).await, Code::ConsumerTaken);
    let staged = staged.closed_until(2 * HOUR);
    assert_eq!(staged.rotation()["consumers"]["one"], one, "it outlives a restart");
    let leaves = json!({"connection": "main", "consumer": "one"});
    staged.ledger.run("confirm-secret", leaves.clone()).await;
    assert_eq!(staged.rotation()["consumers"], json!({}));
    let gone = staged.ledger.refusal(TestCommand::new("remove-consumer", &leaves)).await;
    assert_eq!(gone, Code::ConsumerUnknown);
    staged.ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_waits_neither_for_who_is_gone_nor_for_who_is_removed() {
    let staged = Staged::new().await;
    for consumer in ["stays", "goes", "lost"] {
        staged.confirmed(consumer, 1).await;
    }
    staged.rotate("sk-second-value-2", json!({"keep_former_until_confirmed": true})).await;
    staged.set(2 * DAY);
    staged.confirmed("stays", 2).await;
    staged.confirmed("lost", 1).await;
    staged.ledger.run("remove-consumer", json!({"connection": "main", "consumer": "lost"})).await;
    assert_eq!(staged.former()["generation"], 1, "it waits for who was seen two days ago");
    staged.set(3 * DAY);
    assert_eq!(staged.rotation()["consumers"]["goes"]["gone"], true);
    assert_eq!(staged.rotation()["fields"]["api_key"]["consumers"], 1);
    assert_eq!(staged.retired().await["data"]["cause"], "confirmation");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_registers_in_between_counts_as_what_it_says() {
    let staged = Staged::new().await;
    staged.rotate("sk-second-value-2", json!({"keep_former_until_confirmed": true})).await;
    staged.confirmed("late", 1).await;
    staged.confirmed("new", 2).await;
    let field = staged.rotation()["fields"]["api_key"].clone();
    assert_eq!((&field["consumers"], &field["confirmed"]), (&json!(2), &json!(1)));
    assert_eq!(staged.revealed(json!("former")).await, Ok(()));
    staged.confirmed("late", 2).await;
    staged.retired().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_of_another_workspace_confirms_and_sees_only_itself() {
    let staged = Staged::new().await;
    let share = json!({"connection": "main", "grant_to": ABROAD});
    staged.ledger.run("grant-workspace", share).await;
    staged.confirmed("home-1", 1).await;
    let grants = json!([{"role": "gateway", "workspaces": [ABROAD]}]);
    let guest = staged.ledger.enter("guest", grants).await;
    let id = staged.ledger.get("main")["id"].clone();
    let body = json!({"connection": id, "consumer": "abroad-1", "generations": {"api_key": 1}});
    let command = TestCommand::new("confirm-secret", &body).at(ABROAD).id("twice");
    staged.ledger.send_as(&guest, command.clone()).await.expect("it may reveal, so it may confirm");
    let again = send_as(&staged.ledger.engine, guest.clone(), command).await;
    assert!(again.expect("the same").repeated);
    let view = staged.ledger.ask_as(&guest, ABROAD, "rotation", &json!({"connection": id}));
    let view = view.expect("it may read");
    let names: Vec<_> = view["consumers"].as_object().expect("a map").keys().collect();
    assert_eq!(names, ["abroad-1"]);
    assert_eq!(view["fields"]["api_key"]["consumers"], 2);
    let remove = json!({"connection": id, "consumer": "home-1"});
    let refused =
        staged.ledger.send_as(&guest, TestCommand::new("remove-consumer", &remove).at(ABROAD));
    assert_eq!(refused.await.expect_err("not its own").code, Code::ConnectionUnknown);
    staged.ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_value_counts_towards_the_size_of_its_connection_and_is_shown_nowhere() {
    let staged = Staged::new().await;
    let large = |number: usize| format!("canary-{number}-{}", "x".repeat(30 * 1_024));
    let value =
        |number| json!({"connection": "main", "secrets": {format!("f{number}"): large(number)}});
    // Ten values of 40 KiB each, sealed: below the limit as long as none is kept twice.
    for number in 0..10 {
        staged.ledger.run("update", value(number)).await;
    }
    let rotate = |number: usize, keep: bool| {
        let mut body = json!({
            "connection": "main", "secrets": {format!("f{number}"): large(number + 50)},
        });
        if keep {
            body["keep_former_until"] = json!("1h");
        }
        TestCommand::new("rotate-secret", &body)
    };
    staged.ledger.send(rotate(0, true)).await.expect("there is room for two");
    staged.ledger.send(rotate(1, true)).await.expect("there is room for two");
    assert_eq!(staged.ledger.refusal(rotate(2, true)).await, Code::ConnectionTooLarge);
    staged.ledger.send(rotate(2, false)).await.expect("nothing is kept");
    let shown = [
        staged.ledger.get("main").to_string(),
        staged.ledger.ask("history", &json!({"connection": "main"})).to_string(),
        staged.rotation().to_string(),
    ];
    for text in shown {
        assert!(!text.contains("canary") && !text.contains("sealed"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_knows_only_the_current_value_does_not_have_the_former_one_sent_elsewhere() {
    let staged = Staged::new().await;
    staged.rotate("sk-second-value-2", json!({"keep_former_until": "1h"})).await;
    let grants = json!([{"scopes": ["read", "write", "rotate"], "workspaces": ["default"]}]);
    let editor = staged.ledger.enter("editor", grants).await;
    let elsewhere = json!({
        "connection": "main", "config": {"base_url": "https://elsewhere.example"},
        "secrets": {"api_key": "sk-second-value-2"},
    });
    let sent = staged.ledger.send_as(&editor, TestCommand::new("update", &elsewhere)).await;
    assert_eq!(sent.expect_err("refused").code, Code::DestinationForbidden);
    staged.ledger.run("retire-former", json!({"connection": "main"})).await;
    let update = TestCommand::new("update", &elsewhere);
    staged.ledger.send_as(&editor, update).await.expect("the value is the sender's own");
}

/// A hundred thousand at once take as long as their events; this shows that they are all found and
/// that callers get in between.
#[tokio::test(flavor = "multi_thread")]
async fn many_deadlines_at_once_pass_while_commands_go_on() {
    const MANY: usize = 300;
    let staged = Staged::new().await;
    for number in 0..MANY {
        let slug = format!("c-{number}");
        staged.ledger.create(&slug).await;
        let body = json!({
            "connection": slug, "secrets": {"api_key": "sk-second-value-2"},
            "keep_former_until": "1h",
        });
        staged.ledger.run("rotate-secret", body).await;
    }
    staged.set(HOUR);
    staged.ledger.create("meanwhile").await;
    let retired = || {
        let query = json!({"type": ["former_retired"], "page_size": 1});
        staged.ledger.ask("history", &query)["total"].as_u64()
    };
    let many = u64::try_from(MANY).expect("few");
    eventually("all are retired", async || (retired() == Some(many)).then_some(())).await;
    staged.ledger.expect_replay_equal();
}
