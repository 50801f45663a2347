//! What can be found out about hidden connections by ids of commands, deadlines and waiting.

use ledger_contract::errors::{Code, Problem};
use ledger_domain::Micros;
use ledger_engine::{AdmissionLimits, Caller, EngineOptions};
use serde_json::{Value, json};

use crate::ledger::{ABROAD, HOME, Ledger, TestCommand, open};
use crate::verbs::REVEAL;

/// An id that no connection has.
const NO_ID: &str = "018f3d3e-0000-7000-8000-000000000000";

/// A ledger with `own`, of which the caller may do everything, and `hidden`. Returns the id of
/// `hidden`.
async fn stage() -> (Ledger, Caller, String) {
    let ledger = Ledger::new().await;
    let mut ids = Vec::new();
    for (slug, team) in [("own", "a"), ("hidden", "b")] {
        let draft = json!({
            "slug": slug, "provider": "openai", "labels": {"team": team},
            "secrets": {"api_key": "sk-first-value-1"},
        });
        ids.extend(ledger.run("create", draft).await.receipt.connection);
    }
    let grant = json!([{"role": "admin", "workspaces": [HOME], "labels": {"team": "a"}}]);
    let caller = ledger.enter("team-a", grant).await;
    let hidden = ids.pop().expect("two were made");
    (ledger, caller, hidden)
}

/// All that a refusal tells, with the name taken out that the caller had put in.
fn told(problem: &Problem, name: &str) -> Value {
    let text = serde_json::to_string(&problem.body()).expect("JSON");
    serde_json::from_str(&text.replace(name, "<name>")).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_of_commands_to_what_is_hidden_tell_nothing_of_it() {
    let (ledger, caller, hidden) = stage().await;
    let disable = json!({"connection": "hidden"});
    ledger.send(TestCommand::new("disable", &disable).id("by-slug")).await.expect("accepted");
    let enable = json!({ "connection": hidden });
    ledger.send(TestCommand::new("enable", &enable).id("by-id")).await.expect("accepted");
    // Renames it and back, so that the first name leads nowhere while the second command is new.
    let rename = json!({"connection": "hidden", "slug": "renamed"});
    ledger.send(TestCommand::new("update", &rename).id("renaming")).await.expect("accepted");
    let absent = json!({"connection": "absent"});
    let bodies = [
        ("disable", &disable, "hidden"),
        ("enable", &enable, hidden.as_str()),
        ("update", &rename, "hidden"),
        ("disable", &absent, "absent"),
    ];
    for (verb, body, name) in bodies {
        for late in [None, Some(Micros::new(1))] {
            let ask = async |id: &str| {
                let test_command =
                    TestCommand { deadline: late, ..TestCommand::new(verb, body).id(id) };
                told(&ledger.send_as(&caller, test_command).await.expect_err("not there"), name)
            };
            let unused = ask("unused").await;
            assert_eq!(unused["error"]["code"], "connection_unknown", "{verb}");
            for used in ["by-slug", "by-id", "renaming"] {
                assert_eq!(ask(used).await, unused, "{verb} {name} under {used}");
            }
        }
    }
    // Whoever could change what is theirs under the id hears that it is taken, and no more.
    let own = TestCommand::new("disable", &json!({"connection": "own"})).id("by-slug");
    let refused = ledger.send_as(&caller, own).await.expect_err("taken");
    assert_eq!(refused.code, Code::CommandIdReused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_answered_to_who_could_send_the_command() {
    let (ledger, caller, _) = stage().await;
    let disable = TestCommand::new("disable", &json!({"connection": "own"})).id("once");
    let first = ledger.send_as(&caller, disable.clone()).await.expect("accepted");
    let viewer = json!([{"role": "viewer", "labels": {"team": "a"}}]);
    let viewer = ledger.enter("viewer", viewer).await;
    let refused = ledger.send_as(&viewer, disable.clone()).await.expect_err("only looks on");
    assert_eq!(refused.code, Code::Forbidden);
    let again = ledger.send(disable.clone()).await.expect("another may as well");
    assert_eq!(again.receipt, first.receipt);
    // Whose reach it left hears what anybody hears of what is not there.
    ledger.run("update", json!({"connection": "own", "labels": {"team": "b"}})).await;
    let refused = ledger.send_as(&caller, disable).await.expect_err("hidden by now");
    assert_eq!(refused.code, Code::ConnectionUnknown);
    let create = json!({"slug": "new", "provider": "openai", "labels": {"team": "a"}});
    let create = TestCommand::new("create", &create).id("made");
    ledger.send_as(&caller, create.clone()).await.expect("accepted");
    ledger.run("update", json!({"connection": "new", "labels": {"team": "b"}})).await;
    let refused = ledger.send_as(&caller, create).await.expect_err("hidden by now");
    assert_eq!(refused.code, Code::ConnectionUnknown);
}

/// Commands of each kind, about one connection.
fn commands(name: &str) -> [TestCommand; 4] {
    [
        TestCommand::new("disable", &json!({ "connection": name })),
        TestCommand::new("revert", &json!({"connection": name, "to_version": 1})),
        TestCommand::new(
            "rotate-secret",
            &json!({"connection": name, "secrets": {"api_key": "v"}}),
        ),
        TestCommand::new(REVEAL, &json!({"connection": name, "reason": "to look"})),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_deadlines_nor_a_full_queue_tell_what_is_hidden_from_what_is_missing() {
    let (ledger, caller, hidden) = stage().await;
    let draft = json!({"slug": "away", "provider": "x", "secrets": {"api_key": "v"}});
    let away = ledger.send(TestCommand::new("create", &draft).at(ABROAD)).await.expect("made");
    let away = away.receipt.connection.expect("a connection");
    let home = json!([{"role": "admin", "workspaces": [HOME]}]);
    let home = ledger.enter("home", home).await;
    let pairs = [
        (&caller, hidden.as_str(), NO_ID),
        (&caller, "hidden", "absent"),
        (&caller, "away", "absent"),
        (&caller, away.as_str(), NO_ID),
        (&home, away.as_str(), NO_ID),
    ];
    for (caller, hidden, missing) in pairs {
        for (there, nowhere) in commands(hidden).into_iter().zip(commands(missing)) {
            let verb = there.verb.clone();
            let ask = async |test_command: TestCommand, name: &str| {
                let late = test_command.deadline(Micros::new(1));
                told(&ledger.send_as(caller, late).await.expect_err("not there"), name)
            };
            let (hidden, missing) = (ask(there, hidden).await, ask(nowhere, missing).await);
            assert_eq!(hidden, missing, "{verb}");
        }
    }
    // Whatever gets as far as the queue is answered that it is full.
    let place = ledger.close();
    let options = || EngineOptions {
        limits: AdmissionLimits { queued_max: 0, ..AdmissionLimits::default() },
        ..place.options()
    };
    let ledger = Ledger { engine: open(options).expect("opens"), place };
    for (caller, hidden, missing) in pairs {
        for (there, nowhere) in commands(hidden).into_iter().zip(commands(missing)) {
            let verb = there.verb.clone();
            let ask = async |test_command: TestCommand| {
                ledger.send_as(caller, test_command).await.expect_err("no room").code
            };
            assert_eq!(ask(there).await, ask(nowhere).await, "{verb}");
        }
    }
}
