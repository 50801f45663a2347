//! Forms: where they come from, what they do once, conflicts, and text that would be markup.

use serde_json::json;

use super::visitor::{Place, code, field};
use crate::matrix::cast::principal;

const MAIN: &str = "/workspaces/default/connections/main";

fn version(place: &Place) -> u64 {
    let shown = place.ledger.get("main");
    shown.pointer("/version").and_then(serde_json::Value::as_u64).expect("a version")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_from_elsewhere_or_without_its_token_does_nothing() {
    let place = Place::open().await;
    place.ledger.create("main").await;
    let visitor = place.signed_in(&place.key).await;
    let other = place.signed_in(&place.key).await;
    let path = format!("{MAIN}/do/disable");
    let (token, id) = visitor.hidden(&path).await;
    let (foreign, _) = other.hidden(&path).await;
    let good = [("form_token", token.as_str()), ("command_id", id.as_str())];
    let before = version(&place);
    let from = |name: &'static str, value: &'static str| {
        let request = visitor.form(&path, &good);
        if name.is_empty() { request } else { request.header(name, value) }
    };
    for request in [
        from("", ""),
        from("sec-fetch-site", "cross-site"),
        from("sec-fetch-site", "same-site"),
        from("origin", "https://evil.example"),
        from("origin", "null"),
    ] {
        let refused = crate::http::door::read(request).await;
        assert_eq!((refused.status, code(&refused)), (403, "form_foreign"), "{refused:?}");
    }
    for token in ["", "x", foreign.as_str()] {
        let fields = [("form_token", token), ("command_id", id.as_str())];
        let refused = visitor.post(&path, &fields).await;
        assert_eq!((refused.status, code(&refused)), (403, "form_foreign"), "{refused:?}");
    }
    let json = visitor.ask(reqwest::Method::POST, &path).header("sec-fetch-site", "same-origin");
    let json = json.header("content-type", "application/json").body("{}");
    let refused = crate::http::door::read(json).await;
    assert_eq!((refused.status, code(&refused)), (415, "media_type_unsupported"));
    assert_eq!(version(&place), before, "nothing was done");
    let sign_in = crate::http::door::read(visitor.form("/sign-in", &[("key", &place.key)])).await;
    assert_eq!((sign_in.status, code(&sign_in)), (403, "form_foreign"));
    let origin = visitor.base.clone();
    let done = crate::http::door::read(visitor.form(&path, &good).header("origin", origin)).await;
    assert_eq!(done.status, 303, "its own page: {done:?}");
    assert_eq!(version(&place), before + 1);
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_a_session_that_has_ended_does_nothing_and_asks_to_sign_in() {
    let place = Place::open().await;
    place.ledger.create("main").await;
    let visitor = place.signed_in(&place.key).await;
    let path = format!("{MAIN}/do/archive");
    let (token, id) = visitor.hidden(&path).await;
    visitor.post("/sign-out", &[("form_token", &token)]).await;
    let before = version(&place);
    let stale = visitor.post(&path, &[("form_token", &token), ("command_id", &id)]).await;
    assert_eq!(stale.status, 401, "{stale:?}");
    assert!(stale.text.contains("Your session has ended, and nothing was done."), "{stale:?}");
    assert_eq!(version(&place), before);
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_sent_twice_is_one_command() {
    let place = Place::open().await;
    let visitor = place.signed_in(&place.key).await;
    let (token, id) = visitor.hidden("/new/openai").await;
    let fields = [
        ("form_token", token.as_str()),
        ("command_id", id.as_str()),
        ("workspace", "default"),
        ("display_name", "Main"),
        ("secret.api_key", "sk-first-value-1"),
    ];
    let first = visitor.post("/new/openai", &fields).await;
    assert_eq!(first.status, 303, "{first:?}");
    let again = visitor.post("/new/openai", &fields).await;
    assert_eq!(again.header("location"), first.header("location"), "{again:?}");
    let listed = visitor.get("/connections").await;
    assert!(listed.text.contains("1 connection<"), "{listed:?}");
    let path = first.header("location").and_then(|path| path.split('?').next()).expect("a path");
    let (token, id) = visitor.hidden(&format!("{path}/reveal")).await;
    let fields = [
        ("form_token", token.as_str()),
        ("command_id", id.as_str()),
        ("field", "api_key"),
        ("reason", "a look"),
    ];
    let shown = visitor.post(&format!("{path}/reveal"), &fields).await;
    assert_eq!((shown.status, shown.header("cache-control")), (200, Some("no-store")));
    assert!(shown.text.contains("sk-first-value-1"), "{shown:?}");
    assert_eq!(shown.header("refresh"), Some(format!("60; url={path}").as_str()));
    let again = visitor.post(&format!("{path}/reveal"), &fields).await;
    assert_eq!((again.status, code(&again)), (409, "command_id_reused"), "{again:?}");
    assert!(!again.text.contains("sk-first-value-1"));
    let history = visitor.get("/history?type=secret_revealed").await;
    assert!(history.text.contains("1 event<"), "{history:?}");
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_changed_meanwhile_is_shown_and_not_overwritten() {
    let place = Place::open().await;
    place.ledger.create("main").await;
    let visitor = place.signed_in(&place.key).await;
    let path = format!("{MAIN}/edit");
    let page = visitor.get(&path).await;
    let fields = |page: &crate::http::door::Answer, name: &str, tags: &str| {
        let hidden = ["form_token", "command_id", "version", "was.display_name", "was.tags"];
        let mut fields: Vec<_> =
            hidden.iter().map(|name| ((*name).to_owned(), field(page, name))).collect();
        fields.push(("display_name".to_owned(), name.to_owned()));
        fields.push(("tags".to_owned(), tags.to_owned()));
        fields
    };
    let send = async |fields: Vec<(String, String)>| {
        let fields: Vec<_> = fields.iter().map(|(name, text)| (&**name, &**text)).collect();
        visitor.post(&path, &fields).await
    };
    let mine = fields(&page, "Mine", "");
    place.ledger.run("update", json!({ "connection": "main", "display_name": "Theirs" })).await;
    place.ledger.run("update", json!({ "connection": "main", "tags": ["theirs"] })).await;
    let conflict = send(mine).await;
    assert_eq!((conflict.status, code(&conflict)), (409, "version_conflict"), "{conflict:?}");
    for text in ["Somebody else changed", "Theirs", "value=\"Mine\"", "value=\"theirs\""] {
        assert!(conflict.text.contains(text), "{text}: {conflict:?}");
    }
    assert_eq!(place.ledger.get("main")["display_name"], "Theirs", "nothing was saved");
    let merged = send(fields(&conflict, "Mine", "theirs")).await;
    assert_eq!(merged.status, 303, "{merged:?}");
    let now = place.ledger.get("main");
    assert_eq!((&now["display_name"], &now["tags"]), (&json!("Mine"), &json!(["theirs"])));
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_takes_the_slug_typed_by_hand() {
    let place = Place::open().await;
    let id = place.ledger.create("main").await;
    let visitor = place.signed_in(&place.key).await;
    let path = format!("/workspaces/default/connections/{id}/do/erase");
    for typed in ["", "Main", "other"] {
        let refused = visitor.submit(&path, &[("reason", "gone"), ("typed", typed)]).await;
        assert_eq!((refused.status, code(&refused)), (400, "field_invalid"), "{refused:?}");
    }
    let done = visitor.submit(&path, &[("reason", "gone"), ("typed", "main")]).await;
    assert_eq!(done.status, 303, "{done:?}");
    let shown = visitor.get(&format!("/workspaces/default/connections/{id}")).await;
    assert!(shown.text.contains("Erased"), "{shown:?}");
    place.close().await;
}

/// Text that would be markup, or a script, if it were not escaped.
const HOSTILE: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&amp;";

#[tokio::test(flavor = "multi_thread")]
async fn hostile_text_stays_text_on_every_page() {
    let place = Place::open().await;
    let engine = &place.ledger.engine;
    let made = json!({
        "slug": "main", "provider": "openai", "display_name": HOSTILE, "description": HOSTILE,
        "labels": { HOSTILE: HOSTILE }, "tags": [HOSTILE], "config": { "base_url": HOSTILE },
        "annotations": { "x.y/z": HOSTILE }, "secrets": { "api_key": "sk-first-value-1" },
        "identity": { "type": "user", "value": HOSTILE },
    });
    place.ledger.run("create", made).await;
    let of_main = |mut body: serde_json::Value| {
        body["connection"] = json!("main");
        body
    };
    let dependent = json!({ "kind": "tool", "id": HOSTILE, "name": HOSTILE });
    place.ledger.run("link-dependent", of_main(dependent)).await;
    place.ledger.run("mark-failed", of_main(json!({ "reason": HOSTILE }))).await;
    place.ledger.run("update", of_main(json!({ "description": "other" }))).await;
    place.ledger.run("update", of_main(json!({ "description": HOSTILE }))).await;
    principal(engine, "ada", &json!([{ "role": "viewer", "labels": { HOSTILE: HOSTILE } }])).await;
    let visitor = place.signed_in(&place.key).await;
    let reveal = format!("{MAIN}/reveal");
    visitor.submit(&reveal, &[("field", "api_key"), ("reason", HOSTILE)]).await;
    let query = "%22'%3E%3Cscript%3Ealert(1)%3C/script%3E";
    let mut paths = Vec::new();
    for route in ledger_console::routes().filter(|route| route.method == reqwest::Method::GET) {
        let path = route.path.replace("{workspace}", "default").replace("{connection}", "main");
        match route.id {
            "consoleEvents" => {}
            "consoleFile" => paths.push("/assets/console.css".to_owned()),
            "createForm" => paths.push("/new/openai".to_owned()),
            "exposurePage" => paths.push(format!("{path}?field=api_key")),
            "deedForm" => {
                let deeds = ["archive", "erase", "grant-workspace", "mark-failed", "revert"];
                paths.extend(deeds.map(|deed| path.replace("{verb}", deed)));
            }
            _ => paths.push(path),
        }
    }
    assert!(paths.len() > 20, "{paths:?}");
    let mut shown = 0;
    for path in paths {
        for path in [path.clone(), format!("{path}?text={query}&tag={query}&to=/{query}")] {
            let page = visitor.get(&path).await;
            for markup in ["<script>alert", "<img src=x", "onerror=alert(2)>\"", "\"'>"] {
                assert!(!page.text.contains(markup), "{path}: {markup}\n{}", page.text);
            }
            shown += usize::from(page.text.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
        }
    }
    assert!(shown > 10, "the text is shown at all: {shown}");
    place.close().await;
}
