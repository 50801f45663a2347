//! Pica's vault connections.

use reqwest::Method;
use serde_json::{Value, json};

use super::Product;
use crate::http::door::{Answer, CONNECTIONS, Door, read, with_body};

const BASE: &str = "/v1/vault/connections";

fn product(door: &Door) -> Product<'_> {
    Product::new(door, "x-pica-secret", "")
}

fn body(platform: &str) -> Value {
    json!({
        "connectionDefinitionId": format!("conn_def::{platform}"),
        "platform": platform,
        "authFormData": { "RESEND_API_KEY": "canary-1" },
        "active": true,
    })
}

fn one(shown: &Value) -> String {
    format!("{BASE}/{}", shown["id"].as_str().expect("an id"))
}

async fn make(door: &Door, body: &Value) -> Value {
    let made = product(door).send(Method::POST, BASE, body).await;
    assert_eq!(made.status, 200, "{made:?}");
    assert!(!made.text.contains("canary") && !made.text.contains("RESEND_API_KEY"), "{made:?}");
    made.json()
}

async fn names(door: &Door, query: &str) -> Vec<String> {
    let page = product(door).get(&format!("{BASE}?{query}")).await;
    assert_eq!(page.status, 200, "{query}: {page:?}");
    let page = page.json();
    let rows = page["rows"].as_array().expect("rows");
    assert_eq!(page["total"].as_u64(), u64::try_from(rows.len()).ok(), "{query}");
    rows.iter().map(|row| row["name"].as_str().unwrap_or("-").to_owned()).collect()
}

#[track_caller]
fn expect_error(answer: &Answer, status: u16, kind: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    let body = answer.json();
    assert_eq!((&body["type"], &body["status"]), (&json!(kind), &json!(status)), "{answer:?}");
    assert!(body["key"].is_string() && body["message"].is_string());
    assert_eq!(body["correlationId"].as_str(), answer.header("x-request-id"));
    assert!(!answer.text.contains("canary"), "{answer:?}");
}

#[tokio::test]
async fn a_connection_reads_as_the_product_documents_it() {
    let door = Door::open().await;
    let mut wanted = body("resend");
    wanted["tags"] = json!([]);
    let made = make(&door, &wanted).await;
    let digits = made["id"].as_str().unwrap().replace('-', "");
    let expected = json!({
        "id": made["id"],
        "platformVersion": "1.0.0",
        "name": null,
        "type": "api",
        "key": format!("test::resend::default::{digits}"),
        "environment": "test",
        "platform": "resend",
        "identity": digits,
        "identityType": "user",
        "description": made["description"],
        "state": "operational",
        "tags": [],
        "version": "1.0.0",
        "active": true,
        "createdAt": made["createdAt"],
    });
    assert_eq!(made, expected);
    let page = product(&door).get(BASE).await.json();
    assert_eq!(page, json!({ "rows": [made], "total": 1, "pages": 1, "page": 1 }));
}

#[tokio::test]
async fn tags_and_name_can_be_changed_and_a_deletion_has_no_body() {
    let door = Door::open().await;
    let mut wanted = body("resend");
    wanted["name"] = "Mails".into();
    wanted["identity"] = "user:1, the first|x".into();
    wanted["tags"] = json!(["a"]);
    let made = make(&door, &wanted).await;
    assert_eq!(made["identity"], "user:1, the first|x");
    let key = made["key"].as_str().unwrap();
    assert!(key.ends_with("|user-1--the-first-x"), "{key}");
    let change = json!({ "tags": ["b", "c"], "createdAt": "ignored" });
    let changed = product(&door).send(Method::PATCH, &one(&made), &change).await.json();
    assert_eq!((&changed["tags"], &changed["name"]), (&json!(["b", "c"]), &json!("Mails")));
    assert_eq!(changed["version"], "1.0.1");
    let cleared = product(&door).send(Method::PATCH, &one(&made), &json!({ "name": "" })).await;
    assert_eq!(
        (&cleared.json()["name"], &cleared.json()["tags"]),
        (&Value::Null, &json!(["b", "c"]))
    );
    assert_eq!(product(&door).get(&one(&made)).await.json(), cleared.json());
    let deleted = product(&door).delete(&one(&made)).await;
    assert_eq!((deleted.status, deleted.text.as_str()), (200, ""));
    expect_error(&product(&door).get(&one(&made)).await, 404, "NotFound");
    expect_error(&product(&door).delete(&one(&made)).await, 404, "NotFound");
}

#[tokio::test]
async fn every_filter_keeps_what_fits_it_to_the_letter() {
    let door = Door::open().await;
    let mut keys = Vec::new();
    for (name, platform, identity, tags) in [
        ("one", "gmail", Some(("user", "u 1")), json!(["red"])),
        ("two", "gmail", Some(("team", "t1")), json!(["blue"])),
        ("three", "slack", None, json!(["red", "blue"])),
    ] {
        let mut wanted = body(platform);
        wanted["name"] = name.into();
        wanted["tags"] = tags;
        if let Some((kind, value)) = identity {
            (wanted["identityType"], wanted["identity"]) = (kind.into(), value.into());
        }
        keys.push(make(&door, &wanted).await["key"].as_str().unwrap().to_owned());
    }
    let mut inactive = body("gmail");
    (inactive["name"], inactive["active"]) = ("off".into(), false.into());
    let off = make(&door, &inactive).await;
    assert_eq!(off["state"], "failed");
    assert_eq!(names(&door, "").await, ["one", "two", "three"]);
    assert_eq!(names(&door, "active=false").await, ["off"]);
    assert_eq!(names(&door, "platform=gmail").await, ["one", "two"]);
    assert_eq!(names(&door, "platform=Gmail").await, [""; 0]);
    assert_eq!(names(&door, "platformVersion=1.0.0&name=two").await, ["two"]);
    assert_eq!(names(&door, "platformVersion=2.0.0").await, [""; 0]);
    assert_eq!(names(&door, "name=tw").await, [""; 0], "the whole name");
    assert_eq!(names(&door, "identity=u+1").await, ["one"]);
    assert_eq!(names(&door, "identityType=user").await, ["one", "three"]);
    assert_eq!(names(&door, "identityType=team&identity=t1").await, ["two"]);
    assert_eq!(names(&door, "tags=red").await, ["one", "three"]);
    assert_eq!(names(&door, "tags=red,blue,green").await, ["one", "two", "three"]);
    let derived = keys[2].split("::").nth(3).unwrap();
    assert_eq!(names(&door, &format!("identity={derived}")).await, ["three"]);
    let wanted = format!("{},{},nonsense", keys[0].replace('|', "%7C"), keys[2]);
    assert_eq!(names(&door, &format!("key={wanted}")).await, ["one", "three"]);
    assert_eq!(names(&door, &format!("keys={wanted}")).await, ["one", "three"]);
    let forged = keys[2].replace("slack", "gmail");
    assert_eq!(names(&door, &format!("key={forged}")).await, [""; 0]);
}

#[tokio::test]
async fn both_ways_of_paging_bring_every_row_once() {
    let door = Door::open().await;
    for number in 0..45 {
        let mut wanted = body("resend");
        wanted["name"] = format!("{number:02}").into();
        make(&door, &wanted).await;
    }
    let all: Vec<String> = (0..45).map(|number| format!("{number:02}")).collect();
    let page = async |query: &str| product(&door).get(&format!("{BASE}?{query}")).await.json();
    let rows = |page: &Value| -> Vec<String> {
        let rows = page["rows"].as_array().unwrap().iter();
        rows.map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    let first = page("").await;
    assert_eq!((rows(&first).len(), &first["pages"]), (20, &json!(3)));
    let mut seen = Vec::new();
    for number in 1..=3 {
        let page = page(&format!("limit=20&page={number}")).await;
        assert_eq!((&page["page"], &page["total"]), (&json!(number), &json!(45)));
        seen.extend(rows(&page));
    }
    assert_eq!(seen, all);
    let mut seen = Vec::new();
    while seen.len() < 45 {
        seen.extend(rows(&page(&format!("limit=10&skip={}", seen.len())).await));
    }
    assert_eq!(seen, all);
    assert_eq!(rows(&page("page=9").await), [""; 0]);
    assert_eq!(rows(&page("limit=1000").await).len(), 45);
    assert_eq!(rows(&page("limit=0").await).len(), 1);
}

#[tokio::test]
async fn errors_have_the_product_s_form() {
    let door = Door::open().await;
    let pica = product(&door);
    expect_error(&read(door.ask_as("sk_test_x", Method::GET, BASE)).await, 401, "Unauthorized");
    for id in ["nobody", "018f3d3e-0000-7000-8000-000000000000"] {
        expect_error(&pica.get(&format!("{BASE}/{id}")).await, 404, "NotFound");
    }
    for query in ["limit=x", "page=-1", "active=maybe", "identityType=robot", "skip=1.5"] {
        expect_error(&pica.get(&format!("{BASE}?{query}")).await, 400, "BadRequest");
    }
    for (field, bad) in [
        ("connectionDefinitionId", Value::Null),
        ("authFormData", json!({ "key": 7 })),
        ("authFormData", json!("canary")),
        ("active", json!("canary")),
        ("identity", json!("x".repeat(129))),
        ("tags", json!([1])),
        ("platform", json!("")),
    ] {
        let mut wanted = body("resend");
        wanted[field] = bad;
        expect_error(&pica.send(Method::POST, BASE, &wanted).await, 400, "BadRequest");
    }
    let mut robot = body("resend");
    (robot["identity"], robot["identityType"]) = ("r2".into(), "robot".into());
    expect_error(&pica.send(Method::POST, BASE, &robot).await, 400, "BadRequest");
    let broken = with_body(pica.ask(Method::POST, BASE), &json!(null)).body("{\"canary");
    expect_error(&read(broken).await, 400, "BadRequest");
    expect_error(&pica.send(Method::PUT, BASE, &json!({})).await, 405, "MethodNotAllowed");
}

#[tokio::test]
async fn a_project_is_a_workspace() {
    let door = Door::open().await;
    door.post("/api/v1/workspaces", &json!({ "name": "team-b" })).await;
    let native = json!({ "slug": "b", "provider": "resend", "display_name": "of B" });
    let made = door.post("/api/v1/workspaces/team-b/connections", &native).await;
    assert_eq!(made.status, 201, "{made:?}");
    door.create(&json!({ "slug": "a", "provider": "resend", "display_name": "of A" })).await;
    let listed =
        async |path: &str| product(&door).get(path).await.json()["rows"][0]["name"].clone();
    assert_eq!(listed("/v1/vault/organizations/acme/connections").await, "of A");
    let project = "/v1/vault/organizations/acme/projects/team-b/connections";
    assert_eq!(listed(project).await, "of B");
    let headed = product(&door).ask(Method::GET, BASE).header("x-one-project-id", "team-b");
    assert_eq!(read(headed).await.json()["rows"][0]["name"], "of B");
    let shown = product(&door).get(project).await.json()["rows"][0].clone();
    let id = shown["id"].as_str().unwrap();
    assert_eq!(product(&door).get(&format!("{project}/{id}")).await.json(), shown);
    expect_error(&product(&door).get(&format!("{BASE}/{id}")).await, 404, "NotFound");
}

#[tokio::test]
async fn what_another_door_set_is_kept() {
    let door = Door::open().await;
    let native = json!({
        "provider": "openai", "config": { "organization": "org-1" }, "description": "Ours",
        "labels": { "team": "x" }, "secrets": { "apiKey": "canary-1" },
    });
    let id = door.create(&native).await;
    let before = door.get(&format!("{CONNECTIONS}/{id}")).await.json();
    let change = json!({ "tags": ["t"], "name": "Named" });
    let path = format!("{BASE}/{id}");
    let changed = product(&door).send(Method::PATCH, &path, &change).await;
    assert_eq!(changed.json()["description"], "Ours");
    let after = door.get(&format!("{CONNECTIONS}/{id}")).await.json();
    for field in ["config", "labels", "secrets", "slug", "provider", "description"] {
        assert_eq!(after[field], before[field], "{field}");
    }
}
