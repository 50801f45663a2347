//! Time and proof over HTTP: plans that are applied as they were shown, proofs that hold elsewhere,
//! sessions that end with their token, and what pages cost.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use ledger_console::ConsoleOptions;
use ledger_domain::principal::{Grant, Scope, Workspaces};
use ledger_domain::{Actor, CheckedText as _, Line, Micros};
use ledger_engine::{AuthenticateError, Caller, VerifyToken};
use ledger_http_server::Rates;
use ledger_proof::{Bundle, LogKey};
use reqwest::Method;
use serde_json::json;

use super::visitor::{Place, code, field};
use crate::http::door::read;
use crate::ledger::Ledger;

const FREE: Rates = Rates { per_key: 0, per_address: 0 };

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_applied_as_it_was_shown_and_a_change_since_is_refused() {
    let place = Place::open().await;
    for slug in ["main", "side"] {
        place.ledger.create(slug).await;
    }
    let before = place.ledger.engine.end().position.get();
    for slug in ["main", "side"] {
        let change = json!({ "connection": slug, "description": "changed" });
        place.ledger.run("update", change).await;
    }
    let visitor = place.signed_in(&place.key).await;
    let plan = visitor.get(&format!("/undo?as_of={before}")).await;
    assert!(plan.text.contains("2 connections can be brought back"), "{plan:?}");
    let values = plan.text.split("name=\"step\" value=\"").skip(1);
    let steps: Vec<_> = values.map(|rest| rest.split('"').next().expect("a value")).collect();
    let (token, id) = (field(&plan, "form_token"), field(&plan, "plan"));
    let mut fields = vec![("form_token", token.as_str()), ("plan", id.as_str())];
    fields.extend(steps.iter().map(|step| ("step", *step)));
    let side = json!({ "connection": "side", "description": "changed again" });
    place.ledger.run("update", side).await;
    let applied = visitor.post("/undo", &fields).await;
    assert_eq!((applied.status, code(&applied)), (409, "version_conflict"), "{applied:?}");
    let told = place.ledger.get("main");
    assert_eq!((&told["description"], &told["version"]), (&json!(null), &json!(3)));
    assert_eq!(place.ledger.get("side")["description"], "changed again", "it was not shown");
    visitor.post("/undo", &fields).await;
    assert_eq!(place.ledger.get("main")["version"], 3, "a repeat does nothing twice");
    let history = visitor.get(&format!("/history?correlation_id={id}")).await;
    assert!(history.text.contains("1 event<"), "{history:?}");
    for wrong in [&fields[..2], &[fields[0], fields[1], ("step", "default x 1 erase main")]] {
        let refused = visitor.post("/undo", wrong).await;
        assert_eq!((refused.status, code(&refused)), (400, "field_invalid"), "{refused:?}");
    }
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_of_the_console_holds_for_the_key_of_the_log_and_no_other() {
    let place = Place::open().await;
    place.ledger.create("main").await;
    let visitor = place.signed_in(&place.key).await;
    let file = visitor.get("/proof/file?position=2").await;
    let name = file.header("content-disposition");
    assert_eq!(name, Some("attachment; filename=\"event-2.proof\""), "{file:?}");
    let bundle = Bundle::parse(file.text.as_bytes()).expect("a bundle");
    let key = place.ledger.engine.log_key();
    let (leaf, _) = bundle.check(&key).expect("it holds");
    assert_eq!(leaf.position, 2);
    let other = Ledger::new().await.engine.log_key();
    assert!(bundle.check(&other).is_err(), "it is of another log");
    let page = visitor.get("/proof?position=2").await;
    let shown: LogKey = key.to_string().parse().expect("a key");
    assert!(page.text.contains(&shown.to_string()) && page.text.contains(bundle.entry.trim_end()));
    for (path, status, expected) in [
        ("/proof?position=99", 409, "position_unknown"),
        ("/proof?position=x", 400, "field_invalid"),
        ("/proof/file", 400, "field_invalid"),
    ] {
        let refused = visitor.get(path).await;
        assert_eq!((refused.status, code(&refused)), (status, expected), "{refused:?}");
    }
    place.close().await;
}

/// Accepts any token, until a time.
struct Until(Micros);

impl fmt::Debug for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Until({})", self.0.get())
    }
}

impl VerifyToken for Until {
    fn verify(&self, _: &str) -> Result<Caller, AuthenticateError> {
        let grant = Grant {
            scopes: [Scope::Read].into(),
            workspaces: Workspaces::All,
            providers: [].into(),
            labels: [].into(),
        };
        let subject = Line::stored("anna".into());
        let caller = Caller::new(Actor::new("oidc:anna"), vec![grant]);
        Ok(caller.with_token(subject, None).until(self.0))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_the_token_that_began_it() {
    let now = Arc::new(AtomicI64::new(1_800_000_000));
    let ledger = Ledger::new().await.close().open_at(&now);
    let end = Micros::new((now.load(Ordering::SeqCst) + 300) * 1_000_000);
    ledger.engine.set_token_verifier(Arc::new(Until(end)));
    let place = Place::over(ledger, ConsoleOptions::default(), FREE).await;
    let visitor = place.signed_in("a.real.token").await;
    now.fetch_add(299, Ordering::SeqCst);
    assert_eq!(visitor.get("/").await.status, 200);
    now.fetch_add(1, Ordering::SeqCst);
    let refused = visitor.get("/").await;
    assert_eq!((refused.status, code(&refused)), (401, "credential_expired"), "{refused:?}");
    assert_eq!(visitor.get("/").await.status, 303, "the session is gone");
    place.close().await;
}

/// The most bytes of a page with its style sheet and its script.
const WEIGHT_MAX: usize = 150_000;

#[tokio::test(flavor = "multi_thread")]
async fn full_pages_are_light() {
    let place = Place::open().await;
    for number in 0..60 {
        let made = json!({
            "slug": format!("connection-{number}"), "provider": "openai",
            "display_name": format!("Connection number {number}"),
            "secrets": { "api_key": format!("sk-first-value-{number}") },
            "config": { "base_url": "https://api.example.com/v1" },
            "labels": { "team": "platform", "region": "eu" }, "tags": ["a", "b"],
        });
        let receipt = place.ledger.run("create", made).await.receipt;
        let changed = json!({
            "connection": receipt.connection, "description": "changed",
            "labels": { "team": "other" },
        });
        place.ledger.run("update", changed).await;
    }
    let visitor = place.signed_in(&place.key).await;
    let page = visitor.get("/").await;
    let mut assets = 0;
    for path in page.text.split('"').filter(|part| part.starts_with("/assets/")) {
        assets += visitor.get(path).await.text.len();
    }
    assert!(assets > 20_000, "they are found: {assets}");
    for path in ["/connections", "/history", "/changes?from=1", "/undo?as_of=2", "/access"] {
        let page = visitor.get(path).await;
        assert_eq!(page.status, 200, "{page:?}");
        let weight = page.text.len() + assets;
        assert!(weight < WEIGHT_MAX, "{path}: {weight}");
    }
    assert!(visitor.get("/undo?as_of=2").await.text.contains("There are more"), "it is full");
    place.close().await;
}

/// How much longer than the API a page may take.
const RATIO_MAX: f64 = 1.3;
/// Requests of which the fastest counts, so that whatever else runs on the machine does not.
const TRIES: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn pages_take_hardly_longer_than_what_they_ask_the_api_for() {
    let place = Place::open().await;
    for number in 0..60 {
        place.ledger.create(&format!("c-{number}")).await;
    }
    for _ in 0..20 {
        let change = json!({ "connection": "c-0", "reason": "it is cut" });
        place.ledger.run("mark-failed", change.clone()).await;
        place.ledger.run("mark-operational", json!({ "connection": "c-0" })).await;
    }
    let visitor = place.signed_in(&place.key).await;
    let own = "/api/v1/workspaces/default/connections";
    let one = format!("{own}/c-0");
    // What each page shows, as the API has it.
    let list = vec![format!("{own}?page_size=50"), "/api/v1/workspaces".to_owned()];
    // The page of the history has the names of connections beside the events.
    let history = ["/_all/history", "", "/_all/connections"];
    let history = history.map(|path| format!("/api/v1/workspaces{path}")).to_vec();
    let workspace = "/api/v1/workspaces/default";
    let mut whole = ["", "/why", "/rotation", "/history?page_size=10"]
        .map(|part| format!("{one}{part}"))
        .to_vec();
    whole.push(format!("{one}/history?type=secret_revealed&page_size=500"));
    whole.push(format!("{workspace}/uptime?connection=c-0&since=30d&steps=60"));
    whole.push(format!("{workspace}/leases?connection=c-0"));
    for (page, asked) in [
        ("/connections", list),
        ("/workspaces/default/connections/c-0", whole),
        ("/history", history),
    ] {
        let page_time = fastest(async || {
            let answer = visitor.get(page).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        })
        .await;
        let api_time = fastest(async || {
            for path in &asked {
                let request = visitor.ask(Method::GET, path).bearer_auth(&place.key);
                let answer = read(request).await;
                assert_eq!(answer.status, 200, "{path}: {answer:?}");
            }
        })
        .await;
        let ratio = page_time.as_secs_f64() / api_time.as_secs_f64();
        assert!(ratio <= RATIO_MAX, "{page}: {page_time:?} against {api_time:?}");
    }
    place.close().await;
}

/// Returns the least time that something takes.
async fn fastest(work: impl AsyncFn()) -> Duration {
    let mut least = Duration::MAX;
    for _ in 0..TRIES {
        let begun = Instant::now();
        work().await;
        least = least.min(begun.elapsed());
    }
    least
}
