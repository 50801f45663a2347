//! What `access-check` says beforehand is what happens: every verb, and every case in which a verb
//! requires more, for principals with each combination of scopes.

use ledger_contract::commands::Condition;
use ledger_contract::errors::Code;
use ledger_contract::subjects::LEDGER;
use ledger_engine::Caller;
use serde_json::{Value, json};

use super::access::prepared;
use crate::ledger::{HOME, Ledger, TestCommand};
use crate::verbs::{REVEAL, principal_verbs, verbs};

/// Scopes that verbs require. Everybody may read besides, so that nothing is hidden.
const SCOPES: [&str; 4] = ["write", "rotate", "reveal", "administer"];

/// One principal.
struct Somebody {
    name: String,
    caller: Caller,
}

/// Makes a principal for each combination of scopes, in one workspace or everywhere.
async fn everybody(ledger: &Ledger) -> Vec<Somebody> {
    let mut people = Vec::new();
    for everywhere in [false, true] {
        for combination in 0..1_u32 << SCOPES.len() {
            let has = |index: &usize| combination & (1 << index) != 0;
            let mut scopes: Vec<_> =
                (0..SCOPES.len()).filter(has).map(|index| SCOPES[index]).collect();
            scopes.push("read");
            let mut grant = json!({ "scopes": scopes });
            if !everywhere {
                grant["workspaces"] = json!([HOME]);
            }
            let name = format!("p{combination}{}", if everywhere { "e" } else { "h" });
            let caller = ledger.enter(&name, json!([grant])).await;
            people.push(Somebody { name, caller });
        }
    }
    people
}

/// Creates a connection and returns its id.
async fn created(ledger: &Ledger, draft: Value) -> Value {
    json!(ledger.run("create", draft).await.receipt.connection.expect("a connection"))
}

/// Returns the commands that require more than others of their verb, with the condition for it.
async fn conditional(ledger: &Ledger, tag: &str) -> Vec<(TestCommand, Condition)> {
    let draft = json!({"provider": "openai", "secrets": {"api_key": "sk-first-value-1"}});
    let id = created(ledger, draft).await;
    let secrets = json!({"connection": id, "secrets": {"api_key": "sk-second-value-2"}});
    let shared = json!({"provider": "openai", "access": {"workspaces": {"third": {}}}});
    let once_shared = created(ledger, shared.clone()).await;
    let revoke = json!({"connection": once_shared, "grant_to": "third"});
    ledger.run("revoke-workspace", revoke).await;
    let mut draft = shared;
    draft["slug"] = json!(format!("shared-{tag}"));
    let revert = json!({"connection": once_shared, "to_version": 1});
    let reference = json!({"reference": {"kind": "connection", "name": "source/api_key"}});
    let referring = json!({"provider": "openai", "secrets": {"token": reference}});
    let rotated = created(ledger, json!({"provider": "openai", "secrets": {"token": "t-1"}})).await;
    let rotate = json!({"connection": rotated, "secrets": {"token": reference}});
    vec![
        (TestCommand::new("create", &referring), Condition::Refers),
        (TestCommand::new("rotate-secret", &rotate), Condition::Refers),
        (TestCommand::new("update", &secrets), Condition::ChangesSecrets),
        (TestCommand::new("create", &draft), Condition::Shares),
        (TestCommand::new("revert", &revert), Condition::Shares),
    ]
}

/// Asks whether a command would be allowed. `case` is the condition that holds for it.
fn promised(ledger: &Ledger, who: &str, command: &TestCommand, case: Option<Condition>) -> bool {
    let mut query = json!({"as": who, "may": command.verb});
    let body: Value = serde_json::from_slice(&command.body).expect("JSON");
    if body["connection"].is_string() {
        query["on"] = body["connection"].clone();
    }
    let answer = ledger.ask_at(HOME, "access-check", &query).expect("an administrator asks");
    let conditions = answer["conditions"].as_array().cloned().unwrap_or_default();
    let met = |condition: &&Value| case.is_some_and(|case| condition["when"] == case.as_clause());
    let met: Vec<_> = conditions.iter().filter(met).collect();
    assert_eq!(met.is_empty(), case.is_none(), "{}: {answer}", command.verb);
    answer["allowed"] == true && met.iter().all(|condition| condition["allowed"] == true)
}

#[tokio::test(flavor = "multi_thread")]
async fn access_check_promises_what_enforcement_grants() {
    let ledger = Ledger::new().await;
    ledger.send(TestCommand::new("create-workspace", &json!({})).at("third")).await.expect("made");
    ledger.create("source").await;
    for Somebody { name, caller } in everybody(&ledger).await {
        let mut cases = Vec::new();
        for verb in verbs().filter(|verb| *verb != "create-workspace") {
            cases.push((prepared(&ledger, &name, verb, HOME).await, None));
        }
        for verb in principal_verbs() {
            // These have no grants, and so belong to the ledger as a whole.
            let exceeds = Some(Condition::ExceedsSender);
            cases.push((prepared(&ledger, &name, verb, HOME).await, exceeds));
        }
        let grants = json!([{"scopes": ["read"], "workspaces": [HOME]}]);
        let own = json!({"principal": format!("own-{name}"), "kind": "user", "grants": grants});
        cases.push((TestCommand::new("create-principal", &own).at(LEDGER), None));
        let id = created(&ledger, json!({"provider": "x", "secrets": {"k": "v-0123456789"}})).await;
        let look = json!({"connection": id, "reason": "to look"});
        cases.push((TestCommand::new(REVEAL, &look), None));
        let conditional = conditional(&ledger, &name).await;
        cases.extend(conditional.into_iter().map(|(command, case)| (command, Some(case))));
        for (command, case) in cases {
            let promised = promised(&ledger, &name, &command, case);
            let words = format!("{name} sends {} ({case:?})", command.verb);
            match ledger.send_as(&caller, command).await {
                Ok(_) => assert!(promised, "{words}: accepted"),
                Err(problem) => {
                    assert!(!promised, "{words}: {problem}");
                    let hidden = case == Some(Condition::ExceedsSender);
                    let told = problem.code == Code::PrincipalUnknown && hidden;
                    assert!(told || problem.code == Code::Forbidden, "{words}: {problem}");
                }
            }
        }
        // There is room for few.
        let alerts = ledger.ask("alerts", &json!({}))["alerts"].clone();
        for alert in alerts.as_array().expect("a list") {
            let remove = json!({"alert": alert["alert"]});
            ledger.run("remove-alert", remove).await;
        }
    }
}
