//! Ledgers opened in this process, and how they are filled.

use std::path::{Path, PathBuf};

use ledger_contract::commands;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::headers::Headers;
use ledger_contract::queries::{QueryName, QueryRequest, QueryWorkspace};
use ledger_contract::records::Via;
use ledger_contract::subjects::DEFAULT_WORKSPACE;
use ledger_domain::{LedgerId, MessageId, WorkspaceName};
use ledger_engine::{Caller, CommandRequest, Effort, Engine, EngineOptions, Quotas, Received};
use ledger_store::tables::founding::{LEDGER_ID, MAC_KEY};
use ledger_store::{DataDir, Store, UnkeyedStore};
use ledger_vault::Keyring;
use serde_json::Value;

use crate::failure::{Failure, Outcome};
use crate::flight::fly;
use crate::{load, output};

/// The workspace that all commands go to.
pub(crate) const WORKSPACE: &str = DEFAULT_WORKSPACE;
/// The master key's file, where `serve --dev` looks for it.
const MASTER_KEY: &str = "dev-master.key";
/// Commands in flight while a ledger is filled.
const FILLERS: usize = 512;
/// Slugs of the connections that are filled in.
pub(crate) const PREFIX: &str = "c";

/// Who asks.
pub(crate) fn admin() -> Caller {
    Caller::system("user:admin")
}

/// Opens the ledger in a folder, making it when there is none.
pub(crate) async fn open(folder: &Path) -> Outcome<Engine> {
    let folder = folder.to_owned();
    let engine = tokio::task::spawn_blocking(move || open_blocking(folder)).await??;
    let made = execute(&engine, "create-workspace", "{}", Some("workspace")).await;
    match made {
        Err(problem) if problem.code != Code::WorkspaceTaken => Err(problem.into()),
        _ => Ok(engine),
    }
}

/// Opens the ledger in a folder. Blocks.
pub(crate) fn open_blocking(folder: PathBuf) -> Outcome<Engine> {
    let (keyring, create) = (keyring(&folder)?, !Engine::exists(&folder));
    let options = EngineOptions::new(folder, keyring);
    Ok(Engine::open(EngineOptions { create, quotas: Quotas::UNLIMITED, ..options })?)
}

/// Opens the database of a closed ledger.
pub(crate) fn store(folder: &Path) -> Outcome<Store> {
    let store = UnkeyedStore::open(DataDir::open(folder)?)?;
    let value = |name: &str| -> Outcome<Vec<u8>> {
        store.founding(name)?.ok_or_else(|| Failure::new(format!("the ledger has no {name}")))
    };
    let id = <[u8; 16]>::try_from(value(LEDGER_ID)?);
    let id = id.map_err(|_| Failure::new("the ledger's id is damaged"))?;
    let key = keyring(folder)?.open_mac_key(LedgerId::from_bytes(id), &value(MAC_KEY)?)?;
    Ok(store.with_key(key, |_| Ok(()))?)
}

/// Reads the master key of a folder, making one when there is none.
pub(crate) fn keyring(folder: &Path) -> Outcome<Keyring> {
    let path = folder.join(MASTER_KEY);
    if !path.exists() {
        std::fs::create_dir_all(folder)?;
        Keyring::generate(&mut rand::rng()).create_file(&path)?;
    }
    Ok(Keyring::read_file(&path)?)
}

/// Adds a master key to those of a folder, to be the next active one.
pub(crate) fn add_master_key(folder: &Path) -> Outcome<()> {
    Keyring::add_to_file(folder.join(MASTER_KEY), &mut rand::rng())?;
    Ok(())
}

/// Closes a ledger in good order.
pub(crate) async fn close(engine: Engine) -> Outcome<()> {
    Ok(tokio::task::spawn_blocking(move || engine.shutdown()).await?)
}

/// Executes one command, from its text on, as a transport would hand it over.
pub(crate) async fn execute(
    engine: &Engine,
    verb: &str,
    body: &str,
    command_id: Option<&str>,
) -> Result<(), Problem> {
    execute_at(engine, WORKSPACE, verb, body, command_id).await
}

/// The same in a workspace.
pub(crate) async fn execute_at(
    engine: &Engine,
    workspace: &str,
    verb: &str,
    body: &str,
    command_id: Option<&str>,
) -> Result<(), Problem> {
    let workspace = WorkspaceName::parse("workspace", workspace)?;
    let command = commands::parse(verb, &workspace, None, body.as_bytes())?;
    let command_id = command_id.map(|id| MessageId::parse("command_id", id)).transpose()?;
    let headers = Headers { command_id, ..Headers::default() };
    let received = Received::new(verb.to_owned(), body.to_owned());
    let request = CommandRequest {
        received,
        workspace,
        command,
        context: engine.context(admin(), Via::Nats, headers),
    };
    engine.execute(request).await?;
    Ok(())
}

/// Fills a ledger up to a number of connections. A ledger that was half filled before is filled on:
/// the last few commands are repeated under their ids, which changes nothing.
pub(crate) async fn fill_connections(engine: &Engine, connections: u64) -> Outcome<()> {
    let there = status(engine, "connections")?;
    if there >= connections {
        return Ok(());
    }
    let from = there.saturating_sub(u64::try_from(FILLERS)?);
    let bar = output::bar("creating connections", connections - from);
    let (engine, moving) = (engine.clone(), bar.clone());
    let create = move |number| {
        let (engine, bar) = (engine.clone(), moving.clone());
        async move {
            let id = format!("create-{number}");
            execute(&engine, "create", &load::create_body(PREFIX, number), Some(&id)).await?;
            bar.inc(1);
            Ok(())
        }
    };
    fly(from..connections, FILLERS, create).await?;
    bar.finish_and_clear();
    Ok(())
}

/// Adds changes of health, round and round the connections of the measured workspace, up to a
/// number of events. Another row may have added connections to other workspaces.
pub(crate) async fn fill_events(engine: &Engine, connections: u64, events: u64) -> Outcome<()> {
    let there = engine.head().get();
    if there >= events || connections == 0 {
        return Ok(());
    }
    let bar = output::bar("changing connections", events - there);
    let (engine, moving) = (engine.clone(), bar.clone());
    let change = move |number: u64| {
        let (engine, bar) = (engine.clone(), moving.clone());
        async move {
            let round = number / connections;
            let (verb, body) = load::health_change(PREFIX, number % connections, round);
            match execute(&engine, verb, &body, None).await {
                // In a ledger that was left half way through a round.
                Err(problem) if problem.code == Code::HealthUnchanged => {}
                done => done?,
            }
            bar.inc(1);
            Ok(())
        }
    };
    // The first round begins where the creates ended.
    let done = there.saturating_sub(connections);
    fly(done..events - connections, FILLERS, change).await?;
    bar.finish_and_clear();
    Ok(())
}

/// Returns one number of a ledger's status.
fn status(engine: &Engine, field: &str) -> Outcome<u64> {
    number(&ask(engine, QueryName::Status, "{}")?, field)
}

/// Asks a question of the workspace that is measured, where a server answers it.
pub(crate) async fn ask_as_served(engine: &Engine, query: QueryName, body: &str) -> Outcome<()> {
    let (workspace, body) =
        (QueryWorkspace::parse(WORKSPACE).map_err(Problem::from)?, body.to_owned());
    let read = move |engine: &Engine| {
        let request = QueryRequest::from_json(query, body.as_bytes())?;
        Ok::<_, Problem>(engine.answer(&admin(), &workspace, request)?.to_json())
    };
    engine.read(Effort::of(query), None, &admin(), read).await?;
    Ok(())
}

/// Asks a question of the workspace that is measured, in JSON as NATS carries it.
pub(crate) fn ask(engine: &Engine, query: QueryName, body: &str) -> Outcome<Vec<u8>> {
    ask_at(engine, WORKSPACE, query, body)
}

/// The same of a workspace.
pub(crate) fn ask_at(
    engine: &Engine,
    workspace: &str,
    query: QueryName,
    body: &str,
) -> Outcome<Vec<u8>> {
    let workspace = QueryWorkspace::parse(workspace).map_err(Problem::from)?;
    let request = QueryRequest::from_json(query, body.as_bytes())?;
    let answer = engine.answer(&admin(), &workspace, request).map_err(Problem::from)?;
    Ok(answer.to_json())
}

/// Reads one number of a JSON answer.
pub(crate) fn number(answer: &[u8], field: &str) -> Outcome<u64> {
    let answer: Value = serde_json::from_slice(answer)?;
    let found = answer.get(field).and_then(Value::as_u64);
    found.ok_or_else(|| Failure::new(format!("an answer has no number `{field}`")))
}
