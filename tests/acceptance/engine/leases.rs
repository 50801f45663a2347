//! Leases on secrets: who reads under them, until when, and what is recorded.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use ledger_contract::commands::{self, Address, ConnectionRef};
use ledger_contract::errors::{Code, Problem};
use ledger_contract::headers::Headers;
use ledger_contract::records::Via;
use ledger_contract::reveal::LeaseAnswer;
use ledger_domain::{Micros, WorkspaceName};
use ledger_engine::{
    Caller, Engine, EngineOptions, Ports, RevealRequest, SecretsAnswer, SecretsInFlight,
};
use serde_json::{Value, json};

use crate::ledger::{ABROAD, HOME, Ledger, Place, TestCommand, open, send_as};
use crate::wait::eventually;

/// The id of a lease that nobody has.
const NO_LEASE: &str = "0197c2a1-0000-7000-8000-000000000001";

/// 2027-11-28T12:00:00Z, in seconds.
const NOON: i64 = 1_827_403_200;
const HOUR: i64 = 3_600;
const NEVER: Duration = Duration::from_hours(24);
const OFTEN: Duration = Duration::from_millis(1);

/// A ledger whose clock is set by hand and which records reads at an interval.
struct Staged {
    ledger: Ledger,
    now: Arc<AtomicI64>,
}

fn opened(place: Place, now: Arc<AtomicI64>, lease_interval: Duration) -> Staged {
    let options = || {
        let shown = Arc::clone(&now);
        let clock = move || Micros::new(shown.load(Ordering::SeqCst) * 1_000_000);
        let clock = ledger_engine::Clock::new(clock);
        let ports = Ports { clock, ..Ports::default() };
        EngineOptions { ports, lease_interval, ..place.options() }
    };
    let engine = open(options).expect("the ledger opens");
    Staged { ledger: Ledger { engine, place }, now }
}

/// Sends a request whose answer has secrets.
async fn secrets(
    engine: &Engine,
    caller: &Caller,
    workspace: &str,
    verb: &str,
    body: &Value,
) -> Result<(LeaseAnswer, SecretsInFlight), Problem> {
    let workspace = WorkspaceName::parse("workspace", workspace)?;
    let address = Address {
        connection: Some(ConnectionRef::parse("connection", "main")?),
        ..Address::of(workspace.clone())
    };
    let verb = commands::Verb::find(verb).expect("a verb");
    let command = verb.parse(&address, body.to_string().as_bytes())?;
    let context = engine.context(caller.clone(), Via::Nats, Headers::default());
    match engine.secrets(RevealRequest { workspace, command, context }).await? {
        SecretsAnswer::Leased(answer, in_flight) => Ok((answer, in_flight)),
        SecretsAnswer::Revealed(_) => panic!("not a lease"),
    }
}

/// Takes a lease on the secrets of a connection and returns its id. Whoever may not reveal loses it
/// at once.
pub(super) async fn leased(
    engine: &Engine,
    holder: &Caller,
    workspace: &str,
    connection: &str,
) -> String {
    let workspace = WorkspaceName::parse("workspace", workspace).expect("a name");
    let connection = ConnectionRef::parse("connection", connection).expect("an id");
    let address = Address { connection: Some(connection), ..Address::of(workspace.clone()) };
    let body = json!({"reason": "a test"}).to_string();
    let command = commands::Verb::LeaseSecrets.parse(&address, body.as_bytes()).expect("a body");
    let context = engine.context(holder.clone(), Via::Nats, Headers::default());
    match engine.secrets(RevealRequest { workspace, command, context }).await {
        Ok(SecretsAnswer::Leased(answer, _)) => answer.lease,
        Err(error) if error.code() == Code::SecretLeaseEnded => NO_LEASE.to_owned(),
        other => panic!("not a lease: {other:?}"),
    }
}

async fn take(ledger: &Ledger, caller: &Caller, until: &str) -> LeaseAnswer {
    let body = json!({"reason": "to route", "until": until});
    let taken = secrets(&ledger.engine, caller, HOME, "lease-secrets", &body).await;
    taken.expect("a lease").0
}

async fn read(engine: &Engine, caller: &Caller, lease: &str) -> Result<LeaseAnswer, Code> {
    let body = json!({ "lease": lease });
    let read = secrets(engine, caller, HOME, "read-leased-secrets", &body).await;
    read.map(|(answer, _)| answer).map_err(|problem| problem.code)
}

async fn value(engine: &Engine, caller: &Caller, lease: &str) -> Result<(u64, String), Code> {
    let answer = read(engine, caller, lease).await?;
    let secret = &answer.revealed.secrets["api_key"];
    Ok((secret.generation, secret.value.clone()))
}

impl Staged {
    async fn new(interval: Duration) -> Self {
        let place = Ledger::new().await.close();
        let staged = opened(place, Arc::new(AtomicI64::new(NOON)), interval);
        staged.ledger.create("main").await;
        staged
    }

    fn reopened(self, interval: Duration) -> Self {
        let (place, now) = (self.ledger.close(), self.now);
        opened(place, now, interval)
    }

    /// Sets the clock to so many seconds after noon.
    fn set(&self, seconds: i64) {
        self.now.store(NOON + seconds, Ordering::SeqCst);
    }

    async fn gateway(&self, name: &str) -> Caller {
        self.ledger.enter(name, json!([{"scopes": ["read", "reveal"]}])).await
    }

    fn events(&self, event_type: &str) -> Vec<Value> {
        let query = json!({"type": [event_type], "oldest_first": true, "page_size": 500});
        self.ledger.ask("history", &query)["events"].as_array().expect("events").clone()
    }

    fn leases(&self) -> Vec<Value> {
        self.ledger.ask("leases", &json!({}))["leases"].as_array().expect("leases").clone()
    }

    /// Returns how many reads of a lease are recorded.
    fn recorded(&self, lease: &str) -> u64 {
        let events = self.events("leased_secrets_read");
        let of = events.iter().filter(|event| event["data"]["lease"] == lease);
        let counts = of.flat_map(|event| {
            let reads = event["data"]["reads"]["api_key"].as_array().expect("reads").clone();
            reads.into_iter().map(|read| read["count"].as_u64().expect("a count"))
        });
        counts.sum()
    }

    async fn ended(&self, lease: &str) -> Value {
        eventually("the end is recorded", async || {
            let events = self.events("secret_leases_ended");
            events.into_iter().find(|event| event["data"]["lease"] == lease)
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_under_a_lease_make_no_event_each_and_are_counted() {
    let staged = Staged::new(NEVER).await;
    let gateway = staged.gateway("edge").await;
    let lease = take(&staged.ledger, &gateway, "1h").await;
    assert_eq!(lease.until, "2027-11-28T13:00:00.000000Z");
    assert_eq!(lease.revealed.secrets["api_key"].generation, 1);
    let engine = &staged.ledger.engine;
    let (version, head) = (staged.ledger.get("main")["version"].clone(), engine.head());
    for _ in 0..100 {
        assert_eq!(value(engine, &gateway, &lease.lease).await.expect("read").0, 1);
    }
    assert_eq!(engine.head(), head, "no read made an event");
    // A generation that nobody has read under the lease is recorded before its value is given out.
    let rotate = json!({"connection": "main", "secrets": {"api_key": "sk-second-value-2"}});
    staged.ledger.run("rotate-secret", rotate).await;
    let second = value(engine, &gateway, &lease.lease).await.expect("read");
    assert_eq!(second, (2, "sk-second-value-2".to_owned()));
    assert_eq!(staged.recorded(&lease.lease), 1);
    for _ in 0..50 {
        value(engine, &gateway, &lease.lease).await.expect("read");
    }
    assert_eq!(staged.recorded(&lease.lease), 1);
    let seen = staged.leases();
    assert_eq!((seen.len(), &seen[0]["generations"]["api_key"]), (1, &json!(2)));
    assert_eq!(seen[0]["holder"], "service:edge");
    staged.ledger.expect_replay_equal();
    // Returning it records the rest.
    let body = json!({"connection": "main", "lease": lease.lease});
    let returned = TestCommand::new("return-lease", &body);
    send_as(engine, gateway.clone(), returned).await.expect("returned");
    assert_eq!(value(engine, &gateway, &lease.lease).await, Err(Code::SecretLeaseEnded));
    let staged = staged.reopened(NEVER);
    assert_eq!(staged.recorded(&lease.lease), 151, "closing records what is left");
    assert!(staged.leases().is_empty());
    let event = staged.events("leased_secrets_read").pop().expect("an event");
    assert_eq!(event["actor"], "service:edge");
    assert_eq!(staged.ledger.get("main")["version"], json!(version.as_u64().expect("one") + 1));
    let report = staged.ledger.ask("exposure", &json!({"connection": "main", "field": "api_key"}));
    let reads: u64 = report["readers"]
        .as_array()
        .expect("readers")
        .iter()
        .map(|reader| reader["leased_reads"].as_u64().unwrap_or_default())
        .sum();
    assert_eq!(reads, 51, "{report}");
    assert_eq!(report["readers"][0]["leases"], json!([lease.lease]));
    staged.ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_used_by_its_holder_until_its_end_only() {
    let staged = Staged::new(OFTEN).await;
    let (gateway, other) = (staged.gateway("edge").await, staged.gateway("other").await);
    let lease = take(&staged.ledger, &gateway, "1h").await.lease;
    let engine = &staged.ledger.engine;
    assert_eq!(value(engine, &other, &lease).await, Err(Code::SecretLeaseEnded));
    let body = json!({"lease": lease});
    let abroad = secrets(engine, &gateway, ABROAD, "read-leased-secrets", &body);
    assert!(abroad.await.is_err());
    let renew = |seconds: i64| {
        let until = format!("{seconds}s");
        TestCommand::new(
            "renew-lease",
            &json!({"connection": "main", "lease": lease, "until": until}),
        )
    };
    let refused = send_as(engine, other.clone(), renew(60)).await.map_err(|problem| problem.code);
    assert_eq!(refused.err(), Some(Code::SecretLeaseEnded));
    let late = send_as(engine, gateway.clone(), renew(24 * HOUR + 1)).await;
    assert_eq!(late.map_err(|problem| problem.code).err(), Some(Code::FieldInvalid));
    send_as(engine, gateway.clone(), renew(2 * HOUR)).await.expect("renewed");
    staged.set(2 * HOUR - 1);
    assert!(value(engine, &gateway, &lease).await.is_ok());
    staged.set(2 * HOUR);
    assert_eq!(value(engine, &gateway, &lease).await, Err(Code::SecretLeaseEnded));
    // The clock steps back over the end: nothing comes back, recorded or not.
    staged.set(HOUR);
    assert_eq!(value(engine, &gateway, &lease).await, Err(Code::SecretLeaseEnded));
    staged.set(2 * HOUR);
    assert_eq!(staged.ended(&lease).await["data"]["because"], "expired");
    staged.set(0);
    let staged = staged.reopened(OFTEN);
    assert_eq!(value(&staged.ledger.engine, &gateway, &lease).await, Err(Code::SecretLeaseEnded));
    assert!(staged.leases().is_empty());
    staged.ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_value_leaves_after_a_revocation_was_answered() {
    let staged = Staged::new(NEVER).await;
    let gateway = staged.gateway("edge").await;
    let lease = take(&staged.ledger, &gateway, "1h").await.lease;
    let engine = staged.ledger.engine.clone();
    let (reads, revoked) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let mut readers = Vec::new();
    for _ in 0..64 {
        let (engine, gateway, lease) = (engine.clone(), gateway.clone(), lease.clone());
        let (reads, revoked) = (Arc::clone(&reads), Arc::clone(&revoked));
        readers.push(tokio::spawn(async move {
            let body = json!({ "lease": lease });
            loop {
                let read = secrets(&engine, &gateway, HOME, "read-leased-secrets", &body).await;
                match read {
                    Ok((_, in_flight)) => {
                        // What holds the place has not been answered yet.
                        tokio::task::yield_now().await;
                        assert!(!revoked.load(Ordering::SeqCst), "a value left afterwards");
                        drop(in_flight);
                        reads.fetch_add(1, Ordering::SeqCst);
                    }
                    Err(problem) => return problem.code,
                }
            }
        }));
    }
    eventually("all read", async || (reads.load(Ordering::SeqCst) > 2_000).then_some(())).await;
    let body = json!({"connection": "main", "reason": "a leak"});
    staged.ledger.run("revoke-leases", body).await;
    revoked.store(true, Ordering::SeqCst);
    for reader in readers {
        assert_eq!(reader.await.expect("no value left afterwards"), Code::SecretLeaseEnded);
    }
    let reads = reads.load(Ordering::SeqCst);
    drop(engine);
    let staged = staged.reopened(NEVER);
    assert_eq!(staged.recorded(&lease), reads, "every read is counted");
    staged.ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_survive_a_restart_and_a_kill_loses_an_interval_at_most() {
    let staged = Staged::new(NEVER).await;
    let gateway = staged.gateway("edge").await;
    let lease = take(&staged.ledger, &gateway, "1h").await.lease;
    let staged = staged.reopened(NEVER);
    assert!(value(&staged.ledger.engine, &gateway, &lease).await.is_ok());
    let rotate = json!({"connection": "main", "secrets": {"api_key": "sk-second-value-2"}});
    staged.ledger.run("rotate-secret", rotate).await;
    for _ in 0..7 {
        value(&staged.ledger.engine, &gateway, &lease).await.expect("read");
    }
    let cut = staged.ledger.power_cut();
    let after = opened(cut, Arc::clone(&staged.now), NEVER);
    assert_eq!(after.recorded(&lease), 1, "that the second generation was read is known");
    assert_eq!(after.leases()[0]["generations"]["api_key"], 2);
    assert_eq!(value(&after.ledger.engine, &gateway, &lease).await.expect("read").0, 2);
    assert_eq!(after.recorded(&lease), 1, "it is known to have been read");
    after.ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_end_with_the_connection_the_right_and_the_holder() {
    let staged = Staged::new(OFTEN).await;
    let gateway = staged.gateway("edge").await;
    let engine = &staged.ledger.engine;
    let main = |more: Value| {
        let mut body = more;
        body["connection"] = json!("main");
        body
    };
    let because = |events: &[Value]| events.last().expect("an event")["data"]["because"].clone();
    let lease = take(&staged.ledger, &gateway, "1h").await.lease;
    let disabled = staged.ledger.run("disable", main(json!({}))).await.receipt;
    let ended = staged.events("secret_leases_ended");
    assert_eq!(because(&ended), "connection_unusable");
    assert_eq!(ended[0]["position"], json!(disabled.position + 1), "in the same batch");
    staged.ledger.run("enable", main(json!({}))).await;
    assert_eq!(value(engine, &gateway, &lease).await, Err(Code::SecretLeaseEnded));

    take(&staged.ledger, &gateway, "1h").await;
    staged.ledger.run("update", main(json!({"slug": "other"}))).await;
    assert_eq!(because(&staged.events("secret_leases_ended")), "slug_changed");
    let back = json!({"connection": "other", "slug": "main"});
    staged.ledger.run("update", back).await;

    let lease = take(&staged.ledger, &gateway, "1h").await.lease;
    let grants = json!([{"scopes": ["read"]}]);
    staged.ledger.lead("update-principal", json!({"principal": "edge", "grants": grants})).await;
    assert_eq!(value(engine, &gateway, &lease).await, Err(Code::Forbidden));
    assert_eq!(staged.ended(&lease).await["data"]["because"], "right_lost");
    let grants = json!([{"scopes": ["read", "reveal"]}]);
    staged.ledger.lead("update-principal", json!({"principal": "edge", "grants": grants})).await;
    assert_eq!(value(engine, &gateway, &lease).await, Err(Code::SecretLeaseEnded));

    let lease = take(&staged.ledger, &gateway, "1h").await.lease;
    staged.ledger.lead("disable-principal", json!({"principal": "edge"})).await;
    assert_eq!(staged.ended(&lease).await["data"]["because"], "right_lost", "without a read");
    staged.ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_command_ends_the_leases_of_a_workspace_a_holder_or_a_prefix() {
    let staged = Staged::new(NEVER).await;
    let (edge, batch) = (staged.gateway("edge").await, staged.gateway("batch").await);
    take(&staged.ledger, &edge, "1h").await;
    let kept = take(&staged.ledger, &batch, "1h").await.lease;
    let ended = |body: Value| TestCommand::new("revoke-workspace-leases", &body);
    let none = staged.ledger.send(ended(json!({"slug_prefix": "other"}))).await;
    assert_eq!(none.map_err(|problem| problem.code).err(), Some(Code::SecretLeaseEnded));
    staged.ledger.send(ended(json!({"holder": "service:edge"}))).await.expect("ended");
    let left = staged.leases();
    assert_eq!((left.len(), &left[0]["lease"]), (1, &json!(kept)));
    staged.ledger.expect_replay_equal();
    let staged = staged.reopened(NEVER);
    assert_eq!(staged.leases().len(), 1);
    staged.ledger.send(ended(json!({"slug_prefix": "MA"}))).await.expect("ended");
    assert!(staged.leases().is_empty());
    assert_eq!(staged.events("workspace_leases_ended").len(), 2);
    staged.ledger.expect_replay_equal();
}
