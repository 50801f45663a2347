//! Who may do what: each role against every command and every question, at home and elsewhere.

use ledger_contract::errors::Code;
use ledger_contract::queries::QueryName;
use ledger_contract::subjects::LEDGER;
use ledger_domain::principal::Role;
use ledger_engine::Caller;
use serde_json::{Value, json};

use super::leases::leased;
use crate::ledger::{ABROAD, HOME, Ledger, TestCommand, reveal_as};
use crate::verbs::{principal_verbs, token_verbs, verbs};

/// The scopes of a role, and a workspace that nobody else makes.
fn stands_for(role: &str) -> (&'static [&'static str], &'static str) {
    match role {
        "viewer" => (&["read"], "of-viewer"),
        "editor" => (&["read", "write", "rotate"], "of-editor"),
        "rotator" => (&["read", "rotate"], "of-rotator"),
        "gateway" => (&["read", "reveal"], "of-gateway"),
        "auditor" => (&["read", "audit"], "of-auditor"),
        "admin" => (&["read", "write", "rotate", "reveal", "audit", "administer"], "of-admin"),
        other => panic!("say here what the role {other} may do"),
    }
}

/// Tells whether a verb is about no connection.
fn is_about_the_ledger(verb: &str) -> bool {
    verb == "create-workspace" || principal_verbs().chain(token_verbs()).any(|known| known == verb)
}

/// The scopes a verb takes; of the whole ledger, when it is about that.
fn takes(verb: &str) -> &'static [&'static str] {
    match verb {
        "create" | "update" | "enable" | "disable" | "mark-degraded" | "mark-failed"
        | "mark-operational" | "archive" | "restore" | "revoke-workspace" | "set-limits"
        | "set-model-policy" | "set-pricing" | "link-dependent" | "unlink-dependent"
        | "test-connection" => &["write"],
        "rotate-secret"
        | "retire-former"
        | "refresh-token"
        | "connect"
        | "cancel-rotation"
        | "remove-consumer"
        | "revoke-leases"
        | "revoke-workspace-leases" => &["rotate"],
        "confirm-secret" | "report-failure" | "revoke-handover" | "renew-lease"
        | "return-lease" => &["reveal"],
        "list-models" => &["read"],
        "revert" => &["write", "rotate"],
        "create-alert" | "update-alert" => &["administer", "read", "audit"],
        "grant-workspace" => &["administer", "reveal"],
        "set-secret-policy"
        | "remove-secret-policy"
        | "rotate-alert-secret"
        | "test-alert"
        | "replay-alert"
        | "remove-alert"
        | "block-token"
        | "unblock-token"
        | "create-workspace"
        | "create-principal"
        | "update-principal"
        | "enable-principal"
        | "disable-principal"
        | "issue-key"
        | "revoke-key"
        | "erase" => &["administer"],
        other => panic!("say here what {other} takes"),
    }
}

/// Makes an alert for one verb to work on, and returns the command.
async fn about_alert(
    ledger: &Ledger,
    role: &str,
    verb: &str,
    workspace: &'static str,
) -> TestCommand {
    let url = "https://alerts.example/hook";
    if verb == "create-alert" {
        let body = json!({"alert": format!("of-{role}"), "url": url});
        return TestCommand::new(verb, &body).at(workspace);
    }
    let made = TestCommand::new("create-alert", &json!({"alert": "ops", "url": url}));
    // It may be there from a test of another verb.
    match ledger.send(made.at(workspace)).await.map_err(|problem| problem.code) {
        Ok(_) | Err(Code::AlertExists) => {}
        Err(other) => panic!("{other}"),
    }
    let mut body = json!({"alert": "ops"});
    if verb == "update-alert" {
        body["labels"] = json!({"of": role});
    }
    TestCommand::new(verb, &body).at(workspace)
}

/// Makes something for one verb to work on, and returns the command.
#[expect(clippy::too_many_lines, reason = "one arm for each verb")]
pub(super) async fn prepared(
    ledger: &Ledger,
    role: &str,
    verb: &str,
    workspace: &'static str,
) -> TestCommand {
    if is_about_the_ledger(verb) {
        return about_the_ledger(ledger, role, verb).await;
    }
    let slug = format!("{verb}-{role}");
    if verb.ends_with("secret-policy") {
        let about = json!({"provider": format!("of-{role}")});
        let set = json!({"about": about, "min_length": 1});
        if verb == "set-secret-policy" {
            return TestCommand::new(verb, &set).at(workspace);
        }
        // It may be there from a test of the other verb.
        let set = json!({"about": about, "min_length": 2});
        ledger.send(TestCommand::new("set-secret-policy", &set).at(workspace)).await.expect("set");
        return TestCommand::new(verb, &json!({ "about": about })).at(workspace);
    }
    if verb.contains("alert") {
        return about_alert(ledger, role, verb, workspace).await;
    }
    if verb == "create" {
        return TestCommand::new(verb, &json!({"slug": slug, "provider": "openai"})).at(workspace);
    }
    let send = async |verb: &str, body: Value| {
        ledger.send(TestCommand::new(verb, &body).at(workspace)).await.expect("prepared")
    };
    let draft = json!({
        "slug": slug, "provider": "openai", "secrets": {"api_key": "sk-first-value-1"},
        "enabled": verb != "enable",
    });
    let id = send("create", draft).await.receipt.connection.expect("a connection");
    let mut body = json!({"connection": id});
    let grant = json!({"connection": id, "grant_to": "third"});
    match verb {
        "update" => body["description"] = json!("new"),
        "rotate-secret" => body["secrets"] = json!({"api_key": "sk-second-value-2"}),
        "refresh-token" => {
            let mut update = body.clone();
            update["auth_method"] = json!("private_key_jwt");
            update["config"] = json!({"issuer": "me", "audience": "you", "subject": "them"});
            update["secrets"] = json!({"secret_key": "a-shared-key"});
            send("update", update).await;
        }
        "connect" => {
            ledger.engine.set_public_url("https://ledger.example");
            let mut update = body.clone();
            update["auth_method"] = json!("refresh_token");
            update["config"] = json!({
                "authorization_url": "https://as.example/authorize", "client_id": "me",
                "token_url": "https://as.example/token",
            });
            update["secrets"] = json!({"api_key": null});
            send("update", update).await;
        }
        "retire-former" | "cancel-rotation" => {
            let mut rotate = body.clone();
            rotate["secrets"] = json!({"api_key": "sk-second-value-2"});
            rotate["keep_former_until"] = json!("1h");
            send("rotate-secret", rotate).await;
        }
        "report-failure" => body["outcome"] = json!("unreachable"),
        "confirm-secret" | "remove-consumer" => {
            let mut confirm = body.clone();
            confirm["consumer"] = json!("eu-1");
            confirm["generations"] = json!({"api_key": 1});
            body["consumer"] = json!("eu-1");
            if verb == "confirm-secret" {
                body = confirm;
            } else {
                send("confirm-secret", confirm).await;
            }
        }
        "revoke-handover" => {
            let wrap = json!({"connection": id, "reason": "a test", "wrap": "1h"});
            let wrap = TestCommand::new("reveal-secret", &wrap).at(workspace);
            let admin = Caller::system("user:admin");
            let made = reveal_as(&ledger.engine, admin, &wrap).await.expect("prepared");
            body = json!({"handover": made.handover.as_ref().expect("a token").id});
        }
        "renew-lease" | "return-lease" => {
            let holder = Caller::system(&format!("service:{role}"));
            body["lease"] = json!(leased(&ledger.engine, &holder, workspace, &id).await);
        }
        "revoke-leases" | "revoke-workspace-leases" => {
            let holder = Caller::system("user:admin");
            let lease = leased(&ledger.engine, &holder, workspace, &id).await;
            if verb == "revoke-workspace-leases" {
                body = json!({});
            } else {
                body["lease"] = json!(lease);
            }
        }
        "erase" => body["reason"] = json!("contract ended"),
        "restore" => drop(send("archive", body.clone()).await),
        "grant-workspace" => body = grant,
        "revoke-workspace" => {
            send("grant-workspace", grant.clone()).await;
            body = grant;
        }
        "set-limits" => {
            send("grant-workspace", grant.clone()).await;
            let rate = json!({"type": "requests", "unit": "rpm", "value": 7});
            (body, body["limits"]) = (grant, json!({ "rate": rate }));
        }
        "set-model-policy" => body["policy"] = json!({"allow_all": false}),
        "set-pricing" => body["pricing"] = json!({"multipliers": {"default": 1.5}}),
        "link-dependent" | "unlink-dependent" => {
            (body["kind"], body["id"]) = (json!("tool"), json!("t"));
            if verb == "unlink-dependent" {
                send("link-dependent", body.clone()).await;
            }
        }
        "revert" => {
            send("disable", body.clone()).await;
            let update = json!({"connection": id, "description": "later"});
            send("update", update).await;
            body["to_version"] = json!(1);
        }
        _ => {}
    }
    TestCommand::new(verb, &body).at(workspace)
}

/// The same for verbs about the ledger.
async fn about_the_ledger(ledger: &Ledger, role: &str, verb: &str) -> TestCommand {
    let name = format!("{verb}-{role}");
    let mut body = json!({"principal": name});
    match verb {
        "create-workspace" => return TestCommand::new(verb, &json!({})).at(stands_for(role).1),
        "create-principal" => {
            body["kind"] = json!("user");
            return TestCommand::new(verb, &body).at(LEDGER);
        }
        "block-token" | "unblock-token" => {
            let body = json!({"subject": name});
            if verb == "unblock-token" {
                ledger.lead("block-token", body.clone()).await;
            }
            return TestCommand::new(verb, &body).at(LEDGER);
        }
        _ => ledger.make(&name, json!([])).await,
    }
    match verb {
        "update-principal" => body["display_name"] = json!("New"),
        "enable-principal" => drop(ledger.lead("disable-principal", body.clone()).await),
        "revoke-key" => body["key"] = json!(ledger.issue(&name, json!({})).await.id),
        _ => {}
    }
    TestCommand::new(verb, &body).at(LEDGER)
}

/// One caller with a role, at home only or everywhere.
struct Somebody {
    caller: Caller,
    role: &'static str,
    everywhere: bool,
}

impl Somebody {
    async fn new(ledger: &Ledger, role: &'static str, everywhere: bool) -> Self {
        let grant = if everywhere {
            json!([{"role": role}])
        } else {
            json!([{"role": role, "workspaces": [HOME]}])
        };
        Self { caller: ledger.enter(role, grant).await, role, everywhere }
    }

    fn has(&self, scope: &str) -> bool {
        stands_for(self.role).0.contains(&scope)
    }

    /// Tells whether a verb is this caller's to send to a workspace.
    fn may(&self, verb: &str, workspace: &str) -> bool {
        takes(verb).iter().all(|scope| self.has(scope)) && (self.everywhere || workspace == HOME)
    }

    /// Tells the code of a refusal. Principals that belong to no workspace of those who administer
    /// one look missing to them.
    fn told(&self, verb: &str) -> Code {
        let hidden = principal_verbs().any(|known| known == verb) && verb != "create-principal";
        let administers = self.has("administer") && !self.everywhere;
        if hidden && administers { Code::PrincipalUnknown } else { Code::Forbidden }
    }

    /// Tells what a question is to be answered.
    fn due(&self, question: &str, workspace: &str) -> Result<(), Code> {
        let allowed = match question {
            _ if workspace == ABROAD && !self.everywhere => false,
            // Of every workspace, all that is theirs is theirs to see.
            "get" | "why" | "uptime" | "rotation" | "attempts" | "erasure" | "list"
            | "secret-policies" => self.has("read"),
            "whoami" | "workspaces" => true,
            "exposure" | "handovers" | "diff" | "who-may" => self.has("audit"),
            "history" | "audit" | "leases" | "changes" | "undo-plan" => {
                self.has("audit") && (self.everywhere || workspace == HOME)
            }
            "status" | "proof" => self.has("read") && self.everywhere,
            "blocked-tokens" | "master-keys" => self.has("administer") && self.everywhere,
            "principals" | "access-check" => self.has("administer"),
            "alerts" | "dead-letters" => {
                let may = self.has("administer") && (self.everywhere || workspace == HOME);
                if may && question == "dead-letters" {
                    return Err(Code::AlertUnknown);
                }
                may
            }
            other => panic!("say here who may ask {other}"),
        };
        if allowed { Ok(()) } else { Err(Code::Forbidden) }
    }
}

async fn with_roles(everywhere: bool) -> (Ledger, Vec<Somebody>) {
    let ledger = Ledger::new().await;
    ledger.send(TestCommand::new("create-workspace", &json!({})).at("third")).await.expect("made");
    let mut people = Vec::new();
    for role in Role::ALL {
        people.push(Somebody::new(&ledger, role.as_str(), everywhere).await);
    }
    (ledger, people)
}

async fn check_commands(everywhere: bool) {
    let (ledger, people) = with_roles(everywhere).await;
    for one in &people {
        for verb in verbs().chain(principal_verbs()).chain(token_verbs()) {
            for place in [HOME, ABROAD] {
                let test_command = prepared(&ledger, one.role, verb, place).await;
                let sent_to = test_command.workspace;
                let due = one.may(verb, sent_to);
                let words = format!("{} sends {verb} to {sent_to}", one.role);
                let body: Value = serde_json::from_slice(&test_command.body).expect("JSON");
                let explained = explained(&ledger, one, verb, sent_to, &body["connection"]);
                assert_eq!(explained, due, "{words}, says access-check");
                match ledger.send_as(&one.caller, test_command).await {
                    Ok(_) => assert!(due, "{words}"),
                    Err(problem) => {
                        let told = one.told(verb);
                        assert_eq!((problem.code, due), (told, false), "{words}");
                    }
                }
                if is_about_the_ledger(verb) {
                    break; // It is not about a place, and was made for one try.
                }
            }
        }
    }
    ledger.expect_replay_equal();
}

/// Asks beforehand whether a command would be allowed.
fn explained(ledger: &Ledger, one: &Somebody, verb: &str, to: &str, on: &Value) -> bool {
    let place = if is_about_the_ledger(verb) { "_all" } else { to };
    let mut query = json!({"as": one.role, "may": verb});
    if on.is_string() {
        query["on"] = on.clone();
    }
    let answer = ledger.ask_at(place, "access-check", &query).expect("an administrator asks");
    answer["allowed"] == true
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_may_send_what_it_is_for_in_its_workspace_only() {
    check_commands(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_may_send_what_it_is_for_everywhere() {
    check_commands(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_is_answered_what_it_may_ask() {
    for everywhere in [false, true] {
        let (ledger, people) = with_roles(everywhere).await;
        let at_home = ledger.create("main").await;
        let draft = json!({"slug": "main", "provider": "x", "secrets": {"api_key": "sk-abroad-1"}});
        let draft = TestCommand::new("create", &draft).at(ABROAD);
        let abroad = ledger.send(draft).await.expect("made").receipt.connection;
        for one in &people {
            for question in QueryName::names() {
                for place in [HOME, ABROAD, "_all"] {
                    let id = if place == ABROAD { json!(abroad) } else { json!(at_home) };
                    let body = match question {
                        "get" | "why" | "uptime" | "rotation" | "attempts" | "erasure" => {
                            json!({ "connection": id })
                        }
                        "exposure" => json!({ "connection": id, "field": "api_key" }),
                        "diff" => json!({ "connection": id, "from": "v1" }),
                        "who-may" => json!({ "connection": id, "may": "read" }),
                        "changes" => json!({ "from": "0" }),
                        "undo-plan" => json!({ "as_of": "0" }),
                        "dead-letters" => json!({ "alert": "none" }),
                        "proof" => json!({ "position": 1 }),
                        // About somebody else: everyone may ask about themselves.
                        "access-check" if one.role == "viewer" => {
                            json!({"as": "editor", "may": "read"})
                        }
                        "access-check" => json!({"as": "viewer", "may": "read"}),
                        _ => json!({}),
                    };
                    let answer = ledger.ask_as(&one.caller, place, question, &body);
                    let answer = answer.map(drop).map_err(|problem| problem.code);
                    let words = format!("{} asks {question} of {place}", one.role);
                    assert_eq!(answer, one.due(question, place), "{words}, {everywhere}");
                }
            }
            let other = json!({ "connection": abroad });
            let other = ledger.ask_as(&one.caller, "_all", "get", &other);
            let other = other.map(drop).map_err(|problem| problem.code);
            let due = if everywhere { Ok(()) } else { Err(Code::ConnectionUnknown) };
            assert_eq!(other, due, "{} asks for what is abroad by its id", one.role);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_grant_may_do_nothing_but_ask_who_they_are() {
    let ledger = Ledger::new().await;
    let id = ledger.create("main").await;
    let nobody = ledger.enter("nobody", json!([])).await;
    let ask = |workspace: &str, name: &str, body: Value| {
        ledger.ask_as(&nobody, workspace, name, &body).map_err(|problem| problem.code)
    };
    let whoami = ask("_all", "whoami", json!({})).expect("anyone may ask");
    assert_eq!((&whoami["actor"], &whoami["grants"]), (&json!("service:nobody"), &json!([])));
    assert_eq!(ask("_all", "get", json!({"connection": id})), Err(Code::ConnectionUnknown));
    assert_eq!(ask("_all", "list", json!({})).expect("nothing is theirs")["total"], 0);
    assert_eq!(ask("_all", "workspaces", json!({})), Ok(json!({"workspaces": [], "total": 0})));
    for name in QueryName::names() {
        let body = match name {
            "dead-letters" => json!({ "alert": "none" }),
            "proof" => json!({ "position": 1 }),
            _ => json!({ "connection": id }),
        };
        let answer = ask(HOME, name, body);
        assert_eq!(answer, Err(Code::Forbidden), "{name}");
    }
    let about_itself = json!({"as": "nobody", "may": "read"});
    let answer = ask("_all", "access-check", about_itself).expect("about oneself");
    assert_eq!(answer["allowed"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_sets_a_secret_takes_the_right_to_replace_secrets() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    let writer = ledger.enter("writer", json!([{"scopes": ["read", "write"]}])).await;
    for secrets in [json!({"api_key": "sk-other"}), json!({"api_key": null}), json!({"b": "v"})] {
        let test_command =
            TestCommand::new("update", &json!({"connection": "main", "secrets": secrets}));
        let refused = ledger.send_as(&writer, test_command).await.expect_err("takes rotate");
        assert_eq!(refused.code, Code::Forbidden, "{secrets}");
        assert!(refused.message.contains("`rotate`"), "{}", refused.message);
    }
    let plain = TestCommand::new("update", &json!({"connection": "main", "description": "d"}));
    ledger.send_as(&writer, plain).await.expect("takes write alone");
}
