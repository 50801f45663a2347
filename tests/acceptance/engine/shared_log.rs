//! A log that several nodes share: what the writer decided, others have byte for byte; what was not
//! appended leaves nothing; what may have been appended is found again.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};

use ledger_contract::alerts::AlertProgress;
use ledger_contract::errors::Code;
use ledger_contract::log_stream::Beside;
use ledger_contract::subjects::LEDGER;
use ledger_domain::Position;
use ledger_engine::{
    AlertWrites, Anew, Appended, Caller, Engine, EngineOptions, FollowedGroup, GroupLog, LogOf,
    StreamPlace,
};
use ledger_store::tables::{log, receipts};
use ledger_vault::{KeyFile, KeySource, Keyring, master_key_of};
use serde_json::json;
use stateright::semantics::register::{Register, RegisterOp, RegisterRet};
use stateright::semantics::{ConsistencyTester as _, LinearizabilityTester};

use super::handovers::unwrap;
use super::verbs::life;
use crate::ledger::{HOME, Ledger, Place, TestCommand, ask_as, open};
use crate::wait::soon;

/// What a log does with the next groups.
const TAKES: u8 = 0;
const REFUSES: u8 = 1;
/// It takes them, and does not say so.
const IS_SILENT: u8 = 2;
/// It says that it takes them, and does not.
const FORGETS: u8 = 3;

/// A log in memory.
#[derive(Debug, Default)]
struct MemoryLog {
    groups: Mutex<Vec<Group>>,
    mode: AtomicU8,
    /// The names of the values that were destroyed.
    destroyed: Mutex<Vec<String>>,
}

#[derive(Clone, Debug)]
struct Group {
    first: Position,
    records: Vec<Box<[u8]>>,
    beside: Beside,
    values: HashMap<Box<str>, Vec<u8>>,
}

impl GroupLog for MemoryLog {
    fn append(&self, group: &Appended<'_>) -> Result<u64, String> {
        let mode = self.mode.load(Ordering::SeqCst);
        if mode == REFUSES {
            return Err("refused".to_owned());
        }
        let mut groups = self.groups.lock().expect("no panic");
        if mode == FORGETS {
            return Ok(groups.len() as u64 + 1);
        }
        groups.push(Group {
            first: group.first,
            records: group.records.iter().map(|record| Box::from(*record)).collect(),
            beside: group.beside.clone(),
            values: group
                .values
                .iter()
                .map(|beside| (beside.name.as_str().into(), beside.value.clone()))
                .collect(),
        });
        if mode == IS_SILENT {
            return Err("no answer".to_owned());
        }
        Ok(groups.len() as u64)
    }

    fn destroy(&self, name: &str) -> Result<(), String> {
        if self.mode.load(Ordering::SeqCst) == REFUSES {
            return Err("refused".to_owned());
        }
        for group in &mut *self.groups.lock().expect("no panic") {
            group.values.remove(name);
        }
        self.destroyed.lock().expect("no panic").push(name.to_owned());
        Ok(())
    }

    fn replace(&self, names: &[String], anew: Anew<'_>) -> Result<(), String> {
        let mut groups = self.groups.lock().expect("no panic");
        for (place, name) in names.iter().enumerate() {
            let values = groups.iter_mut().filter_map(|group| group.values.get_mut(&**name));
            for value in values {
                if let Some(anew) = anew(place, value) {
                    *value = anew;
                }
            }
        }
        Ok(())
    }
}

/// Opens a node.
fn node(place: Place, log: &Arc<MemoryLog>) -> Ledger {
    node_with(place, log, None)
}

/// Opens a node that reads its master keys from a file.
fn node_with(place: Place, log: &Arc<MemoryLog>, key_file: Option<&Path>) -> Ledger {
    let source = || Some(Arc::new(KeyFile::new(key_file?.to_owned())) as Arc<dyn KeySource>);
    let options =
        || EngineOptions { log_of: LogOf::Cluster, key_source: source(), ..place.options() };
    let engine = open(options).expect("the ledger opens");
    engine.share_log(Arc::clone(log) as Arc<dyn GroupLog>).expect("it can be shared");
    if engine.followed().expect("readable") == StreamPlace::Never {
        engine.begin_following(1, 0).expect("noted");
    }
    engine.set_test_sender(Arc::new(crate::ledger::Satisfied));
    Ledger { engine, place }
}

/// Has a node take over everything that it lacks.
fn catch_up(engine: &Engine, log: &MemoryLog) {
    catch_up_or_stop(engine, log).expect("it is taken over");
}

/// The same, if it can.
fn catch_up_or_stop(engine: &Engine, log: &MemoryLog) -> Result<(), String> {
    let followed = match engine.followed().expect("readable") {
        StreamPlace::Up { to, .. } => to,
        StreamPlace::Never | StreamPlace::ToJoin => 0,
    };
    let groups = log.groups.lock().expect("no panic").clone();
    for (sequence, group) in (1_u64..).zip(groups).skip(usize::try_from(followed).expect("few")) {
        let Group { first, records, beside, values } = group;
        let term = None;
        let group = FollowedGroup { sequence, first, records, beside, values, term };
        let told = engine.follow(group).expect("it runs");
        told.recv().expect("it answers").map_err(|stopped| stopped.to_string())?;
    }
    Ok(())
}

/// Two nodes with the same ledger, of which the first writes.
async fn nodes() -> (Ledger, Ledger, Arc<MemoryLog>) {
    let log = Arc::new(MemoryLog::default());
    let place = Ledger::new().await.close();
    let keys = place.keyring().to_file_text().to_string();
    let copied = Place::copy_of(&place.path(), keys);
    let (writer, follower) = (node(place, &log), node(copied, &log));
    writer.engine.lead(7).expect("it leads");
    (writer, follower, log)
}

/// Two nodes that read their master keys from the same file, of which the first writes.
async fn keyed_nodes(key_file: &Path) -> (Ledger, Ledger, Arc<MemoryLog>) {
    let log = Arc::new(MemoryLog::default());
    let place = Ledger::new().await.close();
    place.keyring().create_file(key_file).expect("created");
    let copied = Place::copy_of(&place.path(), place.keyring().to_file_text().to_string());
    let open = |place| node_with(place, &log, Some(key_file));
    let (writer, follower) = (open(place), open(copied));
    writer.engine.lead(7).expect("it leads");
    (writer, follower, log)
}

fn of_ledger(verb: &'static str) -> TestCommand {
    TestCommand::new(verb, &json!({})).at(LEDGER).id(&format!("{verb}-{}", rand::random::<u32>()))
}

/// Returns the active master key of a node, and whether nothing is under another one.
fn keys(node: &Ledger) -> (String, bool) {
    let admin = Caller::system("user:admin");
    let told = ask_as(&node.engine, &admin, "_all", "master-keys", &json!({})).expect("told");
    let keys = told["keys"].as_array().expect("keys").iter();
    let (active, others): (Vec<_>, Vec<_>) = keys.partition(|key| key["state"] == "active");
    let is_done = told["rewrapping"] == false && others.iter().all(|key| key["data_keys"] == 0);
    (active[0]["id"].as_str().expect("an id").to_owned(), is_done)
}

#[tokio::test(flavor = "multi_thread")]
async fn master_keys_are_those_of_the_log_at_every_node_whatever_is_not_appended() {
    let folder = tempfile::tempdir().expect("a folder");
    let key_file = folder.path().join("master.key");
    let (writer, follower, log) = keyed_nodes(&key_file).await;
    let id = writer.create("main").await;
    let value = writer.reveal(&id, "api_key").await;
    let first = keys(&writer).0;
    let second = Keyring::add_to_file(&key_file, &mut rand::rng()).expect("added").to_string();
    for (verb, term) in [("rotate-master-key", 8), ("seal-ledger", 9)] {
        log.mode.store(REFUSES, Ordering::SeqCst);
        assert_eq!(writer.refusal(of_ledger(verb)).await, Code::NotOwner, "{verb}");
        log.mode.store(TAKES, Ordering::SeqCst);
        writer.engine.lead(term).expect("it leads again");
        assert!(!writer.engine.is_sealed(), "{verb}");
        assert_eq!(keys(&writer).0, first, "{verb}");
        assert_eq!(writer.reveal(&id, "api_key").await, value, "{verb}");
    }
    writer.send(of_ledger("rotate-master-key")).await.expect("rotated");
    soon("the writer wraps everything anew", || keys(&writer).1.then_some(()));
    // A node cannot follow the end of a key that it still needs.
    let retire = TestCommand::new("retire-master-key", &json!({"key": first})).at(LEDGER);
    writer.send(retire).await.expect("retired");
    soon("the other node follows", || {
        catch_up_or_stop(&follower.engine, &log).ok().filter(|()| keys(&follower).1)
    });
    assert_eq!(keys(&follower).0, second);
    let beside = log.groups.lock().expect("no panic").clone();
    for value in beside.iter().flat_map(|group| group.values.values()) {
        assert_eq!(master_key_of(value).expect("a wrapped key").to_string(), second);
    }
    writer.send(of_ledger("seal-ledger")).await.expect("sealed");
    catch_up(&follower.engine, &log);
    assert!(writer.engine.is_sealed() && follower.engine.is_sealed());
    writer.send(of_ledger("unseal-ledger")).await.expect("unsealed");
    // A node that has no keys stops before the event, and goes on once it has them.
    let text = fs::read_to_string(&key_file).expect("readable");
    fs::remove_file(&key_file).expect("removed");
    let stopped = catch_up_or_stop(&follower.engine, &log).expect_err("it has no keys");
    assert!(stopped.contains(&second) && stopped.contains("does not have"), "{stopped}");
    assert!(follower.engine.is_sealed());
    let kept = text.lines().filter(|line| line.contains(&second)).collect::<Vec<_>>();
    Keyring::parse(kept[0]).expect("a key").create_file(&key_file).expect("created");
    catch_up(&follower.engine, &log);
    writer.engine.stop_leading();
    follower.engine.lead(10).expect("it leads");
    assert_eq!(follower.reveal(&id, "api_key").await, value);
    assert!(writer.engine.last_event().is_ok());
}

type Rows = Vec<Box<[u8]>>;

/// Returns all records and receipts of a ledger that is closed.
fn stored(place: &Place) -> (Rows, Rows) {
    let store = place.store();
    let records = log::scan(&store, Position::new(1)).map(|row| row.expect("readable").1);
    let receipts = receipts::all(&store).map(|row| row.expect("readable").0);
    (records.collect(), receipts.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_has_what_the_writer_decided_byte_for_byte() {
    let (writer, follower, log) = nodes().await;
    let id = writer.create("main").await;
    for (verb, mut body, ..) in life().into_iter().filter(|(verb, ..)| *verb != "erase") {
        body["connection"] = json!(id);
        writer.run(verb, body).await;
    }
    let value = writer.reveal(&id, "api_key").await;
    let generation = writer.get(&id)["secrets"]["api_key"]["generation"].clone();
    let said = json!({"api_key": generation});
    let confirm = json!({"connection": id, "consumer": "eu-1", "generations": said});
    writer.run("confirm-secret", confirm).await;
    let policy = json!({"about": {"provider": "of-x"}, "min_length": 1});
    writer.send(TestCommand::new("set-secret-policy", &policy)).await.expect("set");
    writer.make("eu-1", json!([{"role": "viewer", "workspaces": [HOME]}])).await;
    let wrapped = json!({"principal": "eu-1", "wrap": "10m"});
    let token = writer.lead("issue-key", wrapped.clone()).await.handover.expect("a token");
    let used = writer.lead("issue-key", wrapped).await.handover.expect("a token");
    unwrap(&writer.engine, &used.token).await.expect("received");
    let update = TestCommand::new("update", &json!({"connection": id, "tags": ["x"]}));
    assert_eq!(follower.refusal(update).await, Code::NotOwner);
    catch_up(&follower.engine, &log);
    assert_eq!(follower.engine.head(), writer.engine.head());
    assert_eq!(follower.get(&id), writer.get(&id));
    follower.expect_replay_equal();
    let query = json!({});
    assert_eq!(follower.ask("list", &query), writer.ask("list", &query));
    // The follower goes on where the writer ended, and has its keys and receipts.
    writer.engine.stop_leading();
    follower.engine.lead(8).expect("it leads");
    assert_eq!(follower.reveal(&id, "api_key").await, value);
    let received = unwrap(&follower.engine, &token.token).await.expect("received");
    assert!(received.api_key.is_some(), "it was handed over in a value beside the log");
    catch_up(&writer.engine, &log);
    assert_eq!(writer.engine.term(), 7, "nobody told it of another");
    let (writer, follower) = (writer.close(), follower.close());
    let (of_writer, of_follower) = (stored(&writer), stored(&follower));
    assert!(of_writer == of_follower, "records and receipts are equal, byte for byte");
    assert!(of_writer.0.len() > 40);
    for place in [writer, follower] {
        assert_eq!(place.replay(true).expect("it runs").difference, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_was_not_appended_leaves_nothing_and_one_that_was_is_found_again() {
    let (writer, follower, log) = nodes().await;
    let id = writer.create("main").await;
    let head = writer.engine.head();
    let tag = |tag: &str| {
        let body = json!({"connection": id, "tags": [tag]});
        TestCommand::new("update", &body).id(tag)
    };
    log.mode.store(REFUSES, Ordering::SeqCst);
    let refused = writer.send(tag("one")).await.expect_err("not acknowledged");
    assert_eq!(refused.code, Code::NotOwner, "{refused}");
    assert!(refused.message.contains("same command id"), "{refused}");
    log.mode.store(TAKES, Ordering::SeqCst);
    let refused = writer.send(tag("two")).await.expect_err("it does not write any more");
    assert_eq!(refused.code, Code::NotOwner, "{refused}");
    assert_eq!(writer.engine.head(), head, "nothing of it is shown");
    assert_eq!(writer.get(&id)["version"], 1);
    writer.engine.lead(8).expect("it leads again");
    let other = writer.create("other").await;
    assert_eq!(writer.get(&other)["position"], head.get() + 1, "positions are dense");
    let head = writer.engine.head();
    log.mode.store(IS_SILENT, Ordering::SeqCst);
    writer.send(tag("one")).await.expect_err("not acknowledged");
    assert_eq!(writer.engine.head(), head);
    log.mode.store(TAKES, Ordering::SeqCst);
    catch_up(&writer.engine, &log);
    assert_eq!(writer.engine.head(), head.next(), "it was there");
    writer.engine.lead(9).expect("it leads again");
    let repeated = writer.send(tag("one")).await.expect("accepted");
    assert!(repeated.repeated, "the same command id gives the answer");
    assert_eq!(writer.get(&id)["version"], 2);
    catch_up(&follower.engine, &log);
    assert_eq!(stored(&writer.close()), stored(&follower.close()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_is_carried_out_on_every_node_and_beside_the_log() {
    let (writer, follower, log) = nodes().await;
    let late = follower.power_cut();
    let (id, other) = (writer.create("main").await, writer.create("other").await);
    catch_up(&follower.engine, &log);
    let erase = TestCommand::new("erase", &json!({"connection": id, "reason": "x"}));
    writer.send(erase).await.expect("erased");
    catch_up(&follower.engine, &log);
    let is_complete = |ledger: &Ledger| {
        let state = ledger.ask("erasure", &json!({"connection": id}))["state"].clone();
        (state == "complete").then_some(())
    };
    for node in [&writer, &follower] {
        soon("the erasure is carried out", || is_complete(node));
    }
    let name = format!("data-key.{id}");
    assert!(log.destroyed.lock().expect("no panic").contains(&name));
    // One that reads the log only now finds no key, and ends in the same way.
    let late = node(late, &log);
    catch_up(&late.engine, &log);
    soon("the erasure is carried out", || is_complete(&late));
    assert_eq!(late.get(&other), writer.get(&other));
    follower.expect_replay_equal();
    let [writer, follower, late] = [writer, follower, late].map(|node| stored(&node.close()));
    assert!(writer == follower && writer == late, "records and receipts are equal, byte for byte");
}

#[tokio::test(flavor = "multi_thread")]
async fn how_far_alerts_are_is_on_every_node_and_a_former_writer_stores_nothing() {
    let (writer, follower, log) = nodes().await;
    let alert = json!({"alert": "ops", "url": "https://receiver.example/hook"});
    writer.run("create-alert", alert).await;
    let of = |ledger: &Ledger| {
        let all = ledger.engine.alerts();
        let found = all.each().map(|(_, _, alert)| alert.clone()).next();
        found.expect("there is one")
    };
    let alert = of(&writer);
    let (store, head) = (writer.engine.alert_store(&alert), writer.engine.head());
    let up_to = |after: Position| {
        let progress = AlertProgress { after, ..store.progress() };
        AlertWrites { progress: Some(progress), ..AlertWrites::default() }
    };
    store.put(up_to(head)).expect("stored");
    assert_eq!(store.progress().after, head);
    catch_up(&follower.engine, &log);
    let of_follower = follower.engine.alert_store(&of(&follower));
    assert_eq!(of_follower.progress().after, head, "the other node has it");
    writer.create("main").await;
    catch_up(&follower.engine, &log);
    writer.engine.stop_leading();
    follower.engine.lead(8).expect("it leads");
    assert!(of_follower.is_outdated(), "it is read anew in each term");
    let now = follower.engine.alert_store(&of(&follower));
    now.put(up_to(follower.engine.head())).expect("stored");
    // The former writer has not noticed, and then writes again.
    store.put(up_to(head.next())).expect("dropped");
    catch_up(&writer.engine, &log);
    writer.engine.lead(9).expect("it leads again");
    assert!(store.is_outdated());
    store.put(up_to(Position::ZERO)).expect("dropped");
    assert_eq!(store.progress().after, head.next(), "what the other node stored");
    drop((store, of_follower, now));
    assert_eq!(stored(&writer.close()), stored(&follower.close()));
}

/// Writes a value at one node, has the other one lead, reads it there, and returns whether that is
/// linearizable.
async fn is_linearizable(mode: u8) -> bool {
    let (writer, follower, log) = nodes().await;
    let id = writer.create("main").await;
    let mut history = LinearizabilityTester::new(Register(None));
    log.mode.store(mode, Ordering::SeqCst);
    history.on_invoke(0, RegisterOp::Write(Some("new".to_owned()))).expect("begun");
    writer.run("update", json!({"connection": id, "display_name": "new"})).await;
    history.on_return(0, RegisterRet::WriteOk).expect("ended");
    log.mode.store(TAKES, Ordering::SeqCst);
    writer.engine.stop_leading();
    catch_up(&follower.engine, &log);
    follower.engine.lead(8).expect("it leads");
    history.on_invoke(1, RegisterOp::Read).expect("begun");
    let value = follower.get(&id)["display_name"].as_str().map(str::to_owned);
    history.on_return(1, RegisterRet::ReadOk(value)).expect("ended");
    history.is_consistent()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgment_before_the_answer_of_the_log_would_be_found() {
    assert!(is_linearizable(TAKES).await);
    assert!(!is_linearizable(FORGETS).await, "what was acknowledged is gone");
}
