//! Answers after a failed write or a panic of a writer thread.

use ledger_contract::commands::ParsedCommand;
use ledger_contract::errors::Code;
use ledger_contract::headers::Headers;
use ledger_contract::queries::QueryWorkspace;
use ledger_contract::records::Via;
use ledger_domain::Version;
use ledger_store::tables::log;
use ledger_vault::Keyring;
use tempfile::TempDir;

use super::*;
use crate::access::Caller;
use crate::engine::{Engine, EngineOptions};
use crate::execute::CommandRequest;
use crate::fingerprint::Received;
use crate::ports::Ports;

fn engine() -> (TempDir, Engine) {
    let folder = tempfile::tempdir().unwrap();
    let keyring = Keyring::generate(&mut Ports::default().rng());
    let options = EngineOptions::new(folder.path().join("data"), keyring);
    let engine = Engine::open(EngineOptions { create: true, ..options }).unwrap();
    (folder, engine)
}

fn made(name: &str) -> WorkspaceCreated {
    WorkspaceCreated { name: WorkspaceName::parse("name", name).unwrap(), display_name: None }
}

fn prepared(engine: &Engine, name: &str) -> Prepared {
    let (caller, workspace) = (Caller::system("user:a"), made(name).name);
    let command = ParsedCommand::CreateWorkspace(made(name));
    let context = engine.context(caller, Via::System, Headers::default());
    let envelope = Envelope {
        fingerprint: Some(engine.fingerprint(&workspace, &command, Received::default())),
        permit: Permit::of(context.caller, &workspace, &command).unwrap(),
        workspace,
        expected: context.expected,
        deadline: context.deadline,
        provenance: context.provenance,
        span: tracing::Span::none(),
    };
    Prepared { work: Work::Workspace(made(name)), envelope }
}

/// Checks that a ledger refuses commands and says why.
fn expect_poisoned(engine: &Engine) {
    assert_eq!(engine.ready().unwrap_err().code(), Code::LogPoisoned);
    let caller = Caller::system("user:a");
    assert!(engine.reader(&caller, &QueryWorkspace::All).unwrap().status().unwrap().poisoned);
    let workspace = made("later").name;
    let command = ParsedCommand::CreateWorkspace(made("later"));
    let request = CommandRequest {
        received: Received::default(),
        command,
        workspace,
        context: engine.context(Caller::system("user:a"), Via::System, Headers::default()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let refused = runtime.block_on(engine.execute(request)).unwrap_err();
    assert_eq!(refused.code(), Code::LogPoisoned);
}

#[test]
fn no_answer_rests_on_a_write_that_failed() {
    let (_folder, engine) = engine();
    let receipt = Receipt {
        connection: None,
        version: Version::new(1),
        position: Position::new(1),
        recorded_at: Micros::default(),
        fingerprint: [0; 16],
    };
    let refusal = || ExecuteError::WorkspaceTaken;
    for failed in [false, true] {
        if failed {
            engine.shared.store.poison();
        }
        let (repeat, repeated) = oneshot::channel();
        let (refuse, refused) = oneshot::channel();
        let repeated_answer = answer(&engine.shared, &receipt, true);
        let replies = vec![(repeat, Ok(repeated_answer)), (refuse, Err(refusal()))];
        let group = Group { replies, ..Group::default() };
        Committer::new(engine.shared.clone()).commit(group);
        let (repeated, refused) =
            (repeated.blocking_recv().unwrap(), refused.blocking_recv().unwrap());
        let poisoned = Code::LogPoisoned;
        assert_eq!(repeated.err().map(|error| error.code()), failed.then_some(poisoned));
        let due = if failed { poisoned } else { Code::WorkspaceTaken };
        assert_eq!(refused.unwrap_err().code(), due);
    }
}

#[test]
fn a_panic_of_the_deciding_thread_stops_writing() {
    let (_folder, engine) = engine();
    let writer = Writer::start(&engine.shared, 8).unwrap();
    assert!(engine.ready().is_ok());
    writer.queue.push(Job::Pause(Box::new(|| panic!("panic of the test")))).unwrap();
    drop(writer);
    expect_poisoned(&engine);
}

#[test]
fn a_panic_of_the_committing_thread_stops_writing() {
    let (_folder, engine) = engine();
    // The committer will miss this table when it updates bitmaps after the write.
    engine.shared.store.drop_table(engine.shared.models.load().audit.table()).unwrap();
    let writer = Writer::start(&engine.shared, 8).unwrap();
    // Two commands at once form a group, which the committing thread receives.
    let two = || ["one", "two"].map(|name| writer.submit(prepared(&engine, name)).unwrap());
    for answer in writer.pause(two).unwrap() {
        assert!(answer.blocking_recv().is_err(), "half-done commands get no answer");
    }
    drop(writer);
    assert_eq!(log::head(&engine.shared.store).unwrap(), Position::new(2));
    expect_poisoned(&engine);
    assert_eq!(log::head(&engine.shared.store).unwrap(), Position::new(2));
}
