//! Connections that are tested by a schedule, without anybody asking.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ledger_engine::{Scheduled, SendTest, Sending, SentTest, TestSchedule, TestScheduleRule};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::provider::{Provider, WORKS};
use super::{HERE, health};
use crate::canary::{expect_silence_in, secret};
use crate::ledger::{Ledger, TestCommand};
use crate::output::told;
use crate::service::Service;
use crate::wait::eventually;

const MINUTE: Duration = Duration::from_mins(1);

/// A provider without a network, which answers what it is told to.
#[derive(Debug)]
pub(super) struct Scripted {
    status: AtomicU16,
    retry_after: Mutex<Option<String>>,
    /// Requests so far, by credential.
    heard: Mutex<BTreeMap<String, u64>>,
    /// Each answer takes one of these.
    answers: Semaphore,
}

impl Scripted {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            status: AtomicU16::new(200),
            retry_after: Mutex::default(),
            heard: Mutex::default(),
            answers: Semaphore::new(Semaphore::MAX_PERMITS),
        })
    }

    pub(super) fn answer_with(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    fn heard(&self, credential: &str) -> u64 {
        let heard = self.heard.lock().expect("nobody panicked");
        let of = heard.iter().filter(|(sent, _)| sent.ends_with(credential));
        of.map(|(_, count)| count).sum()
    }

    pub(super) fn heard_of_all(&self) -> u64 {
        self.heard.lock().expect("nobody panicked").values().sum()
    }
}

#[derive(Debug)]
struct Sender(Arc<Scripted>);

impl SendTest for Sender {
    fn send(&self, request: ledger_providers::Request) -> Sending<'_> {
        let credential = request.headers.iter().map(|(_, value)| value.to_string()).collect();
        *self.0.heard.lock().expect("nobody panicked").entry(credential).or_default() += 1;
        Box::pin(async {
            self.0.answers.acquire().await.expect("never closed").forget();
            SentTest::Answered {
                status: self.0.status.load(Ordering::SeqCst),
                request_id: None,
                retry_after: self.0.retry_after.lock().expect("nobody panicked").clone(),
                body: zeroize::Zeroizing::default(),
            }
        })
    }

    fn send_for_all(&self, request: ledger_providers::Request) -> Sending<'_> {
        self.send(request)
    }

    fn log_in(&self, login: ledger_providers::Login) -> ledger_engine::LoggingIn<'_> {
        panic!("{login:?} is asked for")
    }
}

fn rule(of: Scheduled, every: Option<Duration>) -> TestScheduleRule {
    TestScheduleRule { of, every }
}

/// The clock stands still, so that none may have to wait for a place.
fn each_minute() -> TestSchedule {
    TestSchedule { rules: vec![rule(Scheduled::All, Some(MINUTE))], per_provider: 64 }
}

/// A ledger whose clock stands still until it is set.
pub(super) struct Stage {
    pub(super) ledger: Ledger,
    pub(super) provider: Arc<Scripted>,
    seconds: Arc<AtomicI64>,
}

impl Stage {
    /// Makes one with connections whose keys end in their numbers.
    pub(super) async fn new(connections: usize) -> Self {
        let ledger = Ledger::new().await;
        for number in 0..connections {
            let body = json!({
                "slug": format!("c-{number}"), "provider": "openai",
                "secrets": {"api_key": format!("sk-of-connection-{number}.")},
            });
            ledger.run("create", body).await;
        }
        let now = ledger.engine.clock().now().get() / 1_000_000;
        let seconds = Arc::new(AtomicI64::new(now + 60));
        let ledger = ledger.close().open_at(&seconds);
        let provider = Scripted::new();
        ledger.engine.set_test_sender(Arc::new(Sender(Arc::clone(&provider))));
        Self { ledger, provider, seconds }
    }

    pub(super) fn pass(&self, time: Duration) {
        let seconds = i64::try_from(time.as_secs()).expect("short");
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Sets the clock back.
    pub(super) fn back(&self, time: Duration) {
        let seconds = i64::try_from(time.as_secs()).expect("short");
        self.seconds.fetch_sub(seconds, Ordering::SeqCst);
    }

    async fn heard(&self, requests: u64) {
        eventually("the tests are made", async || {
            (self.provider.heard_of_all() == requests).then_some(())
        })
        .await;
        self.at_rest().await;
    }

    async fn at_rest(&self) {
        eventually("the tests have ended", async || {
            (self.status()["running"] == json!(0)).then_some(())
        })
        .await;
    }

    fn status(&self) -> Value {
        self.ledger.ask_at("_all", "status", &json!({})).expect("answered")["scheduled_tests"]
            .clone()
    }

    pub(super) fn health(&self, slug: &str) -> Value {
        self.ledger.get(slug)["health"]["state"].clone()
    }

    pub(super) fn head(&self) -> u64 {
        self.ledger.engine.head().get()
    }

    fn follow(&self, schedule: TestSchedule) {
        self.ledger.engine.set_test_schedule(schedule);
    }

    async fn planned(&self, connections: u64) {
        eventually("all were looked through", async || {
            (self.status()["connections"] == json!(connections)).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_connection_is_tested_once_each_time_and_only_news_is_recorded() {
    let stage = Stage::new(20).await;
    stage.follow(each_minute());
    stage.planned(20).await;
    let before = stage.head();
    stage.pass(MINUTE);
    stage.heard(20).await;
    eventually("all work", async || {
        (0..20).all(|n| stage.health(&format!("c-{n}")) == "operational").then_some(())
    })
    .await;
    assert_eq!(stage.head(), before + 40, "a reveal and a result of each");
    for passed in 2..6 {
        stage.pass(MINUTE);
        stage.heard(20 * passed).await;
    }
    assert_eq!(stage.head(), before + 40, "nothing new");
    assert!((0..20).all(|n| stage.provider.heard(&format!("sk-of-connection-{n}.")) == 5));
    assert_eq!(stage.status()["made"], json!({"works": 100}));

    for (status, state, recorded) in
        [(401, "failed", 20), (401, "failed", 0), (503, "failed", 20), (200, "operational", 20)]
    {
        let (head, requests) = (stage.head(), stage.provider.heard_of_all());
        stage.provider.answer_with(status);
        stage.pass(MINUTE);
        stage.heard(requests + 20).await;
        let states = || (0..20).map(|n| stage.health(&format!("c-{n}")));
        eventually("the health follows", async || states().all(|is| is == state).then_some(()))
            .await;
        eventually("it is recorded", async || (stage.head() >= head + recorded).then_some(()))
            .await;
        assert_eq!(stage.head(), head + recorded, "{status}");
    }

    let (head, requests) = (stage.head(), stage.provider.heard_of_all());
    stage.pass(Duration::from_hours(25));
    stage.heard(requests + 20).await;
    assert_eq!(stage.head(), head + 40, "each day there is a reveal and a result");
    stage.ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_is_tested_by_what_it_is_then() {
    let stage = Stage::new(3).await;
    stage.follow(each_minute());
    stage.planned(3).await;
    stage.pass(MINUTE);
    stage.heard(3).await;
    let ledger = &stage.ledger;
    let rotation = json!({"connection": "c-0", "secrets": {"api_key": "sk-the-next-value."}});
    ledger.run("rotate-secret", rotation).await;
    ledger.run("disable", json!({"connection": "c-1"})).await;
    ledger.run("archive", json!({"connection": "c-2"})).await;
    let body = json!({
        "slug": "late", "provider": "openai", "secrets": {"api_key": "sk-of-the-late-one."},
    });
    ledger.run("create", body).await;
    let refers = json!({
        "slug": "refers", "provider": "openai",
        "secrets": {"api_key": {"reference": {"kind": "connection", "name": "late/api_key"}}},
    });
    ledger.run("create", refers).await;
    let unknown = json!({"slug": "other", "provider": "nobody", "secrets": {"api_key": "sk-1."}});
    ledger.run("create", unknown).await;
    stage.planned(2).await;
    stage.pass(MINUTE);
    stage.heard(5).await;
    assert_eq!(stage.provider.heard("sk-the-next-value."), 1);
    assert_eq!(stage.provider.heard("sk-of-the-late-one."), 1);
    let history = ledger.ask("history", &json!({"connection": "c-0"})).to_string();
    assert_eq!(history.matches("by the server itself").count(), 2, "a reveal of each value");

    ledger.run("enable", json!({"connection": "c-1"})).await;
    stage.planned(3).await;
    stage.pass(MINUTE);
    stage.heard(8).await;
    stage.follow(TestSchedule::default());
    assert!(stage.status().is_null());
    stage.pass(Duration::from_hours(1));
    ledger.run("test-connection", json!({"connection": "c-0"})).await;
    assert_eq!(stage.provider.heard_of_all(), 9, "only what somebody asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_that_is_due_is_made_although_the_connection_changes() {
    let stage = Stage::new(20).await;
    stage.follow(each_minute());
    stage.planned(20).await;
    for passed in 1..4 {
        stage.pass(MINUTE);
        for number in 0..20 {
            let about = json!({
                "connection": format!("c-{number}"), "description": format!("minute {passed}"),
            });
            stage.ledger.run("update", about).await;
        }
        stage.heard(20 * passed).await;
    }
    assert!((0..20).all(|n| stage.provider.heard(&format!("sk-of-connection-{n}.")) == 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_most_specific_rule_decides_and_why_tells_the_next_test() {
    let stage = Stage::new(2).await;
    let ledger = &stage.ledger;
    let made = json!({
        "slug": "gold", "provider": "OpenAI", "labels": {"tier": "gold"},
        "secrets": {"api_key": "sk-of-gold."},
    });
    ledger.run("create", made).await;
    let other = json!({
        "slug": "cohere", "provider": "cohere", "secrets": {"api_key": "of-the-other-one."},
    });
    ledger.run("create", other).await;
    let seconds = |count: u64| Some(Duration::from_secs(count));
    let text = |text: &str| text.to_owned();
    let label = Scheduled::Label { key: text("tier"), value: text("gold") };
    let one = Scheduled::Connection { workspace: text("default"), slug: text("C-1") };
    stage.follow(TestSchedule {
        rules: vec![
            rule(one, None),
            rule(label, seconds(30)),
            rule(Scheduled::Provider(text("openai")), seconds(50)),
            rule(Scheduled::Provider(text("OPENAI")), seconds(60)),
            rule(Scheduled::All, seconds(3_600)),
        ],
        per_provider: 1,
    });
    stage.planned(3).await;
    for (slug, every) in
        [("gold", json!(30)), ("c-0", json!(60)), ("c-1", Value::Null), ("cohere", json!(3_600))]
    {
        let why = ledger.ask("why", &json!({"connection": slug}));
        assert_eq!(why["next_test"]["every_seconds"], every, "{slug}");
        assert_eq!(why["next_test"]["at"].is_string(), !every.is_null(), "{slug}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_and_a_test_that_has_not_ended_is_not_made_twice() {
    let stage = Stage::new(5).await;
    stage.follow(TestSchedule { per_provider: 2, ..each_minute() });
    stage.planned(5).await;
    stage.provider.answers.forget_permits(Semaphore::MAX_PERMITS);
    stage.pass(MINUTE);
    eventually("two wait for answers", async || {
        (stage.status()["running"] == json!(2)).then_some(())
    })
    .await;
    stage.pass(MINUTE);
    eventually("the next ones are left out", async || {
        (stage.status()["skipped"].as_u64() >= Some(2)).then_some(())
    })
    .await;
    assert_eq!(stage.provider.heard_of_all(), 2, "no more than the limit");
    stage.provider.answers.add_permits(10_000);
    eventually("the others have their turn", async || {
        stage.pass(Duration::from_secs(1));
        (stage.provider.heard_of_all() >= 5).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_asks_to_wait_is_let_be() {
    let stage = Stage::new(5).await;
    stage.follow(each_minute());
    stage.planned(5).await;
    stage.provider.answer_with(429);
    *stage.provider.retry_after.lock().expect("nobody panicked") = Some("600".to_owned());
    stage.pass(MINUTE);
    stage.heard(5).await;
    stage.provider.answer_with(200);
    *stage.provider.retry_after.lock().expect("nobody panicked") = None;
    let body = json!({
        "slug": "fresh", "provider": "openai", "secrets": {"api_key": "sk-of-the-fresh-one."},
    });
    stage.ledger.run("create", body).await;
    for passed in 1..10 {
        stage.pass(MINUTE);
        eventually("the other one is tested", async || {
            (stage.provider.heard("sk-of-the-fresh-one.") == passed).then_some(())
        })
        .await;
        stage.at_rest().await;
    }
    assert_eq!(stage.provider.heard_of_all(), 5 + 9, "not before the ten minutes");
    stage.pass(2 * MINUTE);
    stage.heard(5 + 9 + 6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_ledger_tests_nothing() {
    let stage = Stage::new(1).await;
    stage.follow(each_minute());
    stage.planned(1).await;
    let ledger = &stage.ledger;
    ledger.send(TestCommand::new("seal-ledger", &json!({})).at("_ledger")).await.expect("sealed");
    stage.pass(MINUTE);
    eventually("it was tried", async || {
        (stage.status()["not_made"].as_u64() >= Some(1)).then_some(())
    })
    .await;
    assert_eq!(stage.provider.heard_of_all(), 0);
}

/// A value that does not work, set without a check: the health tells, without anybody asking.
#[tokio::test(flavor = "multi_thread")]
async fn the_program_finds_out_by_itself_and_a_revert_heals() {
    let provider = Provider::start(0).await;
    let every = ["--check-every", "10s"];
    let mut service = Service::start(&[&HERE[..], &every].concat()).await;
    let address = format!("base_url=http://127.0.0.1:{}/keyed", provider.port);
    let key = format!("api_key=sk{WORKS}");
    let args = ["create", "--slug", "main", "--provider", "openai", "--config", &address];
    told(&service.run(&[&args[..], &["--secret", &key]].concat()).await);
    let becomes = async |state: &str| {
        eventually(state, async || (health(&service, "main").await == state).then_some(())).await;
    };
    becomes("operational").await;
    let bad = format!("api_key={}", secret(2));
    told(&service.run(&["rotate-secret", "main", "--secret", &bad]).await);
    becomes("failed").await;
    let why = told(&service.run(&["why", "main"]).await);
    assert!(why.contains("secret_rotated") && why.contains("every 10 seconds"), "{why}");
    told(&service.run(&["revert", "main", "--to-version", "2"]).await);
    becomes("operational").await;
    let history = told(&service.run(&["history", "main", "--json"]).await);
    assert!(history.contains("system:tests"), "{history}");
    told(&service.run(&["replay", "--verify"]).await);
    assert!(service.stop().await.success());
    expect_silence_in(service.folder());
}
