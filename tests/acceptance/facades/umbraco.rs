//! The connections of Umbraco.AI.

use reqwest::Method;
use serde_json::{Value, json};

use super::Product;
use crate::http::door::{Answer, CONNECTIONS, Door, read, with_body};

const ROOT: &str = "/umbraco/ai/management/api/v1";
const BASE: &str = "/umbraco/ai/management/api/v1/connections";

fn product(door: &Door) -> Product<'_> {
    Product::new(door, "authorization", "Bearer ")
}

fn body(alias: &str) -> Value {
    json!({
        "alias": alias,
        "name": "OpenAI Production",
        "providerId": "openai",
        "settings": { "apiKey": "sk-canary-0123456789", "organization": null },
    })
}

fn one(handle: &str) -> String {
    format!("{BASE}/{handle}")
}

async fn make(door: &Door, body: &Value) -> Value {
    let made = product(door).send(Method::POST, BASE, body).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert!(!made.text.contains("canary"), "{made:?}");
    let shown = made.json();
    let place = format!("{BASE}/{}", shown["id"].as_str().unwrap());
    assert_eq!(made.header("location"), Some(place.as_str()));
    shown
}

#[track_caller]
fn expect_problem(answer: &Answer, status: u16, title: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let body = answer.json();
    assert_eq!((&body["title"], &body["status"]), (&json!(title), &json!(status)), "{answer:?}");
    assert!(body["type"].is_string() && body["detail"].is_string());
    assert!(!answer.text.contains("canary"), "{answer:?}");
}

#[tokio::test]
async fn a_connection_reads_as_the_product_documents_it() {
    let door = Door::open().await;
    let made = make(&door, &body("openai-prod")).await;
    let expected = json!({
        "id": made["id"],
        "alias": "openai-prod",
        "name": "OpenAI Production",
        "providerId": "openai",
        "isActive": true,
        "dateCreated": made["dateCreated"],
        "dateModified": made["dateModified"],
        "settings": { "apiKey": "sk-***", "organization": null },
        "version": 1,
    });
    assert_eq!(made, expected);
    for handle in ["openai-prod", "OpenAI-Prod", made["id"].as_str().unwrap()] {
        assert_eq!(product(&door).get(&one(handle)).await.json(), expected, "{handle}");
    }
    let mut item = expected;
    item.as_object_mut().unwrap().remove("settings");
    let listed = product(&door).get(BASE).await.json();
    assert_eq!(listed, json!({ "items": [item], "total": 1 }));
}

#[tokio::test]
async fn a_change_keeps_what_is_left_out_and_a_mask_keeps_its_secret() {
    let door = Door::open().await;
    make(&door, &body("a")).await;
    let put = async |body: Value| {
        let changed = product(&door).send(Method::PUT, &one("a"), &body).await;
        assert_eq!(changed.status, 200, "{changed:?}");
        changed.json()
    };
    let generation = async || {
        let shown = door.get(&format!("{CONNECTIONS}/a")).await.json();
        shown["secrets"]["apiKey"]["generation"].as_u64()
    };
    let renamed = put(json!({ "name": "Renamed" })).await;
    assert_eq!((&renamed["name"], &renamed["isActive"]), (&json!("Renamed"), &json!(true)));
    assert_eq!(renamed["settings"]["apiKey"], "sk-***");
    let off = put(json!({ "isActive": false })).await;
    assert_eq!((&off["isActive"], &off["settings"]), (&json!(false), &renamed["settings"]));
    let echoed = json!({ "apiKey": "sk-***", "endpoint": "https://proxy" });
    let echoed = put(json!({ "isActive": true, "settings": echoed })).await;
    assert_eq!(echoed["settings"], json!({ "apiKey": "sk-***", "endpoint": "https://proxy" }));
    assert_eq!(generation().await, Some(1));
    let left_out = put(json!({ "settings": { "endpoint": "https://other" } })).await;
    assert_eq!(left_out["settings"]["apiKey"], "sk-***");
    assert_eq!(generation().await, Some(1), "a secret that is left out stays");
    put(json!({ "settings": { "apiKey": "sk-canary-new-0123456789" } })).await;
    assert_eq!(generation().await, Some(2));
    let cleared = put(json!({ "settings": { "apiKey": null, "endpoint": "x" } })).await;
    assert_eq!(cleared["settings"], json!({ "endpoint": "x" }));
    assert_eq!(generation().await, None);
    assert_eq!(put(json!({ "settings": null })).await["settings"], Value::Null);
}

#[tokio::test]
async fn a_reference_is_no_secret_and_takes_a_secret_s_place() {
    let door = Door::open().await;
    let mut wanted = body("refs");
    wanted["settings"] = json!({ "apiKey": "$OpenAI:ApiKey", "endpoint": "$OpenAI:Url" });
    assert_eq!(make(&door, &wanted).await["settings"], wanted["settings"]);
    let native = door.get(&format!("{CONNECTIONS}/refs")).await.json();
    assert_eq!((&native["secrets"], &native["config"]), (&json!({}), &json!({})));
    assert_eq!(native["secret_references"].as_array().unwrap().len(), 2);
    let put = async |settings: Value| {
        let body = json!({ "settings": settings });
        product(&door).send(Method::PUT, &one("refs"), &body).await.json()["settings"].clone()
    };
    let secret = put(json!({ "apiKey": "sk-canary-0123456789" })).await;
    assert_eq!(secret, json!({ "apiKey": "sk-***" }));
    let again = put(json!({ "apiKey": "$Other:Key", "endpoint": "https://x" })).await;
    assert_eq!(again, json!({ "apiKey": "$Other:Key", "endpoint": "https://x" }));
    let native = door.get(&format!("{CONNECTIONS}/refs")).await.json();
    assert_eq!(native["secrets"], json!({}));
}

#[tokio::test]
async fn an_alias_can_be_asked_for_changed_and_taken_once() {
    let door = Door::open().await;
    let made = make(&door, &body("first")).await;
    make(&door, &body("second")).await;
    let exists = async |rest: &str| product(&door).get(&one(rest)).await.json();
    assert_eq!(exists("FIRST/exists").await, true);
    assert_eq!(exists("third/exists").await, false);
    assert_eq!(exists("not%20an%20alias/exists").await, false);
    let own = format!("first/exists?excludeId={}", made["id"].as_str().unwrap());
    assert_eq!(exists(&own).await, false);
    let taken = json!({ "alias": "Second" });
    let refused = product(&door).send(Method::PUT, &one("first"), &taken).await;
    expect_problem(&refused, 400, "Alias already exists");
    let refused = product(&door).send(Method::POST, BASE, &body("FIRST")).await;
    expect_problem(&refused, 400, "Alias already exists");
    let renamed = json!({ "alias": "third" });
    assert_eq!(product(&door).send(Method::PUT, &one("first"), &renamed).await.status, 200);
    expect_problem(&product(&door).get(&one("first")).await, 404, "Connection not found");
    let deleted = product(&door).delete(&one(made["id"].as_str().unwrap())).await;
    assert_eq!((deleted.status, deleted.text.as_str()), (200, ""));
    expect_problem(&product(&door).delete(&one("third")).await, 404, "Connection not found");
}

#[tokio::test]
async fn lists_are_by_name_and_keep_what_is_asked_for() {
    let door = Door::open().await;
    for (alias, name, provider) in
        [("x1", "Beta", "openai"), ("beta", "Alpha", "anthropic"), ("x3", "beta two", "google")]
    {
        let mut wanted = body(alias);
        (wanted["name"], wanted["providerId"]) = (name.into(), provider.into());
        make(&door, &wanted).await;
    }
    let names = async |query: &str| {
        let page = product(&door).get(&format!("{BASE}?{query}")).await.json();
        let items = page["items"].as_array().unwrap().iter();
        let names: Vec<_> = items.map(|item| item["name"].as_str().unwrap().to_owned()).collect();
        (names, page["total"].as_u64().unwrap())
    };
    let of = |names: &[&str], total| (names.iter().map(|n| (*n).to_owned()).collect(), total);
    assert_eq!(names("").await, of(&["Alpha", "Beta", "beta two"], 3));
    assert_eq!(names("skip=1&take=1").await, of(&["Beta"], 3));
    assert_eq!(names("take=0").await, of(&[], 3));
    assert_eq!(names("filter=BETA").await, of(&["Beta", "beta two"], 2), "not in the alias");
    assert_eq!(names("providerId=anthropic").await, of(&["Alpha"], 1));
    assert_eq!(names("providerId=nobody").await, of(&[], 0));
    assert_eq!(names("capability=Embedding").await, of(&["Beta"], 1));
    assert_eq!(names("capability=Nonsense").await, of(&[], 0));
    assert_eq!(names("capability=Chat&providerId=google").await, of(&["beta two"], 1));
    let capabilities = product(&door).get(&one("capabilities")).await.json();
    assert_eq!(capabilities, json!(["Chat", "Embedding", "SpeechToText"]));
    let able = product(&door).get(&one("capabilities/Embedding")).await.json();
    assert_eq!((able.as_array().unwrap().len(), &able[0]["name"]), (1, &json!("Beta")));
    assert_eq!(product(&door).get(&one("beta/capabilities")).await.json(), json!(["Chat"]));
    let models = product(&door).get(&one("x1/models?capability=Embedding")).await.json();
    let model = &models[0];
    assert_eq!(model["capabilities"], json!(["Embedding"]));
    assert_eq!(model["model"], json!({ "providerId": "openai", "modelId": model["id"] }));
}

#[tokio::test]
async fn a_test_names_what_is_missing_and_says_that_nothing_was_called() {
    let door = Door::open().await;
    make(&door, &body("good")).await;
    let mut empty = body("empty");
    empty["settings"] = Value::Null;
    assert_eq!(make(&door, &empty).await["settings"], Value::Null);
    let test = async |alias: &str| {
        let path = one(&format!("{alias}/test"));
        product(&door).send(Method::POST, &path, &json!({})).await
    };
    let good = test("good").await.json();
    assert_eq!(good["success"], true);
    assert!(good["errorMessage"].as_str().unwrap().contains("not called"), "{good}");
    let missing = test("empty").await.json();
    assert_eq!(missing["success"], false);
    assert!(missing["errorMessage"].as_str().unwrap().contains("apiKey"), "{missing}");
    expect_problem(&test("nobody").await, 404, "Connection not found");
}

#[tokio::test]
async fn versions_are_listed_compared_and_brought_back() {
    let door = Door::open().await;
    let made = make(&door, &body("v")).await;
    let change = json!({
        "name": "Two",
        "settings": { "apiKey": "sk-canary-second-0123456789", "endpoint": "https://e" },
    });
    assert_eq!(product(&door).send(Method::PUT, &one("v"), &change).await.status, 200);
    let base = format!("{ROOT}/versions/connection/{}", made["id"].as_str().unwrap());
    let history = product(&door).get(&base).await.json();
    assert_eq!((&history["currentVersion"], &history["totalVersions"]), (&json!(2), &json!(2)));
    let numbers: Vec<_> = history["versions"].as_array().unwrap().iter().collect();
    assert_eq!((&numbers[0]["version"], &numbers[1]["version"]), (&json!(2), &json!(1)));
    assert_eq!(numbers[0]["createdByUserName"], "user:admin");
    let page = product(&door).get(&format!("{base}?skip=1&take=1")).await.json();
    assert_eq!(page["versions"], json!([numbers[1]]));
    let first = product(&door).get(&format!("{base}/1")).await.json();
    assert_eq!(first["snapshot"], made);
    let compared = product(&door).get(&format!("{base}/1/compare/2")).await.json();
    let expected = json!([
        { "path": "name", "oldValue": "OpenAI Production", "newValue": "Two" },
        { "path": "settings.apiKey", "oldValue": "********", "newValue": "********" },
        { "path": "settings.endpoint", "oldValue": null, "newValue": "https://e" },
        { "path": "settings.organization", "oldValue": "null", "newValue": null },
    ]);
    assert_eq!(compared["changes"], expected);
    let back = format!("{base}/1/rollback");
    let back = product(&door).send(Method::POST, &back, &json!({})).await.json();
    assert_eq!((&back["name"], &back["version"]), (&made["name"], &json!(3)));
    assert_eq!(back["settings"], made["settings"]);
    for path in ["/9", "/0", "/x", "/1/compare/7"] {
        let missing = product(&door).get(&format!("{base}{path}")).await;
        expect_problem(&missing, 404, "Version not found");
    }
}

#[tokio::test]
async fn providers_are_shown_with_their_settings() {
    let door = Door::open().await;
    let all = product(&door).get(&format!("{ROOT}/providers")).await.json();
    let ids: Vec<_> = all.as_array().unwrap().iter().map(|item| item["id"].clone()).collect();
    for id in ["openai", "anthropic", "google", "amazon", "microsoft-foundry"] {
        assert!(ids.contains(&json!(id)), "{id}: {ids:?}");
        let shown = product(&door).get(&format!("{ROOT}/providers/{id}")).await.json();
        assert_eq!(shown["id"], id);
        assert!(!shown["settingsSchema"]["fields"].as_array().unwrap().is_empty(), "{shown}");
    }
    let shown = product(&door).get(&format!("{ROOT}/providers/amazon")).await.json();
    let fields = shown["settingsSchema"]["fields"].as_array().unwrap().clone();
    for (key, required, sensitive) in [
        ("region", true, false),
        ("accessKeyId", true, true),
        ("secretAccessKey", true, true),
        ("endpoint", false, false),
    ] {
        let field = fields.iter().find(|field| field["key"] == key);
        let field = field.unwrap_or_else(|| panic!("{key}: {fields:?}"));
        assert_eq!(
            (&field["isRequired"], &field["isSensitive"]),
            (&required.into(), &sensitive.into())
        );
    }
    let missing = product(&door).get(&format!("{ROOT}/providers/nobody")).await;
    expect_problem(&missing, 404, "Provider not found");
}

#[tokio::test]
async fn errors_are_problem_details() {
    let door = Door::open().await;
    let umbraco = product(&door);
    let nobody = read(door.ask_as("sk_test_x", Method::GET, BASE)).await;
    assert_eq!(
        (nobody.status, nobody.header("content-type")),
        (401, Some("application/problem+json"))
    );
    for (field, bad) in [
        ("alias", Value::Null),
        ("alias", json!("")),
        ("alias", json!("capabilities")),
        ("alias", json!("x".repeat(101))),
        ("alias", json!("two words")),
        ("name", json!("")),
        ("name", json!("x".repeat(256))),
        ("isActive", json!("canary")),
        ("settings", json!(["canary"])),
    ] {
        let mut wrong = body("fresh");
        wrong[field] = bad;
        let refused = umbraco.send(Method::POST, BASE, &wrong).await;
        expect_problem(&refused, 400, "Invalid request");
    }
    for field in ["alias", "name", "providerId"] {
        let mut without = body("fresh");
        without.as_object_mut().unwrap().remove(field);
        let refused = umbraco.send(Method::POST, BASE, &without).await;
        expect_problem(&refused, 400, "Invalid request");
    }
    let mut unknown = body("fresh");
    unknown["providerId"] = "nobody".into();
    let refused = umbraco.send(Method::POST, BASE, &unknown).await;
    expect_problem(&refused, 400, "Invalid provider");
    let broken = with_body(umbraco.ask(Method::POST, BASE), &json!(null)).body("{\"canary");
    expect_problem(&read(broken).await, 400, "Invalid request");
    for handle in ["nobody", "018f3d3e-0000-7000-8000-000000000000", "two%20words"] {
        expect_problem(&umbraco.get(&one(handle)).await, 404, "Connection not found");
    }
    let made = make(&door, &body("used")).await;
    let link = format!("{CONNECTIONS}/{}/link-dependent", made["id"].as_str().unwrap());
    door.post(&link, &json!({ "kind": "profile", "id": "p" })).await;
    expect_problem(&umbraco.delete(&one("used")).await, 400, "Connection in use");
}

#[tokio::test]
async fn a_mask_that_looks_like_a_reference_keeps_its_secret() {
    let door = Door::open().await;
    let native = json!({
        "slug": "dollar", "provider": "openai",
        "secrets": { "apiKey": "$ab-canary-0123456789" },
    });
    door.create(&native).await;
    let shown = product(&door).get(&one("dollar")).await.json();
    assert_eq!(shown["settings"]["apiKey"], "$ab-***");
    let changed = product(&door).send(Method::PUT, &one("dollar"), &shown).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let native = door.get(&format!("{CONNECTIONS}/dollar")).await.json();
    assert_eq!(native["secrets"]["apiKey"]["generation"], 1);
    assert_eq!(native["secret_references"], json!([]));
}
