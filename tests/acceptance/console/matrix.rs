//! Every page and form of the console, asked by everyone.

use ledger_console::{PageRoute, routes};
use ledger_domain::principal::Scope;
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::visitor::{Place, Visitor, code, field};
use crate::http::door::{Answer, read};
use crate::ledger::{ABROAD, HOME, TestCommand};
use crate::matrix::cast::{Cast, TARGET};
use crate::matrix::{
    AUDIT, At, GOVERN, LET_IN, Line, Need, Place as Of, READ, READ_ALL, ROTATE, WELL, WRITE, line,
};

/// What each takes, and what those who are let in are told: forms expect a version that nothing
/// has.
pub(crate) const TABLE: &[Line] = &[
    ("consoleFile", Need::Nothing, WELL),
    ("signInForm", Need::Nothing, WELL),
    ("signIn", Need::Nothing, "credential_missing"),
    // Nobody signs in at an issuer here.
    ("signInAtIssuer", Need::Nothing, "route_unknown"),
    ("signedInAtIssuer", Need::Nothing, "route_unknown"),
    ("signOut", Need::Anyone, WELL),
    ("overview", Need::Anyone, WELL),
    ("consoleEvents", READ, WELL),
    ("connectionsPage", Need::Foothold, WELL),
    ("historyPage", AUDIT, WELL),
    ("changesPage", AUDIT, WELL),
    ("undoPage", AUDIT, WELL),
    ("undo", WRITE, LET_IN),
    ("refusalsPage", AUDIT, WELL),
    ("proofPage", READ_ALL, WELL),
    ("proofFile", READ_ALL, WELL),
    ("accessPage", Need::Anyone, WELL),
    ("newPrincipalForm", Need::Anyone, WELL),
    ("createPrincipal", GOVERN, LET_IN),
    ("newKeyForm", Need::Anyone, WELL),
    ("issueKey", Need::Principal(Of::OfLedger), LET_IN),
    ("revokeKeyForm", Need::Anyone, WELL),
    ("revokeKey", Need::Principal(Of::OfLedger), LET_IN),
    ("ledgerPage", READ_ALL, WELL),
    ("newConnectionPage", Need::Anyone, WELL),
    ("createForm", Need::Anyone, WELL),
    ("create", WRITE, WELL),
    ("connectionPage", READ, WELL),
    ("connectionThenPage", Need::AtHome(Scope::Audit), WELL),
    ("connectionHistoryPage", AUDIT, WELL),
    ("comparePage", Need::AtHome(Scope::Audit), WELL),
    ("exposurePage", Need::AtHome(Scope::Audit), WELL),
    ("editForm", READ, WELL),
    ("edit", WRITE, LET_IN),
    ("rotateForm", READ, WELL),
    ("rotate", ROTATE, LET_IN),
    ("revealForm", READ, WELL),
    ("reveal", Need::Here(&[Scope::Reveal]), WELL),
    ("deedForm", READ, WELL),
    ("deed", WRITE, LET_IN),
];

/// Returns the path of a route, with everything named.
fn path(route: &PageRoute, at: At, shared: &str, target_key: &str) -> String {
    let connection = if at == At::Shared { shared } else { "main" };
    let path = route
        .path
        .replace("{name}", "console.css")
        .replace("{workspace}", at.workspace())
        .replace("{connection}", connection)
        .replace("{principal}", TARGET)
        .replace("{key}", target_key)
        .replace("{provider}", "openai")
        .replace("{verb}", "disable");
    match route.id {
        "consoleEvents" | "connectionsPage" | "historyPage" | "refusalsPage" | "changesPage" => {
            format!("{path}?workspace={}", at.workspace())
        }
        "undoPage" if route.method == Method::GET => {
            format!("{path}?workspace={}&as_of=1", at.workspace())
        }
        "proofPage" | "proofFile" => format!("{path}?position=1"),
        "exposurePage" => format!("{path}?field=api_key"),
        _ => path,
    }
}

/// Returns the fields of a form beside its hidden ones.
fn fields<'a>(route: &PageRoute, at: At, step: &'a str) -> Vec<(&'static str, &'a str)> {
    match route.id {
        "undo" => vec![("plan", "a-plan"), ("step", step)],
        "createPrincipal" => {
            vec![("version", "999"), ("principal", "new"), ("kind", "user"), ("role", "none")]
        }
        "create" => vec![("workspace", at.workspace()), ("secret.api_key", "sk-another-value-1")],
        "edit" => vec![("version", "999"), ("was.display_name", "x"), ("display_name", "y")],
        "rotate" => vec![("version", "999"), ("secret.api_key", "sk-another-value-1")],
        "reveal" => vec![("field", "api_key"), ("reason", "a look")],
        _ => vec![("version", "999")],
    }
}

async fn ask(
    visitor: &Visitor,
    (token, step): (&str, &str),
    route: &PageRoute,
    path: &str,
    at: At,
) -> Answer {
    if route.id == "consoleEvents" {
        let feed = visitor.ask(Method::GET, path).send().await.expect("an answer");
        if feed.status() == StatusCode::OK {
            return Answer { status: 200, headers: [].into(), text: String::new() };
        }
        return read(visitor.ask(Method::GET, path)).await;
    }
    if route.method == Method::GET {
        return visitor.get(path).await;
    }
    let id = format!("{:032x}", rand::random::<u128>());
    let hidden = [("form_token", token), ("command_id", id.as_str())];
    visitor.post(path, &[&hidden[..], &fields(route, at, step)].concat()).await
}

/// Steps of plans, one for each connection, at a version that nothing has.
#[derive(Debug, Default)]
struct Steps {
    ids: Vec<(&'static str, String)>,
}

impl Steps {
    fn of(&self, at: At) -> String {
        let found = self.ids.iter().find(|(workspace, _)| *workspace == at.workspace());
        let (workspace, id) = found.expect("there is one in each workspace");
        format!("{workspace} {id} 999 archive main")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_may_do_in_the_console_what_the_table_says_and_nothing_else() {
    let place = Place::open().await;
    let engine = &place.ledger.engine;
    let cast = Cast::of(engine).await;
    let secrets = json!({ "api_key": "sk-first-value-1" });
    let mut steps = Steps::default();
    for workspace in [HOME, ABROAD] {
        let main = json!({ "slug": "main", "provider": "openai", "secrets": secrets });
        let created = place.ledger.send(TestCommand::new("create", &main).at(workspace)).await;
        let receipt = created.expect("it is accepted").receipt;
        steps.ids.push((workspace, receipt.connection.expect("an id")));
    }
    let shared = place.ledger.create("shared").await;
    let share = json!({ "connection": shared, "grant_to": ABROAD });
    place.ledger.run("grant-workspace", share).await;
    for actor in &cast.actors {
        let mut visitor = place.signed_in(&actor.key).await;
        let mut token = field(&visitor.get("/new").await, "form_token");
        for route in routes() {
            let (need, told) = line(TABLE, route.id);
            let is_about_one = route.path.contains("{connection}");
            for at in At::ALL.into_iter().filter(|at| *at != At::Shared || is_about_one) {
                let path = path(route, at, &shared, &cast.target_key);
                let step = steps.of(at);
                let answer = ask(&visitor, (&token, &step), route, &path, at).await;
                let expected = actor.rights.decide(need, told, at);
                let who = format!("{}, {at:?}, {}: {answer:?}", actor.name, route.id);
                assert_eq!(code(&answer), expected, "{who}");
                assert_eq!(answer.status < 400, expected.is_empty(), "{who}");
                if route.id == "signOut" {
                    visitor = place.signed_in(&actor.key).await;
                    token = field(&visitor.get("/new").await, "form_token");
                }
            }
        }
    }
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_session_every_page_asks_to_sign_in() {
    let place = Place::open().await;
    let visitor = place.visitor();
    for route in routes() {
        let (need, _) = line(TABLE, route.id);
        let path = path(route, At::Home, "shared", "aaaaaaaaaaaa");
        let answer = ask(&visitor, ("", ""), route, &path, At::Home).await;
        match (need, &route.method) {
            (Need::Nothing, _) => assert!(answer.status != 303, "{}: {answer:?}", route.id),
            (_, &Method::GET) => {
                let to = answer.header("location").unwrap_or_default();
                assert!(answer.status == 303 && to.starts_with("/sign-in"), "{answer:?}");
            }
            _ => {
                assert_eq!(answer.status, 401, "{}: {answer:?}", route.id);
                assert!(answer.text.contains("nothing was done"), "{answer:?}");
            }
        }
    }
    place.close().await;
}
