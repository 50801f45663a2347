//! Rotating, rewrapping and retiring master keys, and what goes wrong with them.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ledger_contract::errors::{Code, Problem};
use ledger_contract::operations::ReplayRequest;
use ledger_contract::queries::NatsStatus;
use ledger_contract::subjects::LEDGER;
use ledger_domain::{ConnectionId, MasterKeyId};
use ledger_engine::{Caller, Engine, EngineOptions, Fence};
use ledger_store::tables::{keys, meta};
use ledger_store::{Batch, Durability};
use ledger_vault::{KeyFile, Keyring};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::ledger::{HOME, TestCommand, ask_as, open, send, send_as, store};
use crate::wait::soon;

/// More than are wrapped anew in a batch.
const CONNECTIONS: usize = 150;

/// A ledger whose master keys are in a file beside it.
pub(super) struct Keyed {
    folder: TempDir,
    engine: Option<Engine>,
}

impl Keyed {
    pub(super) async fn with(connections: usize) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut keyed = Self { folder, engine: None };
        Keyring::generate(&mut rand::rng()).create_file(keyed.key_file()).expect("created");
        let options = EngineOptions { create: true, ..keyed.options() };
        keyed.engine = Some(Engine::open(options).expect("a new ledger"));
        let home = TestCommand::new("create-workspace", &json!({}));
        keyed.send(home).await.expect("a workspace");
        for number in 0..connections {
            keyed.create(number).await;
        }
        keyed
    }

    pub(super) async fn create(&self, number: usize) {
        let body = json!({
            "slug": format!("c-{number}"), "provider": "x", "secrets": {"k": value(number)},
        });
        self.send(TestCommand::new("create", &body)).await.expect("created");
    }

    pub(super) fn engine(&self) -> &Engine {
        self.engine.as_ref().expect("it is open")
    }

    pub(super) fn key_file(&self) -> PathBuf {
        self.folder.path().join("master.key")
    }

    fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(super) fn options(&self) -> EngineOptions {
        let keyring = Keyring::read_file(self.key_file()).expect("a key file");
        let source = KeyFile::new(self.key_file());
        EngineOptions {
            key_source: Some(Arc::new(source)),
            ..EngineOptions::new(self.data_dir(), keyring)
        }
    }

    pub(super) fn close(&mut self) {
        self.engine.take().expect("it is open").shutdown();
    }

    pub(super) fn reopen(&mut self) -> Result<(), Problem> {
        self.close();
        self.engine = Some(open(|| self.options())?);
        Ok(())
    }

    pub(super) async fn send(&self, command: TestCommand) -> Result<(), Problem> {
        send(self.engine(), command).await.map(drop)
    }

    /// Sends a command that may be refused.
    pub(super) async fn try_send(&self, command: TestCommand) {
        drop(self.send(command).await);
    }

    /// Returns how many data keys there are under all master keys.
    pub(super) fn data_keys(&self) -> u64 {
        let answer = self.ask("master-keys", &json!({}));
        let keys = answer["keys"].as_array().expect("keys").iter();
        keys.map(|key| key["data_keys"].as_u64().expect("a number")).sum()
    }

    pub(super) async fn reveal(&self, number: usize) -> Result<(), Problem> {
        let body = json!({"connection": format!("c-{number}"), "reason": "a test"});
        self.send(TestCommand::new("reveal-secret", &body)).await
    }

    /// Adds a key to the file, and returns its id and that of the former first one.
    pub(super) fn add_key(&self) -> (String, String) {
        let former = Keyring::read_file(self.key_file()).expect("a key file").active_id();
        let added = Keyring::add_to_file(self.key_file(), &mut rand::rng()).expect("added");
        (added.to_string(), former.to_string())
    }

    pub(super) async fn rotate(&self) -> Result<(), Problem> {
        self.send(TestCommand::new("rotate-master-key", &json!({})).at(LEDGER)).await
    }

    pub(super) async fn retire(&self, key: &str) -> Result<(), Problem> {
        self.send(TestCommand::new("retire-master-key", &json!({"key": key})).at(LEDGER)).await
    }

    pub(super) fn ask(&self, query: &str, body: &Value) -> Value {
        let admin = Caller::system("user:admin");
        ask_as(self.engine(), &admin, "_all", query, body).expect("a good question")
    }

    /// Returns the id of a connection.
    pub(super) fn id_of(&self, slug: &str) -> String {
        let admin = Caller::system("user:admin");
        let view = ask_as(self.engine(), &admin, HOME, "get", &json!({"connection": slug}));
        view.expect("it is there")["id"].as_str().expect("an id").to_owned()
    }

    /// Returns how many data keys are under a key, and what it is used for.
    pub(super) fn status(&self, key: &str) -> (u64, String) {
        let answer = self.ask("master-keys", &json!({}));
        let of = answer["keys"].as_array().expect("keys").iter().find(|one| one["id"] == key);
        let of = of.unwrap_or_else(|| panic!("no {key} in {answer}"));
        let state = of["state"].as_str().expect("a word").to_owned();
        (of["data_keys"].as_u64().expect("a number"), state)
    }

    /// Waits until nothing is being wrapped anew.
    pub(super) fn settle(&self) {
        soon("everything is wrapped anew", || {
            let answer = self.ask("master-keys", &json!({}));
            let is_done = answer["rewrapping"] == false && answer.get("rewrap").is_none();
            is_done.then_some(())
        });
    }

    /// Fails unless the counts are those of the table, and all else follows from the log.
    #[track_caller]
    pub(super) fn expect_equal(&self) {
        let request = ReplayRequest { projection: None, verify: true };
        let report = self.engine().replay(&request, &|_| {}).expect("a comparison");
        assert_eq!(report.difference, None);
    }

    /// Removes a key from the file.
    fn remove_key(&self, key: &str) {
        let text = fs::read_to_string(self.key_file()).expect("readable");
        let kept: Vec<_> = text.lines().filter(|line| !line.contains(key)).collect();
        fs::write(self.key_file(), kept.join("\n")).expect("writable");
    }

    /// Returns the types of the events of the ledger itself, oldest first.
    pub(super) fn events(&self) -> Vec<String> {
        let page = self.ask("history", &json!({"ledger": true, "oldest_first": true}));
        let events = page["events"].as_array().expect("events").iter();
        events.map(|event| event["type"].as_str().expect("a type").to_owned()).collect()
    }

    /// Returns whether some bytes are in a file of the data directory.
    fn is_in_files(&self, bytes: &[u8]) -> bool {
        let files = fs::read_dir(self.data_dir().join("store")).expect("a folder");
        files
            .filter_map(|file| fs::read(file.expect("listed").path()).ok())
            .any(|content| content.windows(bytes.len()).any(|part| part == bytes))
    }
}

fn value(number: usize) -> String {
    format!("sk-of-connection-{number}")
}

#[track_caller]
pub(super) fn code(refused: Result<(), Problem>) -> Code {
    refused.expect_err("refused").code
}

#[tokio::test]
async fn everything_moves_to_the_new_key_and_the_former_can_go() {
    let mut keyed = Keyed::with(CONNECTIONS).await;
    // The last bytes of a wrapped key are as random as it gets, and in one piece.
    let before: Vec<Vec<u8>> = {
        keyed.close();
        let store = store(&keyed.data_dir(), &Keyring::read_file(keyed.key_file()).expect("keys"));
        let rows = keys::scan_all(&store, ConnectionId::from_bytes([0; 16])).step_by(29);
        let tails = rows.map(|row| row.expect("a row").1).map(|key| key[key.len() - 40..].to_vec());
        let tails = tails.collect();
        drop(store);
        keyed.engine = Some(open(|| keyed.options()).expect("it opens"));
        tails
    };
    assert!(before.iter().all(|tail| keyed.is_in_files(tail)), "they can be found");
    let (new, old) = keyed.add_key();
    keyed.rotate().await.expect("rotated");
    keyed.create(CONNECTIONS).await;
    keyed.settle();
    assert_eq!(keyed.status(&new), (CONNECTIONS as u64 + 1, "active".to_owned()));
    assert_eq!(keyed.status(&old), (0, "former".to_owned()));
    assert!(!before.iter().any(|tail| keyed.is_in_files(tail)), "a former wrap is in the files");
    keyed.expect_equal();
    keyed.reveal(0).await.expect("revealed");

    keyed.retire(&old).await.expect("retired");
    assert_eq!(keyed.status(&old), (0, "retired".to_owned()));
    assert_eq!(code(keyed.retire(&old).await), Code::NothingToChange);
    let all = ["master_key_rotated", "data_keys_rewrapped", "master_key_retired"];
    assert_eq!(keyed.events(), all);
    keyed.reopen().expect("with both keys");
    assert_eq!(keyed.ask("master-keys", &json!({}))["keys"][1]["held"], false, "it is not used");
    let both = fs::read_to_string(keyed.key_file()).expect("readable");
    keyed.remove_key(&old);
    keyed.reopen().expect("with the new key alone");
    keyed.reveal(CONNECTIONS - 1).await.expect("revealed");
    assert_eq!(keyed.events(), all);
    keyed.expect_equal();

    fs::write(keyed.key_file(), both).expect("writable");
    keyed.remove_key(&new);
    let refused = keyed.reopen().expect_err("the former key opens nothing");
    assert_eq!(refused.code, Code::MasterKeyWrong);
    let said = refused.to_string();
    assert!(said.contains(&new) && said.contains(&old), "{said}");
}

#[tokio::test]
async fn what_is_not_whole_changes_nothing_and_is_named() {
    let keyed = Keyed::with(3).await;
    let (new, old) = keyed.add_key();
    let whole = fs::read_to_string(keyed.key_file()).expect("readable");
    let put = |text: &str| fs::write(keyed.key_file(), text).expect("writable");
    for (text, said) in [
        (&whole[..whole.len() - 30], "line"),
        ("# nothing\n", "no key"),
        (&whole.replace(&new, "00000000"), "00000000"),
    ] {
        put(text);
        let refused = keyed.rotate().await.expect_err("refused");
        assert_eq!(refused.code, Code::MasterKeysUnreadable, "{refused}");
        assert!(refused.to_string().contains(said), "{refused}");
    }
    put(&whole);
    keyed.remove_key(&old);
    let refused = keyed.rotate().await.expect_err("a key is missing");
    assert_eq!(refused.code, Code::MasterKeyLacking);
    assert!(refused.to_string().contains(&old), "{refused}");
    fs::remove_file(keyed.key_file()).expect("removed");
    assert_eq!(code(keyed.rotate().await), Code::MasterKeysUnreadable);
    assert_eq!(keyed.status(&old), (3, "active".to_owned()));
    keyed.reveal(2).await.expect("the ledger goes on");
    keyed.create(3).await;

    Keyring::parse(&whole).expect("keys").create_file(keyed.key_file()).expect("created");
    assert_eq!(code(keyed.retire(&old).await), Code::MasterKeyInUse, "it is active");
    assert_eq!(code(keyed.retire("0a0a0a0a").await), Code::MasterKeyUnknown);
    assert_eq!(code(keyed.retire("no id").await), Code::FieldInvalid);
    keyed.rotate().await.expect("now it is whole");
    assert_eq!(code(keyed.rotate().await), Code::NothingToChange);
    keyed.settle();
    assert_eq!(keyed.events(), ["master_key_rotated", "data_keys_rewrapped"]);
}

#[tokio::test]
async fn a_server_reads_a_key_file_that_it_cannot_write() {
    use std::os::unix::fs::PermissionsExt as _;

    let keyed = Keyed::with(1).await;
    let (new, _) = keyed.add_key();
    let read_only = fs::Permissions::from_mode(0o400);
    fs::set_permissions(keyed.key_file(), read_only).expect("set");
    keyed.rotate().await.expect("rotated");
    keyed.settle();
    assert_eq!(keyed.status(&new), (1, "active".to_owned()));
}

#[tokio::test]
async fn only_who_administers_the_ledger_rotates_and_sees_master_keys() {
    let keyed = Keyed::with(1).await;
    let (_, old) = keyed.add_key();
    let stranger = || Caller::new(ledger_domain::Actor::new("user:ada"), Vec::new());
    for (verb, body) in
        [("rotate-master-key", json!({})), ("retire-master-key", json!({"key": old}))]
    {
        let command = TestCommand::new(verb, &body).at(LEDGER);
        let refused = send_as(keyed.engine(), stranger(), command).await.expect_err("no right");
        assert_eq!(refused.code, Code::Forbidden);
    }
    let refused = ask_as(keyed.engine(), &stranger(), "_all", "master-keys", &json!({}));
    assert_eq!(refused.expect_err("no right").code, Code::Forbidden);
    let refused = ask_as(keyed.engine(), &stranger(), "_all", "history", &json!({"ledger": true}));
    assert_eq!(refused.expect_err("no right").code, Code::Forbidden);
    assert!(keyed.events().is_empty());
}

#[tokio::test]
async fn two_rotations_at_once_and_one_while_rewrapping_end_at_the_last_key() {
    let mut keyed = Keyed::with(CONNECTIONS).await;
    let mut last = String::new();
    let mut olds = Vec::new();
    for _ in 0..3 {
        let (new, old) = keyed.add_key();
        (last, olds) = (new, [olds, vec![old]].concat());
        let (first, second) = tokio::join!(keyed.rotate(), keyed.rotate());
        let refused: Vec<_> = [first, second].into_iter().filter_map(Result::err).collect();
        assert_eq!(refused.len(), 1, "one of two changes something");
        assert_eq!(refused[0].code, Code::NothingToChange);
    }
    keyed.settle();
    assert_eq!(keyed.status(&last), (CONNECTIONS as u64, "active".to_owned()));
    for old in &olds {
        assert_eq!(keyed.status(old), (0, "former".to_owned()));
        keyed.retire(old).await.expect("nothing is under it");
        keyed.remove_key(old);
    }
    keyed.expect_equal();
    keyed.reopen().expect("with the last key alone");
    keyed.reveal(7).await.expect("revealed");
}

#[tokio::test]
async fn commands_of_before_a_rotation_leave_nothing_under_the_former_key() {
    let keyed = Arc::new(Keyed::with(1).await);
    let (new, old) = keyed.add_key();
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let keyed = Arc::clone(&keyed);
            tokio::spawn(async move {
                for number in 0..40 {
                    keyed.create(1 + writer * 40 + number).await;
                    if writer == 0 && number == 20 {
                        keyed.rotate().await.expect("rotated");
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("no writer failed");
    }
    keyed.settle();
    assert_eq!(keyed.status(&new), (161, "active".to_owned()));
    assert_eq!(keyed.status(&old), (0, "former".to_owned()));
    keyed.expect_equal();
}

/// May be told to let nobody write.
#[derive(Debug, Default)]
struct Gate(AtomicBool);

impl Fence for Gate {
    fn refusal(&self) -> Option<String> {
        self.0.load(Ordering::SeqCst).then(|| "another instance may write".to_owned())
    }

    fn status(&self) -> NatsStatus {
        NatsStatus {
            prefix: "ledger".to_owned(),
            instance: "test".to_owned(),
            owner: true,
            holder: None,
            refusal: None,
            drift: Vec::new(),
            window: None,
            requests_rate_limited: 0,
            requests_locked_out: 0,
        }
    }
}

#[tokio::test]
async fn an_instance_that_may_not_write_waits_and_goes_on() {
    let mut keyed = Keyed::with(CONNECTIONS).await;
    let (new, old) = keyed.add_key();
    keyed.rotate().await.expect("rotated");
    keyed.close();
    // Opened again, it would go on at once.
    let gate = Arc::new(Gate(AtomicBool::new(true)));
    keyed.engine = Some(open(|| keyed.options()).expect("it opens"));
    keyed.engine().set_fence(Arc::clone(&gate) as Arc<dyn Fence>);
    let answer = keyed.ask("master-keys", &json!({}));
    if answer["rewrapping"] == true {
        let left = keyed.status(&old).0;
        soon("it tells that it waits, or was done before", || {
            let answer = keyed.ask("master-keys", &json!({}));
            let waits = answer["rewrap"]["waiting"].is_string();
            (waits || answer["rewrapping"] == false).then_some(())
        });
        assert!(keyed.status(&old).0 <= left);
    }
    gate.0.store(false, Ordering::SeqCst);
    keyed.settle();
    assert_eq!(keyed.status(&new), (CONNECTIONS as u64, "active".to_owned()));
    assert_eq!(keyed.events(), ["master_key_rotated", "data_keys_rewrapped"]);
}

#[tokio::test]
async fn a_data_key_that_does_not_open_is_counted_and_its_master_key_stays() {
    let mut keyed = Keyed::with(5).await;
    let (new, old) = keyed.add_key();
    keyed.close();
    {
        let store = store(&keyed.data_dir(), &Keyring::read_file(keyed.key_file()).expect("keys"));
        let rows: Vec<_> = keys::scan_all(&store, ConnectionId::from_bytes([0; 16]))
            .map(|row| row.expect("a row"))
            .collect();
        let mut batch = Batch::new();
        // The keys of two connections in each other's place.
        keys::put(&mut batch, &store, rows[1].0, &rows[2].1);
        keys::put(&mut batch, &store, rows[2].0, &rows[1].1);
        store.commit(batch, Durability::Synced).expect("written");
    }
    keyed.engine = Some(open(|| keyed.options()).expect("it opens"));
    keyed.rotate().await.expect("rotated");
    let report = soon("a whole pass", || {
        let report = keyed.engine().rewrap(&|_| {}).expect("it runs to its end");
        (report.data_keys == 3).then_some(report)
    });
    assert_eq!(report.failed, 2);
    assert_eq!(keyed.status(&new).0, 3);
    assert_eq!(keyed.status(&old), (2, "former".to_owned()));
    let refused = keyed.retire(&old).await.expect_err("two are under it");
    assert_eq!(refused.code, Code::MasterKeyInUse);
    assert!(refused.to_string().contains('2'), "{refused}");
    assert_eq!(keyed.events(), ["master_key_rotated"]);
    keyed.reveal(0).await.expect("the others open");
    keyed.expect_equal();
}

#[tokio::test]
async fn a_directory_of_an_earlier_program_is_counted_and_a_false_count_is_named() {
    let mut keyed = Keyed::with(4).await;
    let key = Keyring::read_file(keyed.key_file()).expect("keys").active_id();
    let edit = |keyed: &Keyed, put: &dyn Fn(&mut Batch, &ledger_store::Store)| {
        let store = store(&keyed.data_dir(), &Keyring::read_file(keyed.key_file()).expect("keys"));
        let mut batch = Batch::new();
        put(&mut batch, &store);
        store.commit(batch, Durability::Synced).expect("written");
    };
    keyed.close();
    edit(&keyed, &|batch, store| {
        meta::put_data_keys(batch, store, key, 0);
        meta::put_version(batch, store, "data_keys", 1);
    });
    keyed.engine = Some(open(|| keyed.options()).expect("it opens"));
    assert_eq!(keyed.status(&key.to_string()), (4, "active".to_owned()));
    keyed.expect_equal();

    keyed.close();
    let other = MasterKeyId::new(7);
    edit(&keyed, &|batch, store| meta::put_data_keys(batch, store, key, 3));
    keyed.engine = Some(open(|| keyed.options()).expect("it opens"));
    let request = ReplayRequest { projection: None, verify: true };
    let difference = keyed.engine().replay(&request, &|_| {}).expect("compared").difference;
    let difference = difference.expect("a difference");
    assert!(difference.contains("data keys") && difference.contains(&key.to_string()));
    keyed.close();
    edit(&keyed, &|batch, store| meta::put_data_keys(batch, store, other, 1));
    let refused = open(|| keyed.options()).expect_err("a key is said to be needed");
    assert_eq!(refused.code, Code::MasterKeyWrong);
    let request = ReplayRequest { projection: None, verify: false };
    Engine::replay_offline(&keyed.options(), &request, &|_| {}).expect("a replay counts anew");
    keyed.engine = Some(open(|| keyed.options()).expect("it opens"));
    keyed.expect_equal();
}

impl fmt::Debug for Keyed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyed({})", self.folder.path().display())
    }
}

/// What concerns the ledger is not in a workspace.
#[tokio::test]
async fn events_of_the_ledger_itself_are_in_no_workspaces_history() {
    let keyed = Keyed::with(1).await;
    keyed.add_key();
    keyed.rotate().await.expect("rotated");
    keyed.settle();
    let admin = Caller::system("user:admin");
    let page = ask_as(keyed.engine(), &admin, HOME, "history", &json!({})).expect("a page");
    assert!(!page.to_string().contains("master_key"), "{page}");
    let typed = keyed.ask("history", &json!({"type": ["master_key_rotated"]}));
    let event = &typed["events"][0];
    assert!(event["stream"].as_str().expect("a stream").starts_with("ledger/"), "{event}");
    assert_eq!((&event["version"], &event["actor"]), (&json!(1), &json!("user:admin")));
}
