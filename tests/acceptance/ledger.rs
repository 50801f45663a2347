//! A ledger opened in this process, on a temporary folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::{fs, io};

use ledger_contract::commands::ParsedCommand;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::headers::Headers;
use ledger_contract::operations::{ReplayReport, ReplayRequest};
use ledger_contract::queries::{QueryName, QueryRequest, QueryWorkspace};
use ledger_contract::records::Via;
use ledger_contract::reply::Receipt;
use ledger_contract::{commands, subjects};
use ledger_domain::connection::TestOutcome;
use ledger_domain::{Expected, Incarnation, LedgerId, MessageId, Micros, Version, WorkspaceName};
use ledger_engine::{
    Caller, Clock, CommandRequest, Engine, EngineOptions, Executed, LoggingIn, Ports, Received,
    ReplayLimits, RevealRequest, Revealed, SendTest, Sending, SentLogin, SentTest,
};
use ledger_store::tables::founding::{LEDGER_ID, MAC_KEY};
use ledger_store::tables::meta;
use ledger_store::{Batch, DataDir, Durability, Store, UnkeyedStore};
use ledger_vault::Keyring;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use crate::wait::soon;

/// The workspace of most tests.
pub(crate) const HOME: &str = "default";
/// Another one.
pub(crate) const ABROAD: &str = "other";

/// A command with everything that can be said about it.
#[derive(Clone, Debug)]
pub(crate) struct TestCommand {
    pub(crate) workspace: &'static str,
    pub(crate) verb: String,
    pub(crate) body: Vec<u8>,
    pub(crate) id: Option<String>,
    pub(crate) expected: Expected,
    pub(crate) deadline: Option<Micros>,
    pub(crate) correlation: Option<String>,
    pub(crate) actor: &'static str,
}

impl TestCommand {
    pub(crate) fn new(verb: &str, body: &Value) -> Self {
        Self::of_bytes(verb, body.to_string().into_bytes())
    }

    pub(crate) fn of_bytes(verb: &str, body: Vec<u8>) -> Self {
        Self {
            workspace: HOME,
            verb: verb.to_owned(),
            body,
            id: None,
            expected: Expected::Any,
            deadline: None,
            correlation: None,
            actor: "user:admin",
        }
    }

    pub(crate) fn at(self, workspace: &'static str) -> Self {
        Self { workspace, ..self }
    }

    pub(crate) fn id(self, id: &str) -> Self {
        Self { id: Some(id.to_owned()), ..self }
    }

    pub(crate) fn version(self, version: u64) -> Self {
        Self { expected: Expected::At(Version::new(version)), ..self }
    }

    pub(crate) fn absent(self) -> Self {
        Self { expected: Expected::Absent, ..self }
    }

    pub(crate) fn deadline(self, deadline: Micros) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    pub(crate) fn correlation(self, id: &str) -> Self {
        Self { correlation: Some(id.to_owned()), ..self }
    }

    pub(crate) fn actor(self, actor: &'static str) -> Self {
        Self { actor, ..self }
    }
}

/// The folder of a ledger and its master key, with or without an engine on it.
#[derive(Debug)]
pub(crate) struct Place {
    folder: TempDir,
    keys: String,
    replay: ReplayLimits,
}

impl Place {
    /// Copies a data directory, which the text of a master key opens.
    pub(crate) fn copy_of(data_dir: &Path, keys: String) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = Self { folder, keys, replay: ReplayLimits::default() };
        copy(data_dir, &place.path()).expect("the folder can be copied");
        place
    }

    /// Returns a place without a ledger, for the same master key.
    pub(crate) fn empty(&self) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { folder, keys: self.keys.clone(), replay: self.replay }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn keyring(&self) -> Keyring {
        Keyring::parse(&self.keys).expect("the key was written by the vault")
    }

    pub(crate) fn options(&self) -> EngineOptions {
        let options = EngineOptions::new(self.path(), self.keyring());
        EngineOptions { replay: self.replay, ..options }
    }

    /// Rebuilds or compares what is derived from the log, while the ledger is closed.
    pub(crate) fn replay(&self, verify: bool) -> Result<ReplayReport, Problem> {
        let request = ReplayRequest { projection: None, verify };
        soon("the folder is free", || {
            let replayed = Engine::replay_offline(&self.options(), &request, &|_| {});
            match replayed.map_err(Problem::from) {
                Err(problem) if problem.code == Code::DataDirInUse => None,
                replayed => Some(replayed),
            }
        })
    }

    /// Opens the database below the engine.
    pub(crate) fn store(&self) -> Store {
        store(&self.path(), &self.keyring())
    }

    /// Names the history anew, as a restore does.
    pub(crate) fn begin_another_history(&self) {
        begin_another_history(&self.path(), &self.keyring());
    }

    /// Opens the database as [`strangers_store`].
    pub(crate) fn strangers_store(&self) -> Store {
        strangers_store(&self.path())
    }

    /// Opens it with a clock that shows these seconds.
    pub(crate) fn open_at(self, now: &Arc<AtomicI64>) -> Ledger {
        let options = || {
            let shown = Arc::clone(now);
            let clock = move || Micros::new(shown.load(Ordering::SeqCst) * 1_000_000);
            let ports = Ports { clock: Clock::new(clock), ..Ports::default() };
            EngineOptions { ports, ..self.options() }
        };
        let engine = open(options).expect("the ledger opens");
        Ledger { engine, place: self }
    }

    pub(crate) fn open(self) -> Ledger {
        let engine = open(|| self.options()).expect("the ledger opens again");
        engine.set_test_sender(Arc::new(Satisfied));
        Ledger { engine, place: self }
    }
}

/// A provider that accepts every credential, without a network.
#[derive(Debug)]
pub(crate) struct Satisfied;

impl SendTest for Satisfied {
    fn send(&self, _: ledger_providers::Request) -> Sending<'_> {
        let (request_id, retry_after) = (None, None);
        let answered = SentTest::Answered {
            status: 200,
            request_id,
            retry_after,
            body: zeroize::Zeroizing::default(),
        };
        Box::pin(std::future::ready(answered))
    }

    fn send_for_all(&self, _: ledger_providers::Request) -> Sending<'_> {
        let (request_id, retry_after) = (None, None);
        let listed =
            json!({"data": [{"id": "gpt-4o"}, {"id": "gpt-5"}, {"id": "text-embedding-3-small"}]});
        let body = zeroize::Zeroizing::new(listed.to_string().into_bytes());
        let answered = SentTest::Answered { status: 200, request_id, retry_after, body };
        Box::pin(std::future::ready(answered))
    }

    fn log_in(&self, _: ledger_providers::Login) -> LoggingIn<'_> {
        let (outcome, what) = (TestOutcome::Works, "accepted the login".to_owned());
        Box::pin(std::future::ready(SentLogin::Tried { outcome, what }))
    }
}

/// An open ledger.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) engine: Engine,
    pub(crate) place: Place,
}

impl Ledger {
    /// Makes one with two workspaces.
    pub(crate) async fn new() -> Self {
        Self::with_replay(ReplayLimits::default()).await
    }

    /// Makes one whose replays may use so much.
    pub(crate) async fn with_replay(replay: ReplayLimits) -> Self {
        let keys = Keyring::generate(&mut rand::rng()).to_file_text().to_string();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = Place { folder, keys, replay };
        let mut options = place.options();
        options.create = true;
        let engine = Engine::open(options).expect("a new ledger");
        engine.set_test_sender(Arc::new(Satisfied));
        let ledger = Self { engine, place };
        for workspace in [HOME, ABROAD] {
            ledger
                .send(TestCommand::new("create-workspace", &json!({})).at(workspace))
                .await
                .expect("new");
        }
        ledger
    }

    /// Stops the engine.
    pub(crate) fn close(self) -> Place {
        self.engine.shutdown();
        self.place
    }

    pub(crate) fn reopen(self) -> Self {
        self.close().open()
    }

    /// Opens it again as a restored ledger, with another history of the same events.
    pub(crate) fn with_another_history(self) -> Self {
        let place = self.close();
        place.begin_another_history();
        place.open()
    }

    /// Returns what a power cut would leave: a copy of the folder. Files come and go meanwhile, so
    /// it is copied until the database opens.
    pub(crate) fn power_cut(&self) -> Place {
        let path = self.place.path();
        let folder = soon("the copy is whole", || {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let (copied, tried) = (folder.path().join("data"), folder.path().join("tried"));
            copy_by(&path, &copied, &linked_or_copied).ok()?;
            // An opening changes files, so another copy is opened.
            copy_by(&copied, &tried, &linked_or_copied).ok()?;
            UnkeyedStore::open(DataDir::open(&tried).ok()?).ok()?;
            Some(folder)
        });
        Place { folder, keys: self.place.keys.clone(), replay: self.place.replay }
    }

    pub(crate) async fn send(&self, test_command: TestCommand) -> Result<Executed, Problem> {
        send(&self.engine, test_command).await
    }

    /// Executes a command that must be accepted.
    pub(crate) async fn run(&self, verb: &str, body: Value) -> Executed {
        match self.send(TestCommand::new(verb, &body)).await {
            Ok(executed) => executed,
            Err(problem) => panic!("{verb} {body} was refused: {problem}"),
        }
    }

    /// Executes a command that must be refused, and returns the code.
    pub(crate) async fn refusal(&self, test_command: TestCommand) -> Code {
        let head = self.engine.head();
        let shown =
            format!("{} {}", test_command.verb, String::from_utf8_lossy(&test_command.body));
        let refused = self.send(test_command).await;
        assert_eq!(self.engine.head(), head, "a refusal left a trace in the log: {shown}");
        match refused {
            Ok(executed) => panic!("{shown} was accepted: {executed:?}"),
            Err(problem) => problem.code,
        }
    }

    /// Makes a connection and returns its id.
    pub(crate) async fn create(&self, slug: &str) -> String {
        let body =
            json!({"slug": slug, "provider": "openai", "secrets": {"api_key": "sk-first-value-1"}});
        self.run("create", body).await.receipt.connection.expect("a connection was made")
    }

    /// Returns the value of a secret, as somebody who may see it is told.
    pub(crate) async fn reveal(&self, connection: &str, field: &str) -> String {
        let body = json!({"connection": connection, "fields": [field], "reason": "a test"});
        let test_command = TestCommand::new("reveal-secret", &body);
        let request = request(&self.engine, Caller::system(test_command.actor), &test_command)
            .expect("well made");
        let revealed = self.engine.reveal(reveal(request)).await.expect("revealed");
        revealed.secrets[field].value.clone()
    }

    pub(crate) fn ask(&self, name: &str, body: &Value) -> Value {
        self.ask_at(HOME, name, body).expect("a good question")
    }

    pub(crate) fn ask_at(
        &self,
        workspace: &str,
        name: &str,
        body: &Value,
    ) -> Result<Value, Problem> {
        let admin = Caller::system("user:admin");
        ask_as(&self.engine, &admin, workspace, name, body)
    }

    pub(crate) fn get(&self, connection: &str) -> Value {
        self.ask("get", &json!({"connection": connection}))
    }

    pub(crate) fn replay(&self, verify: bool) -> ReplayReport {
        let request = ReplayRequest { projection: None, verify };
        self.engine.replay(&request, &|_| {}).expect("a replay runs to its end")
    }

    /// Rebuilds all read models aside and fails when one is not equal to the live one.
    #[track_caller]
    pub(crate) fn expect_replay_equal(&self) {
        let report = self.replay(true);
        assert_eq!(report.difference, None, "replay and live models differ");
    }
}

/// Asks a question in somebody's name.
pub(crate) fn ask_as(
    engine: &Engine,
    caller: &Caller,
    workspace: &str,
    name: &str,
    body: &Value,
) -> Result<Value, Problem> {
    let query = QueryName::find(name).expect("a query");
    let workspace = QueryWorkspace::parse(workspace)?;
    let reader = engine.reader(caller, &workspace)?;
    let request = QueryRequest::from_json(query, body.to_string().as_bytes())?;
    let answer = reader.answer(request)?.to_json();
    Ok(serde_json::from_slice(&answer).expect("answers are JSON"))
}

/// Copies a folder with everything in it.
pub(crate) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    copy_by(from, to, &|path, target| fs::copy(path, target).map(drop))
}

/// Copies a file of a database that is in use. Links are quicker, and sorted files never change.
fn linked_or_copied(path: &Path, target: &Path) -> io::Result<()> {
    match path.extension() {
        Some(extension) if extension == "sst" => fs::hard_link(path, target),
        _ => fs::copy(path, target).map(drop),
    }
}

fn copy_by(
    from: &Path,
    to: &Path,
    file: &dyn Fn(&Path, &Path) -> io::Result<()>,
) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy_by(&path, &target, file)?;
        } else {
            file(&path, &target)?;
        }
    }
    Ok(())
}

/// Opens the database of a ledger without the key of its MACs.
pub(crate) fn unkeyed(data_dir: &Path) -> UnkeyedStore {
    let dir = soon("the folder is free", || DataDir::open(data_dir).ok());
    UnkeyedStore::open(dir).expect("the database opens")
}

/// Opens the database of a ledger whose master key is known.
pub(crate) fn store(data_dir: &Path, keyring: &Keyring) -> Store {
    let store = unkeyed(data_dir);
    let value = |name| store.founding(name).expect("readable").expect("there");
    let ledger = LedgerId::from_bytes(value(LEDGER_ID).try_into().expect("16 bytes"));
    let key = keyring.open_mac_key(ledger, &value(MAC_KEY)).expect("the right master key");
    store.with_key(key, |_| Ok(())).expect("complete")
}

/// Names the history of a closed ledger anew, as a restore does.
pub(crate) fn begin_another_history(data_dir: &Path, keyring: &Keyring) {
    let store = store(data_dir, keyring);
    let former = meta::incarnation(&store).expect("readable").expect("it was opened before");
    let mut batch = Batch::new();
    let next = Incarnation::new(Uuid::new_v5(&former.uuid(), b"restored"));
    meta::put_incarnation(&mut batch, &store, next);
    store.commit(batch, Durability::Synced).expect("written");
}

/// Opens the database of a ledger as somebody who can write to it but lacks the master key. What
/// they write has MACs under a key of their own.
pub(crate) fn strangers_store(data_dir: &Path) -> Store {
    let rng = &mut rand::rng();
    let (key, _) = Keyring::generate(rng).new_mac_key(rng, LedgerId::from_bytes([0; 16]));
    unkeyed(data_dir).with_key(key, |_| Ok(())).expect("complete")
}

/// Opens a ledger that nobody here has open.
///
/// Another test may be starting a program: until that runs, it is a copy of this process, and
/// holds the lock of a folder that was closed meanwhile.
pub(crate) fn open(options: impl Fn() -> EngineOptions) -> Result<Engine, Problem> {
    soon("the folder is free", || match Engine::open(options()).map_err(Problem::from) {
        Err(problem) if problem.code == Code::DataDirInUse => None,
        opened => Some(opened),
    })
}

/// Parses and executes a command as a transport would.
pub(crate) async fn send(engine: &Engine, test_command: TestCommand) -> Result<Executed, Problem> {
    let caller = Caller::system(test_command.actor);
    send_as(engine, caller, test_command).await
}

/// The same for a caller whom a key stands for.
pub(crate) async fn send_as(
    engine: &Engine,
    caller: Caller,
    test_command: TestCommand,
) -> Result<Executed, Problem> {
    let request = request(engine, caller, &test_command)?;
    if !matches!(request.command, ParsedCommand::Reveal { .. } | ParsedCommand::Unwrap { .. }) {
        return Ok(engine.execute(request).await?);
    }
    let revealed = engine.reveal(reveal(request)).await?;
    let receipt = Receipt {
        connection: Some(revealed.connection.clone()),
        version: 0,
        position: revealed.position,
        incarnation: revealed.incarnation.clone(),
        recorded_at: String::new(),
    };
    Ok(Executed::of(receipt, false))
}

/// Asks for secrets, and returns the answer.
pub(crate) async fn reveal_as(
    engine: &Engine,
    caller: Caller,
    test_command: &TestCommand,
) -> Result<Revealed, Problem> {
    let request = request(engine, caller, test_command)?;
    Ok(engine.reveal(reveal(request)).await?)
}

/// Reveals the secrets of a connection.
pub(crate) async fn revealed(engine: &Engine, connection: &str) -> Result<Revealed, Problem> {
    let body = json!({"connection": connection, "reason": "a test"});
    let test_command = TestCommand::new("reveal-secret", &body);
    reveal_as(engine, Caller::system(test_command.actor), &test_command).await
}
/// Makes a request for secrets of a request.
fn reveal(request: CommandRequest) -> RevealRequest {
    let CommandRequest { workspace, command, context, .. } = request;
    RevealRequest { workspace, command, context }
}

/// Makes the request that a transport would make of a command.
fn request(
    engine: &Engine,
    caller: Caller,
    test_command: &TestCommand,
) -> Result<CommandRequest, Problem> {
    let id = |text: &Option<String>| -> Result<Option<MessageId>, Problem> {
        Ok(text.as_deref().map(|text| MessageId::parse("id", text)).transpose()?)
    };
    let workspace = match test_command.workspace {
        subjects::LEDGER => subjects::ledger_workspace(),
        name => WorkspaceName::parse("workspace", name)?,
    };
    let command = commands::parse(&test_command.verb, &workspace, None, &test_command.body)?;
    let headers = Headers {
        command_id: id(&test_command.id)?,
        expected: test_command.expected,
        deadline: test_command.deadline,
        correlation_id: id(&test_command.correlation)?,
        ..Headers::default()
    };
    Ok(CommandRequest {
        received: Received::new(test_command.verb.clone(), test_command.body.clone()),
        command,
        workspace,
        context: engine.context(caller, Via::Nats, headers),
    })
}
