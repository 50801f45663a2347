//! Policies of secret fields: what new values must look like, and how old values may become.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ledger_contract::errors::{Code, Problem};
use ledger_contract::subjects::LEDGER;
use serde_json::{Value, json};

use crate::ledger::{ABROAD, HOME, Ledger, Place, TestCommand};
use crate::wait::eventually;

/// 2027-11-28T12:00:00Z, in seconds.
const NOON: i64 = 1_827_403_200;
const DAY: i64 = 24 * 3_600;

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
        opened(place, Arc::new(AtomicI64::new(NOON)))
    }

    /// Sets the clock to so many days after noon.
    fn set(&self, days: i64) {
        self.now.store(NOON + days * DAY, Ordering::SeqCst);
    }

    /// Closes the ledger, sets the clock, and opens it again.
    fn closed_until(self, days: i64) -> Self {
        let (place, now) = (self.ledger.close(), self.now);
        now.store(NOON + days * DAY, Ordering::SeqCst);
        opened(place, now)
    }

    async fn policy(&self, place: &'static str, body: Value) {
        let set = TestCommand::new("set-secret-policy", &body).at(place);
        self.ledger.send(set).await.unwrap_or_else(|problem| panic!("{body}: {problem}"));
    }

    fn secret(&self, connection: &str) -> Value {
        self.ledger.get(connection)["secrets"]["api_key"].clone()
    }

    fn age(&self, connection: &str) -> Value {
        self.secret(connection)["age"].clone()
    }

    /// Returns the slugs of a list, by name.
    fn listed(&self, filters: &Value) -> Vec<String> {
        listed(&self.ledger, filters)
    }

    /// Returns the events that record overdue secrets, oldest first.
    fn overdue(&self) -> Vec<Value> {
        let query = json!({"type": ["secret_overdue"], "oldest_first": true, "page_size": 500});
        self.ledger.ask("history", &query)["events"].as_array().expect("events").clone()
    }

    async fn overdue_of(&self, count: usize) -> Vec<Value> {
        eventually("overdue secrets are recorded", async || {
            let events = self.overdue();
            (events.len() >= count).then_some(events)
        })
        .await
    }

    async fn rotate(&self, connection: &str, value: &str) -> Result<(), Problem> {
        let body = json!({"connection": connection, "secrets": {"api_key": value}});
        self.ledger.send(TestCommand::new("rotate-secret", &body)).await.map(drop)
    }
}

pub(super) fn listed(ledger: &Ledger, filters: &Value) -> Vec<String> {
    let mut query = filters.clone();
    query["sort"] = json!("name");
    let page = ledger.ask("list", &query);
    let rows = page["connections"].as_array().expect("rows");
    assert_eq!(page["total"], rows.len(), "{query}");
    rows.iter().map(|row| row["slug"].as_str().expect("a slug").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_recorded_as_overdue_once_and_revealed_as_before() {
    let staged = Staged::new().await;
    staged.ledger.create("main").await;
    staged.policy(HOME, json!({"about": {"field": "apiKey"}, "max_age_days": 90})).await;
    assert_eq!(staged.age("main"), "fresh");
    assert_eq!(staged.secret("main")["rotate_by"], "2028-02-26T12:00:00.000000Z");
    staged.set(80);
    assert_eq!(staged.age("main"), "fresh");
    staged.set(81);
    assert_eq!(staged.age("main"), "due", "nine days before");
    assert_eq!(staged.listed(&json!({"secret_age": ["due"]})), ["main"]);
    staged.set(90);
    let events = staged.overdue_of(1).await;
    assert_eq!(
        (&events[0]["actor"], &events[0]["via"]),
        (&json!("system:policy"), &json!("system"))
    );
    let data = json!({"overdue": {"api_key": {"generation": 1, "max_age_days": 90}}});
    assert_eq!(events[0]["data"], data);
    assert_eq!(staged.age("main"), "overdue");
    assert_eq!(staged.ledger.reveal("main", "api_key").await, "sk-first-value-1");
    // Neither a clock that steps back and forth nor a restart records it again.
    staged.set(80);
    let staged = staged.closed_until(95);
    staged.ledger.create("young").await;
    staged.rotate("young", "sk-other-value-1").await.expect("accepted");
    staged.ledger.expect_replay_equal();
    assert_eq!(staged.overdue().len(), 1);
    assert_eq!(staged.listed(&json!({"secret_age": ["overdue", "due"]})), ["main"]);
    // The next generation is a case of its own.
    staged.rotate("main", "sk-second-value-2").await.expect("accepted");
    assert_eq!(staged.age("main"), "fresh");
    staged.set(95 + 90);
    let events = staged.overdue_of(3).await;
    let of_main: Vec<_> = events.iter().map(|event| &event["data"]["overdue"]["api_key"]).collect();
    assert_eq!(of_main.iter().filter(|one| one["generation"] == 2).count(), 2, "{of_main:?}");
    staged.ledger.expect_replay_equal();
    staged.ledger.replay(false);
    assert_eq!(staged.listed(&json!({"secret_age": ["overdue"]})), ["main", "young"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_that_become_overdue_while_the_ledger_is_closed_are_recorded_at_its_start() {
    let staged = Staged::new().await;
    for number in 0..200 {
        staged.ledger.create(&format!("main-{number:03}")).await;
    }
    staged.policy(LEDGER, json!({"max_age_days": 30})).await;
    // Others have longer, less, or no limit.
    for (slug, days) in [("main-000", 0), ("main-001", 400), ("main-002", 7)] {
        let about = json!({"about": {"connection": slug}, "max_age_days": days});
        staged.policy(HOME, about).await;
    }
    let staged = staged.closed_until(8);
    let events = staged.overdue_of(1).await;
    assert_eq!(events[0]["data"]["overdue"]["api_key"]["max_age_days"], 7);
    let staged = staged.closed_until(365);
    // The ledger's policy holds whatever a workspace says.
    let events = staged.overdue_of(200).await;
    assert_eq!(events.len(), 200);
    assert_eq!(staged.listed(&json!({"secret_age": ["overdue"], "page_size": 500})).len(), 200);
    staged.ledger.run("archive", json!({"connection": "main-003"})).await;
    let staged = staged.closed_until(366);
    staged.ledger.create("last").await;
    assert_eq!(staged.overdue().len(), 200, "each once");
    staged.ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_is_set_later_concerns_what_is_there() {
    let staged = Staged::new().await;
    staged.ledger.create("old").await;
    staged.set(50);
    staged.ledger.create("new").await;
    staged.policy(HOME, json!({"max_age_days": 30, "warn_days": 2})).await;
    let events = staged.overdue_of(1).await;
    assert_eq!(
        events[0]["stream"],
        format!("connection/{}", staged.ledger.get("old")["id"].as_str().expect("an id"))
    );
    assert_eq!((staged.age("old"), staged.age("new")), (json!("overdue"), json!("fresh")));
    staged.set(78);
    assert_eq!(staged.age("new"), "due");
    // Without the policy nothing is due, and nothing more is recorded.
    staged.ledger.run("remove-secret-policy", json!({})).await;
    assert_eq!(staged.age("new"), Value::Null);
    assert!(staged.listed(&json!({"secret_age": ["due", "overdue", "fresh"]})).is_empty());
    staged.set(100);
    staged.ledger.create("later").await;
    assert_eq!(staged.overdue().len(), 1);
    staged.ledger.expect_replay_equal();
}

/// A policy of the key, and values that meet it and do not.
const GOOD: &str = "sk-0123456789abcdef";
const SHORT: &str = "sk-canary";
const WRONG: &str = "canary-0123456789abcdef";

#[tokio::test(flavor = "multi_thread")]
async fn a_new_value_meets_the_policies_at_every_door() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    ledger.run("rotate-secret", json!({"connection": "main", "secrets": {"api_key": GOOD}})).await;
    ledger.create("shorter").await;
    let about = json!({"provider": "OpenAI", "field": "api_key"});
    ledger
        .run("set-secret-policy", json!({"about": about, "min_length": 12, "pattern": "^sk-"}))
        .await;
    for value in [SHORT, WRONG] {
        let secrets = json!({"api_key": value});
        let new = json!({"provider": "openai", "slug": "new", "secrets": secrets});
        let changed = json!({"connection": "main", "secrets": secrets});
        for (verb, body) in [("create", &new), ("rotate-secret", &changed), ("update", &changed)] {
            let refused = ledger.send(TestCommand::new(verb, body)).await.expect_err("refused");
            assert_eq!(refused.code, Code::PolicyViolated, "{verb}: {refused}");
            assert_eq!(refused.field.as_deref(), Some("api_key"));
            let rule = if value == SHORT { "min_length" } else { "^sk-" };
            assert!(refused.message.contains(rule), "{refused}");
            let shown = format!("{:?}", refused.body());
            assert!(!shown.contains("canary") && !shown.contains('9'), "{shown}");
        }
    }
    // The value that is there stays, and is revealed.
    assert_eq!(ledger.reveal("shorter", "api_key").await, "sk-first-value-1");
    ledger.run("update", json!({"connection": "shorter", "display_name": "Other"})).await;
    // Other providers, fields and workspaces are free.
    let free = json!({"provider": "cohere", "secrets": {"api_key": SHORT}});
    ledger.run("create", free).await;
    let field = json!({"connection": "main", "secrets": {"webhook_secret": SHORT}});
    ledger.run("update", field).await;
    let abroad = json!({"provider": "openai", "secrets": {"api_key": SHORT}});
    ledger.send(TestCommand::new("create", &abroad).at(ABROAD)).await.expect("another workspace");
    ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revert_brings_back_no_value_that_a_policy_forbids() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    ledger.run("rotate-secret", json!({"connection": "main", "secrets": {"api_key": GOOD}})).await;
    ledger.run("update", json!({"connection": "main", "display_name": "Later"})).await;
    ledger.run("set-secret-policy", json!({"min_length": 18})).await;
    let to_first = json!({"connection": "main", "to_version": 1});
    let refused = ledger.refusal(TestCommand::new("revert", &to_first)).await;
    assert_eq!(refused, Code::PolicyViolated);
    ledger.run("revert", json!({"connection": "main", "to_version": 2})).await;
    // Who may not rotate learns of no value whether it would do.
    let grants = json!([{"scopes": ["read", "write"], "workspaces": [HOME]}]);
    let writer = ledger.enter("writer", grants).await;
    let refused = ledger.send_as(&writer, TestCommand::new("revert", &to_first)).await;
    assert_eq!(refused.expect_err("refused").code, Code::Forbidden);
    ledger.run("remove-secret-policy", json!({})).await;
    ledger.run("revert", to_first).await;
    assert_eq!(ledger.reveal("main", "api_key").await, "sk-first-value-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_command_is_answered_though_a_policy_forbids_it_by_now() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    let body = json!({"connection": "main", "secrets": {"api_key": SHORT}});
    let command = || TestCommand::new("rotate-secret", &body).id("once");
    let first = ledger.send(command()).await.expect("accepted");
    ledger.run("set-secret-policy", json!({"min_length": 40})).await;
    let again = ledger.send(command()).await.expect("the same command");
    assert!(again.repeated && again.receipt == first.receipt);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_reference_is_required_no_value_comes_in() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    ledger.create("other").await;
    let to = |value: &Value| json!({"connection": "main", "secrets": {"api_key": value}});
    let elsewhere = json!({"reference": {"kind": "connection", "name": "other/api_key"}});
    ledger.run("set-secret-policy", json!({"reference_required": true})).await;
    let of_one = json!({"about": {"connection": "other"}, "reference_required": false});
    ledger.run("set-secret-policy", of_one).await;
    let value = TestCommand::new("rotate-secret", &to(&json!(GOOD)));
    let refused = ledger.send(value).await.expect_err("refused");
    assert_eq!(refused.code, Code::PolicyViolated);
    assert!(refused.message.contains("reference_required"), "{refused}");
    let free = json!({"connection": "other", "secrets": {"api_key": GOOD}});
    ledger.run("rotate-secret", free).await;
    ledger.run("rotate-secret", to(&elsewhere)).await;
    assert_eq!(ledger.reveal("main", "api_key").await, GOOD);
    let back = json!({"connection": "main", "to_version": 1});
    let refused = ledger.refusal(TestCommand::new("revert", &back)).await;
    assert_eq!(refused, Code::PolicyViolated, "a revert to a value");
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_are_set_by_who_administers_their_place_and_shown_to_its_readers() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    let rule = json!({"about": {"field": "api_key"}, "max_age_days": 90});
    let admin = ledger.enter("admin", json!([{"role": "admin", "workspaces": [HOME]}])).await;
    let reader = ledger.enter("reader", json!([{"role": "viewer", "workspaces": [HOME]}])).await;
    let stranger =
        ledger.enter("stranger", json!([{"role": "admin", "workspaces": [ABROAD]}])).await;
    let set = |place| TestCommand::new("set-secret-policy", &rule).at(place);
    for (who, place) in [(&admin, LEDGER), (&admin, ABROAD), (&reader, HOME), (&stranger, HOME)] {
        let refused = ledger.send_as(who, set(place)).await.expect_err("refused");
        assert_eq!(refused.code, Code::Forbidden, "{place}");
    }
    let first = ledger.send_as(&admin, set(HOME).absent()).await.expect("its own workspace");
    assert_eq!(first.receipt.version, 1);
    ledger.send(set(LEDGER)).await.expect("who administers everything");
    let shown = |who, place| ledger.ask_as(who, place, "secret-policies", &json!({}));
    let all = shown(&reader, HOME).expect("a reader");
    let places: Vec<_> = all["policies"].as_array().expect("policies").iter().collect();
    assert_eq!(places.len(), 2, "{all}");
    assert_eq!((&places[0]["workspace"], &places[1]["workspace"]), (&Value::Null, &json!(HOME)));
    assert!(places[1]["set_by"].as_str().is_some_and(|by| by.ends_with(":admin")), "{all}");
    assert_eq!(shown(&stranger, HOME).expect_err("not there").code, Code::Forbidden);
    assert_eq!(
        ledger.ask_at("_all", "secret-policies", &json!({})).expect("all")["policies"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    let history = ledger.ask("history", &json!({"type": ["secret_policy_set"]}));
    assert_eq!(history["total"], 1, "that of the ledger is in no workspace");
    // What cannot be is refused with its field.
    for (body, field) in [
        (json!({"about": {"field": "api_key"}}), "max_age_days"),
        (json!({"max_age_days": 3_651}), "max_age_days"),
        (json!({"max_age_days": 3, "warn_days": 3}), "warn_days"),
        (json!({"warn_days": 3, "min_length": 3}), "warn_days"),
        (json!({"min_length": 1_025}), "min_length"),
        (json!({"pattern": "("}), "pattern"),
        (json!({"pattern": "a{1000}{1000}"}), "pattern"),
        (json!({"about": {"provider": " "}, "max_age_days": 3}), "about.provider"),
    ] {
        let refused = ledger.send(TestCommand::new("set-secret-policy", &body)).await;
        let refused = refused.expect_err("refused");
        assert_eq!(refused.field.as_deref(), Some(field), "{body}: {refused}");
    }
    let of_one = json!({"about": {"connection": "main"}, "max_age_days": 3});
    let refused = ledger.send(TestCommand::new("set-secret-policy", &of_one).at(LEDGER)).await;
    assert_eq!(refused.expect_err("refused").field.as_deref(), Some("about.connection"));
    let missing = json!({"about": {"connection": "missing"}, "max_age_days": 3});
    let refused = ledger.refusal(TestCommand::new("set-secret-policy", &missing)).await;
    assert_eq!(refused, Code::ConnectionUnknown);
    let again = ledger.refusal(set(HOME)).await;
    assert_eq!(again, Code::NothingToChange);
    let nowhere = ledger.refusal(set("nowhere")).await;
    assert_eq!(nowhere, Code::WorkspaceUnknown);
    let remove = TestCommand::new("remove-secret-policy", &json!({"about": {"field": "other"}}));
    assert_eq!(ledger.refusal(remove).await, Code::PolicyUnknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_outlive_a_restart_and_go_with_an_export() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    ledger.run("set-secret-policy", json!({"min_length": 40})).await;
    ledger.run("set-secret-policy", json!({"about": {"field": "token"}, "max_age_days": 9})).await;
    ledger.run("remove-secret-policy", json!({"about": {"field": "token"}})).await;
    let before = ledger.ask("secret-policies", &json!({}));
    let ledger = ledger.reopen();
    assert_eq!(ledger.ask("secret-policies", &json!({})), before);
    let body = json!({"connection": "main", "secrets": {"api_key": GOOD}});
    let refused = ledger.refusal(TestCommand::new("rotate-secret", &body)).await;
    assert_eq!(refused, Code::PolicyViolated);
    let place = ledger.close();
    place.replay(false).expect("rebuilt");
    let ledger = place.open();
    assert_eq!(ledger.ask("secret-policies", &json!({})), before);
    ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_is_full_of_policies_at_its_limit() {
    let ledger = Ledger::new().await;
    for number in 0..64 {
        let about = json!({"provider": format!("provider-{number}")});
        ledger.run("set-secret-policy", json!({"about": about, "min_length": 1})).await;
    }
    let more = TestCommand::new("set-secret-policy", &json!({"min_length": 1}));
    assert_eq!(ledger.refusal(more).await, Code::PoliciesFull);
    let about = json!({"provider": "provider-7"});
    ledger.run("set-secret-policy", json!({"about": about, "min_length": 2})).await;
    ledger.run("remove-secret-policy", json!({"about": about})).await;
    ledger.run("set-secret-policy", json!({"min_length": 1})).await;
}
