//! Twenty thousand connections, listed in every product's way.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use serde_json::{Value, json};

use super::Product;
use crate::http::door::{CONNECTIONS, Door};

const MANY: usize = 20_000;
/// Connections being made at once.
const AT_ONCE: usize = 64;

async fn make_many(door: &Door) {
    let made = stream::iter(0..MANY).map(|number| async move {
        let provider = ["openai", "resend", "github"][number % 3];
        let body = json!({
            "slug": format!("c-{number:05}"),
            "display_name": format!("Connection {number:05}"),
            "provider": provider,
            "secrets": { "api_key": "sk-canary-0123456789" },
            "tags": [format!("shard-{}", number % 10)],
        });
        assert_eq!(door.post(CONNECTIONS, &body).await.status, 201);
    });
    made.buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

/// Collects the names of all rows, part by part, until a part is empty.
async fn collect(
    product: Product<'_>,
    path: impl Fn(usize, usize) -> String,
    rows: impl Fn(&Value) -> Vec<String>,
) -> Vec<String> {
    let mut names = Vec::new();
    for part in 0.. {
        let answer = product.get(&path(part, names.len())).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let more = rows(&answer.json());
        if more.is_empty() {
            break;
        }
        names.extend(more);
    }
    names
}

fn texts(rows: &Value, name: &str) -> Vec<String> {
    let rows = rows.as_array().expect("rows").iter();
    rows.map(|row| row.pointer(name).and_then(Value::as_str).expect("a name").to_owned()).collect()
}

fn expect_all(way: &str, names: &[String]) {
    assert_eq!(names.len(), MANY, "{way}");
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), MANY, "{way}");
}

#[tokio::test]
async fn every_way_of_listing_brings_twenty_thousand_once_each() {
    let door = Door::open().await;
    make_many(&door).await;
    let mut times: Vec<(&str, Duration)> = Vec::new();
    let mut took = |way, since: Instant| times.push((way, since.elapsed()));

    let start = Instant::now();
    let blaxel = Product::of(&door, "blaxel");
    let whole = blaxel.get("/v0/integrations/connections").await.json();
    took("blaxel, at once", start);
    expect_all("blaxel", &texts(&whole, "/metadata/name"));

    let start = Instant::now();
    let xi = Product::of(&door, "elevenlabs");
    let whole = xi.get("/v1/workspace/auth-connections").await.json();
    took("elevenlabs, at once", start);
    expect_all("elevenlabs", &texts(&whole["auth_connections"], "/name"));

    let pica = Product::of(&door, "pica");
    let start = Instant::now();
    let page = |number, _| format!("/v1/vault/connections?limit=150&page={}", number + 1);
    expect_all("pica", &collect(pica, page, |page| texts(&page["rows"], "/name")).await);
    took("pica, by page", start);
    let start = Instant::now();
    let skip = |_, seen| format!("/v1/vault/connections?limit=100&skip={seen}");
    expect_all("pica", &collect(pica, skip, |page| texts(&page["rows"], "/name")).await);
    took("pica, by rows to skip", start);
    let tagged = pica.get("/v1/vault/connections?tags=shard-1,shard-2&limit=1").await.json();
    assert_eq!(tagged["total"], MANY / 5);
    let found = pica.get("/v1/vault/connections?name=Connection+12345").await.json();
    assert_eq!((&found["total"], &found["rows"][0]["platform"]), (&json!(1), &json!("openai")));

    let umbraco = Product::of(&door, "umbraco");
    let start = Instant::now();
    let base = "/umbraco/ai/management/api/v1/connections";
    let part = |_, seen| format!("{base}?skip={seen}&take=500");
    let names = collect(umbraco, part, |page| texts(&page["items"], "/name")).await;
    took("umbraco, by name", start);
    expect_all("umbraco", &names);
    assert!(names.is_sorted(), "by name");

    let portkey = Product::of(&door, "portkey");
    let start = Instant::now();
    let page = |number, _| format!("/v1/integrations?current_page={number}&page_size=100");
    expect_all("portkey", &collect(portkey, page, |page| texts(&page["data"], "/slug")).await);
    took("portkey, by page", start);
    println!("{times:#?}");
}
