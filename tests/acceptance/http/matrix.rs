//! Every route, asked by everyone.

use ledger_contract::commands::Verb;
use ledger_contract::operations::OPERATIONS;
use ledger_domain::principal::Scope;
use ledger_http::routes::{Route, Subject, routes};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::door::{Answer, Door, read, with_body};
use crate::ledger::{ABROAD, HOME};
use crate::matrix::bodies::body;
use crate::matrix::cast::{Cast, TARGET};
use crate::matrix::traces::{Cell, Tally, Trace};
use crate::matrix::{
    AUDIT, At, GOVERN, LET_IN, Line, NO_SOURCE, NO_TARGET, NOT_SEALED, Need, Place, READ, READ_ALL,
    ROTATE, Reach, SHARE, WELL, WRITE, WRITE_AND_ROTATE, line,
};

pub(crate) const TABLE: &[Line] = &[
    ("listWorkspaces", Need::Anyone, WELL),
    ("createWorkspace", GOVERN, WELL),
    ("listConnections", Need::Foothold, WELL),
    ("createConnection", WRITE, WELL),
    ("getConnection", READ, WELL),
    ("explainHealth", READ, WELL),
    ("uptime", Need::Foothold, WELL),
    ("getRotation", READ, WELL),
    ("listAttempts", READ, WELL),
    ("getErasure", READ, WELL),
    ("updateConnection", WRITE, LET_IN),
    ("listSecretPolicies", READ, WELL),
    ("setSecretPolicy", ADMINISTER, LET_IN),
    ("removeSecretPolicy", ADMINISTER, LET_IN),
    ("createAlert", ALERT, LET_IN),
    ("updateAlert", ALERT, LET_IN),
    ("rotateAlertSecret", ADMINISTER, LET_IN),
    ("testAlert", ADMINISTER, LET_IN),
    ("replayAlert", ADMINISTER, LET_IN),
    ("removeAlert", ADMINISTER, LET_IN),
    ("listAlerts", ADMINISTER, WELL),
    ("listDeadLetters", ADMINISTER, "alert_unknown"),
    ("connectionHistory", AUDIT, WELL),
    ("workspaceHistory", AUDIT, WELL),
    ("audit", AUDIT, WELL),
    ("exposure", Need::AtHome(Scope::Audit), WELL),
    ("diffConnection", Need::AtHome(Scope::Audit), WELL),
    ("whoMay", Need::AtHome(Scope::Audit), WELL),
    ("workspaceChanges", AUDIT, WELL),
    ("planUndo", AUDIT, WELL),
    ("revealSecret", REVEAL, WELL),
    ("unwrap", Need::Anyone, "handover_unknown"),
    ("revokeHandover", Need::Foothold, "handover_unknown"),
    ("listHandovers", AUDIT, WELL),
    ("leaseSecrets", REVEAL, WELL),
    ("readLeasedSecrets", REVEAL, "secret_lease_ended"),
    ("renewLease", REVEAL, LET_IN),
    ("returnLease", REVEAL, LET_IN),
    ("revokeLeases", ROTATE, LET_IN),
    ("revokeWorkspaceLeases", ROTATE, LET_IN),
    ("listLeases", AUDIT, WELL),
    ("reportFailure", REVEAL, LET_IN),
    ("listModels", READ, LET_IN),
    ("confirmSecret", REVEAL, LET_IN),
    ("removeConsumer", ROTATE, LET_IN),
    ("rotateSecret", ROTATE, LET_IN),
    ("retireFormer", ROTATE, LET_IN),
    ("cancelRotation", ROTATE, LET_IN),
    ("enableConnection", WRITE, LET_IN),
    ("disableConnection", WRITE, LET_IN),
    ("markDegraded", WRITE, LET_IN),
    ("markFailed", WRITE, LET_IN),
    ("markOperational", WRITE, LET_IN),
    ("archiveConnection", WRITE, LET_IN),
    ("restoreConnection", WRITE, LET_IN),
    ("eraseConnection", Need::Here(&[Scope::Administer]), LET_IN),
    ("grantWorkspace", SHARE, LET_IN),
    ("revokeWorkspace", WRITE, LET_IN),
    ("setLimits", WRITE, LET_IN),
    ("setModelPolicy", WRITE, LET_IN),
    ("setPricing", WRITE, LET_IN),
    ("linkDependent", WRITE, LET_IN),
    ("unlinkDependent", WRITE, LET_IN),
    ("revertConnection", WRITE_AND_ROTATE, LET_IN),
    ("testConnection", WRITE, LET_IN),
    ("refreshToken", ROTATE, LET_IN),
    ("connect", ROTATE, LET_IN),
    ("followEvents", READ_ALL, WELL),
    ("followWorkspaceEvents", READ, WELL),
    ("listPrincipals", Need::Principals(Place::OfLedger), WELL),
    ("createPrincipal", GOVERN, WELL),
    ("updatePrincipal", Need::Principal(Place::OfLedger), LET_IN),
    ("enablePrincipal", Need::Principal(Place::OfLedger), LET_IN),
    ("disablePrincipal", Need::Principal(Place::OfLedger), LET_IN),
    ("issueKey", Need::Principal(Place::OfLedger), LET_IN),
    ("revokeKey", Need::Principal(Place::OfLedger), LET_IN),
    ("blockToken", GOVERN, LET_IN),
    ("unblockToken", GOVERN, LET_IN),
    ("listBlockedTokens", GOVERN, WELL),
    ("rotateMasterKey", GOVERN, NO_SOURCE),
    ("retireMasterKey", GOVERN, LET_IN),
    ("sealLedger", GOVERN, LET_IN),
    ("unsealLedger", GOVERN, NOT_SEALED),
    ("listMasterKeys", GOVERN, WELL),
    ("whoami", Need::Anyone, WELL),
    ("accessCheck", Need::Principal(Place::OfWorkspace), WELL),
    ("status", READ_ALL, WELL),
    ("getProof", READ_ALL, WELL),
    ("getLogCheckpoint", READ_ALL, WELL),
    ("getLogKey", READ_ALL, WELL),
    ("getLogHistory", READ_ALL, WELL),
    ("getLogTile", READ_ALL, WELL),
    ("replay", GOVERN, WELL),
    ("backup", GOVERN, NO_TARGET),
    ("rewrapMasterKeys", GOVERN, WELL),
    ("stepDown", GOVERN, "not_in_cluster"),
    ("giveShare", GOVERN, NOT_SEALED),
    ("metrics", READ_ALL, WELL),
    ("alive", Need::Nothing, WELL),
    ("ready", Need::Nothing, WELL),
    ("openapi", Need::Nothing, WELL),
    ("docs", Need::Nothing, WELL),
    ("docsScript", Need::Nothing, WELL),
    ("docsStyle", Need::Nothing, WELL),
    ("finishConnect", Need::Nothing, WELL),
];

const REVEAL: Need = Need::Here(&[Scope::Reveal]);
const ADMINISTER: Need = Need::Here(&[Scope::Administer]);
const ALERT: Need = Need::Here(&[Scope::Administer, Scope::Read, Scope::Audit]);

/// A ledger that everyone asks.
struct Stage {
    door: Door,
    cast: Cast,
    /// The id of a connection of the home workspace that is shared with the other one.
    shared: String,
    made: usize,
}

impl Stage {
    async fn open() -> Self {
        let door = Door::open().await;
        let cast = Cast::of(&door.ledger.engine).await;
        door.create_main_everywhere().await;
        let shared = door.ledger.create("shared").await;
        let share = json!({ "connection": shared, "grant_to": ABROAD });
        door.ledger.run("grant-workspace", share).await;
        Self { door, cast, shared, made: 0 }
    }

    /// Prepares a request to a route, without anyone's key.
    fn request(&mut self, route: &Route, at: At) -> RequestBuilder {
        let connection = if at == At::Shared { self.shared.clone() } else { "main".to_owned() };
        self.request_to(route, at.workspace(), &connection)
    }

    /// Prepares the same to any workspace and connection.
    fn request_to(&mut self, route: &Route, workspace: &str, connection: &str) -> RequestBuilder {
        self.made += 1;
        let mut path = route
            .path
            .replace("{workspace}", workspace)
            .replace("{connection}", connection)
            .replace("{principal}", TARGET)
            .replace("{key}", &self.cast.target_key)
            .replace("{*tile}", "entries/000.p/1");
        match route.id {
            "accessCheck" => {
                let asked = format!("?as={TARGET}&may=read&on=main&workspace={workspace}");
                path.push_str(&asked);
            }
            "exposure" => path.push_str("?field=api_key"),
            "diffConnection" => path.push_str("?from=v1"),
            "whoMay" => path.push_str("?may=read"),
            "workspaceChanges" => path.push_str("?from=0"),
            "planUndo" => path.push_str("?as_of=0"),
            "getProof" => path.push_str("?position=1"),
            "listDeadLetters" => path.push_str("?alert=none"),
            "followEvents" | "followWorkspaceEvents" => path.push_str("?after=0"),
            _ => {}
        }
        let client = crate::http::door::client();
        let request = client.request(route.method.clone(), self.door.url(&path));
        let request = request.header("accept", "application/json");
        match sent(route, self.made) {
            None => request,
            Some(body) if is_making(route) => with_body(request, &body),
            Some(body) => with_body(request.header("if-match", "\"999\""), &body),
        }
    }
}

/// Returns what a route leaves behind when it is done.
pub(crate) fn trace(route: &Route) -> Trace {
    match route.id {
        "followEvents" | "followWorkspaceEvents" => Trace::EntryOfAuditors,
        _ => Trace::of(route.terms.subject),
    }
}

fn is_making(route: &Route) -> bool {
    ["createConnection", "createWorkspace", "createPrincipal"].contains(&route.id)
}

fn sent(route: &Route, number: usize) -> Option<Value> {
    match route.terms.subject {
        Subject::Command(Verb::CreateWorkspace) => {
            Some(json!({ "name": format!("made-{number}") }))
        }
        Subject::Command(verb) => Some(body(verb.as_str(), number)),
        Subject::Http if OPERATIONS.contains(&route.id) => Some(body(route.id, number)),
        Subject::Http if route.id == "giveShare" => Some(body("give-share", number)),
        _ => None,
    }
}

#[track_caller]
fn expect(answer: &Answer, route: &Route, code: &str, who: &str) {
    if code.is_empty() {
        let well = route.terms.answers.iter().any(|well| well.status == answer.status);
        assert!(well, "{who} asks {}: {answer:?}", route.id);
        return;
    }
    assert!(answer.status >= 400, "{who} asks {}: {answer:?}", route.id);
    assert_eq!(answer.json()["code"], code, "{who} asks {}: {answer:?}", route.id);
    let told = route.refusals().any(|refusal| refusal.as_str() == code);
    assert!(told, "{} is not said to answer {code}", route.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_over_http_may_do_what_the_table_says_and_nothing_else() {
    let mut stage = Stage::open().await;
    let (mut tally, before) = (Tally::default(), stage.door.ledger.engine.head().get());
    for route in routes() {
        let (need, told) = line(TABLE, route.id);
        assert_eq!(need == Need::Nothing, !route.needs_key(), "{}", route.id);
        let is_about_one = route.path.contains("{connection}");
        let operation = match route.terms.subject {
            Subject::Command(verb) => verb.as_str(),
            _ => "",
        };
        for at in At::ALL.into_iter().filter(|at| *at != At::Shared || is_about_one) {
            let asked = Cell { operation, trace: trace(route), at };
            for number in 0..stage.cast.actors.len() {
                let request = stage.request(route, at);
                let actor = &stage.cast.actors[number];
                let answer = read(request.bearer_auth(&actor.key)).await;
                let code = actor.rights.decide(need, told, at);
                expect(&answer, route, code, &format!("{}, {at:?}", actor.name));
                tally.answered(actor, asked, code);
            }
            for number in 0..stage.cast.strangers.len() {
                let request = stage.request(route, at);
                let (header, code) = &stage.cast.strangers[number];
                let request = match header {
                    Some(header) => request.header("authorization", header),
                    // From another machine: on this one, nobody needs a key for metrics.
                    None => request.header("x-forwarded-for", "192.0.2.1"),
                };
                let code = if need == Need::Nothing { WELL } else { code };
                expect(&read(request).await, route, code, "a stranger");
                if need != Need::Nothing {
                    tally.turned_away(asked, code);
                }
            }
        }
    }
    tally.check(&stage.door.ledger, before);
}

/// The table of routes says the same as this one.
#[test]
fn a_route_says_the_scope_that_it_takes() {
    for route in routes() {
        let (need, _) = line(TABLE, route.id);
        match need {
            Need::Here(scopes) => assert!(scopes.contains(&route.terms.scope.expect(route.id))),
            Need::AtHome(scope) | Need::Ledger(scope) => {
                assert_eq!(route.terms.scope, Some(scope), "{}", route.id);
            }
            Need::Nothing | Need::Anyone => assert_eq!(route.terms.scope, None, "{}", route.id),
            Need::Principals(_) => assert_eq!(route.terms.scope, Some(Scope::Administer)),
            Need::Foothold | Need::Principal(_) => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_workspace_and_one_that_is_not_there_sound_the_same_over_http() {
    let mut stage = Stage::open().await;
    let home = stage.cast.actors.iter().filter(|actor| actor.rights.reach == Reach::Home);
    let keys: Vec<_> = home.map(|actor| actor.key.clone()).collect();
    for route in routes().filter(|route| route.path.contains("{workspace}")) {
        for key in &keys {
            let heard = read(stage.request_to(route, ABROAD, "main").bearer_auth(key)).await;
            let nowhere = read(stage.request_to(route, "nowhere", "main").bearer_auth(key)).await;
            assert_eq!(heard.heard(), nowhere.heard(), "{}", route.id);
            heard.expect_problem(403, "forbidden");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_principal_is_made_given_a_key_and_shut_out() {
    let door = Door::open().await;
    let gateway = json!({
        "principal": "eu-1", "kind": "gateway",
        "grants": [{ "role": "gateway", "workspaces": [HOME] }],
    });
    let made = door.post("/api/v1/principals", &gateway).await;
    assert_eq!((made.status, made.header("etag")), (201, Some("\"1\"")), "{made:?}");
    let place = made.header("location").expect("a place").to_owned();
    assert_eq!(place, "/api/v1/principals/eu-1");

    let ask = || door.ask(Method::POST, &format!("{place}/keys"));
    let issue = || with_body(ask().header("idempotency-key", "k-1"), &json!({ "label": "eu" }));
    let issued = read(issue()).await;
    assert_eq!((issued.status, issued.header("cache-control")), (201, Some("no-store")));
    let key = issued.json()["api_key"]["key"].as_str().expect("a key").to_owned();
    let id = issued.json()["api_key"]["id"].as_str().expect("its id").to_owned();
    let again = read(issue()).await;
    assert_eq!((again.status, again.header("ledger-repeated")), (201, Some("true")));
    assert_eq!(again.json()["api_key"], Value::Null, "it is told once");

    let asked =
        |path: &str| read(crate::http::door::client().get(door.url(path)).bearer_auth(&key));
    let own = asked("/api/v1/whoami").await.json();
    assert_eq!(own["actor"], "gateway:eu-1");
    let check = "/api/v1/access-check?as=eu-1&may=rotate-secret&workspace=default";
    let answer = asked(check).await.json();
    assert_eq!((&answer["allowed"], &answer["scope"]), (&json!(false), &json!("rotate")));
    let listed = door.get("/api/v1/principals").await;
    assert!(!listed.text.contains(&key), "{}", listed.text);
    let odd = door.get("/api/v1/access-check?may=read").await;
    odd.expect_problem(400, "field_invalid");
    assert_eq!(odd.json()["field"], "as");

    let other = door.post(&format!("{place}/disable"), &json!({ "principal": "admin" })).await;
    other.expect_problem(400, "field_invalid");
    let revoked = door.post(&format!("{place}/keys/{id}/revoke"), &json!({})).await;
    assert_eq!(revoked.status, 200, "{revoked:?}");
    asked("/api/v1/whoami").await.expect_problem(401, "credential_revoked");
    let twice = door.post(&format!("{place}/keys/{id}/revoke"), &json!({})).await;
    twice.expect_problem(404, "api_key_unknown");
}
