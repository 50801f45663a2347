//! What a caller may not see sounds like what is not there, to the letter.

use ledger_http::routes::{Route, Subject, routes};
use serde_json::{Value, json};

use super::door::{Answer, CONNECTIONS, Door, read, with_body};
use crate::matrix::bodies::body;
use crate::matrix::cast::principal;

/// The id of a connection that is nowhere.
const NOWHERE: &str = "018f3d3e-0000-7000-8000-000000000000";
/// A body of a refusal without this has nothing to be compared.
const REQUEST_ID: &str = "request_id";

impl Answer {
    /// Returns all that can be told from the answer, save the time of day and its own number.
    pub(super) fn heard(&self) -> (u16, Option<&str>, Option<&str>, Value) {
        let mut body = self.json();
        if let Some(fields) = body.as_object_mut() {
            fields.remove(REQUEST_ID);
        }
        (self.status, self.header("etag"), self.header("x-total-count"), body)
    }
}

/// Somebody who may do everything with connections to one provider, and a few of another's.
struct Stage {
    door: Door,
    key: String,
    /// A connection at home that they may not know of.
    hidden: String,
    /// One elsewhere.
    foreign: String,
}

impl Stage {
    async fn open() -> Self {
        let door = Door::open().await;
        let grant = json!({
            "scopes": ["read", "write", "rotate", "reveal", "audit"],
            "workspaces": ["default"],
            "providers": ["openai"],
        });
        let key = principal(&door.ledger.engine, "narrow", &json!([grant])).await.key.clone();
        let secrets = json!({ "api_key": "sk-first-value-1" });
        let draft = |slug: &str, provider: &str| {
            json!({
                "slug": slug, "provider": provider, "secrets": secrets,
                "labels": { "team": "hidden-team" }, "display_name": "Hidden name",
            })
        };
        let hidden = door.create(&draft("hidden", "mistral")).await;
        let made =
            door.post("/api/v1/workspaces/other/connections", &draft("away", "openai")).await;
        let foreign = made.json()["connection"].as_str().expect("an id").to_owned();
        let mut open = draft("open", "openai");
        open["labels"] = json!({});
        open["display_name"] = Value::Null;
        door.create(&open).await;
        Self { door, key, hidden, foreign }
    }

    async fn ask(&self, method: &str, path: &str, body: Option<&Value>, version: &str) -> Answer {
        let method = method.parse().expect("a method");
        let request = crate::http::door::client().request(method, self.door.url(path));
        let request = request.bearer_auth(&self.key).header("accept", "application/json");
        let Some(body) = body else { return read(request).await };
        let request =
            if version.is_empty() { request } else { request.header("if-match", version) };
        read(with_body(request, body)).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None, "").await
    }

    async fn about(&self, route: &Route, connection: &str, version: &str) -> Answer {
        let path = route.path.replace("{workspace}", "default").replace("{connection}", connection);
        let path = match route.id {
            "exposure" => format!("{path}?field=api_key"),
            "diffConnection" => format!("{path}?from=v1"),
            "whoMay" => format!("{path}?may=read"),
            "listDeadLetters" => format!("{path}?alert=none"),
            _ => path,
        };
        let body = match route.terms.subject {
            Subject::Command(verb) => Some(body(verb.as_str(), 1)),
            _ => None,
        };
        self.ask(route.method.as_str(), &path, body.as_ref(), version).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_connection_looks_missing_on_every_route() {
    let stage = Stage::open().await;
    for route in routes().filter(|route| route.path.contains("{connection}")) {
        for version in ["", "\"1\"", "\"999\""] {
            // An answer may repeat the name that was asked for, and no other.
            let told = |answer: &Answer, name: &str| {
                format!("{:?}", answer.heard()).replace(name, "<name>")
            };
            for (name, none) in [
                ("hidden", "missing"),
                ("HIDDEN", "MISSING"),
                ("away", "missing"),
                (&stage.hidden, NOWHERE),
                (&stage.foreign, NOWHERE),
            ] {
                let missing = stage.about(route, none, version).await;
                missing.expect_problem(404, "connection_unknown");
                let answer = stage.about(route, name, version).await;
                let pair = (told(&answer, name), told(&missing, none));
                assert_eq!(pair.0, pair.1, "{} {name} {version}", route.id);
            }
        }
    }
    assert_eq!(stage.get(&format!("{CONNECTIONS}/open")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_filter_finds_or_counts_what_is_hidden() {
    let stage = Stage::open().await;
    for scope in ["default", "_all"] {
        let place = format!("/api/v1/workspaces/{scope}/connections");
        let all = stage.get(&place).await.json();
        assert_eq!(all["total"], 1);
        assert_eq!(all["connections"][0]["slug"], "open");
        for (hidden, none) in [
            ("provider=mistral", "provider=nobody"),
            ("text=hidden", "text=nothing"),
            ("label=team", "label=none"),
            ("label=team%3Dhidden-team", "label=team%3Dno-team"),
            ("text=away", "text=nothing"),
        ] {
            let found = stage.get(&format!("{place}?{hidden}")).await;
            let nothing = stage.get(&format!("{place}?{none}")).await;
            let bodies = [found.json(), nothing.json()];
            assert_eq!(bodies[0], bodies[1], "{hidden}");
            assert_eq!(found.header("x-total-count"), Some("0"), "{hidden}");
        }
        for sort in ["created", "updated", "name"] {
            let sorted = stage.get(&format!("{place}?sort={sort}&page_size=1")).await.json();
            assert_eq!(sorted["total"], 1);
            assert_eq!(sorted["next_cursor"], Value::Null, "nothing comes after it");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn history_feeds_and_questions_about_rights_tell_nothing_of_what_is_hidden() {
    let stage = Stage::open().await;
    for scope in ["default", "_all"] {
        let place = format!("/api/v1/workspaces/{scope}/history?connection=");
        let none = stage.get(&format!("{place}{NOWHERE}")).await;
        none.expect_problem(404, "connection_unknown");
        for id in [&stage.hidden, &stage.foreign] {
            assert_eq!(stage.get(&format!("{place}{id}")).await.heard(), none.heard());
        }
    }
    for path in ["/api/v1/workspaces/default/history", "/api/v1/workspaces/_all/history"] {
        let refused = stage.get(path).await;
        refused.expect_problem(403, "forbidden");
        for filter in ["actor=user:admin", "command_id=known", "type=connection_created"] {
            let filtered = stage.get(&format!("{path}?{filter}")).await;
            assert_eq!(filtered.heard(), refused.heard());
        }
    }
    for path in ["/api/v1/events", "/api/v1/workspaces/default/events"] {
        stage.get(&format!("{path}?after=0")).await.expect_problem(403, "forbidden");
        stage.get(&format!("{path}?after=99999")).await.expect_problem(403, "forbidden");
    }
    for scope in ["&workspace=default", ""] {
        let ask = |on: &str| format!("/api/v1/access-check?as=narrow&may=read{scope}&on={on}");
        let none = stage.get(&ask(NOWHERE)).await;
        none.expect_problem(404, "connection_unknown");
        for id in [&stage.hidden, &stage.foreign] {
            assert_eq!(stage.get(&ask(id)).await.heard(), none.heard());
        }
    }
    let others = |who: &str| format!("/api/v1/access-check?as={who}&may=read");
    let known = stage.get(&others("admin")).await;
    assert_eq!(known.heard(), stage.get(&others("no-such")).await.heard());
    known.expect_problem(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_of_others_commands_and_names_of_workspaces_are_not_told() {
    let stage = Stage::open().await;
    let engine = &stage.door.ledger.engine;
    let viewer = json!([{ "role": "viewer", "workspaces": ["default"] }]);
    let viewer = principal(engine, "viewer", &viewer).await.key.clone();
    let draft = json!({ "slug": "third", "provider": "x" });
    let place = CONNECTIONS.replace("default", "other");
    let post = |key: &str, place: &str, id: &str, body: &Value| {
        let request = crate::http::door::client().post(stage.door.url(place)).bearer_auth(key);
        read(with_body(request.header("idempotency-key", id), body))
    };
    assert_eq!(post(&stage.door.key, &place, "used", &draft).await.status, 201);
    for body in [&draft, &json!({ "provider": "y" })] {
        let used = post(&viewer, &place, "used", body).await;
        assert_eq!(used.heard(), post(&viewer, &place, "unused", body).await.heard());
        used.expect_problem(403, "forbidden");
    }
    let grant = format!("{CONNECTIONS}/open/grant-workspace");
    let there = post(&viewer, &grant, "g-1", &json!({ "grant_to": "other" })).await;
    let nowhere = post(&viewer, &grant, "g-2", &json!({ "grant_to": "nowhere" })).await;
    assert_eq!(there.heard(), nowhere.heard());
    let shared = |to: &str| json!({ "provider": "x", "access": { "workspaces": { to: {} } } });
    let there = post(&viewer, CONNECTIONS, "c-1", &shared("other")).await;
    let nowhere = post(&viewer, CONNECTIONS, "c-2", &shared("nowhere")).await;
    assert_eq!(there.heard(), nowhere.heard());
}
