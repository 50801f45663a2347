//! What can be stored in labels, tags and names is found by the same text, over NATS and HTTP.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::http::door;
use crate::service::Service;

/// Keys and values with every character that separates something somewhere.
const LABELS: [(&str, &str); 8] = [
    ("a/b.c", "d/e.f"),
    ("k", "v=w=x"),
    ("with=sign", "v"),
    ("with=sign=s", "v=w"),
    ("empty", ""),
    ("plus+and&", "% #?"),
    ("composed-é", "caf\u{e9}"),
    ("decomposed-e\u{301}", "cafe\u{301}"),
];

/// Lists slugs over NATS with the command line, and over HTTP.
async fn found(service: &Service, parameter: &str, text: &str) -> BTreeSet<String> {
    let flag = format!("--{parameter}={text}");
    let listed = service.run(&["list", "--json", &flag]).await;
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let lines = String::from_utf8(listed.stdout).expect("text");
    let slug = |connection: &Value| connection["slug"].as_str().expect("a slug").to_owned();
    let rows = lines.lines().map(|line| slug(&serde_json::from_str(line).expect("JSON")));
    let over_nats: Vec<String> = rows.collect();

    let path = "/api/v1/workspaces/default/connections";
    let url = reqwest::Url::parse_with_params(
        &format!("{}{path}", service.http_url()),
        [(parameter, text)],
    );
    let request = door::client().get(url.expect("an address")).bearer_auth(service.key());
    let answer = request.send().await.expect("an answer").bytes().await.expect("a body");
    let page: Value = serde_json::from_slice(&answer).expect("JSON");
    let over_http: Vec<String> =
        page["connections"].as_array().expect("a list").iter().map(slug).collect();
    assert_eq!(over_nats, over_http, "{parameter}={text}");
    // They were loaded at the same time, in some order.
    over_nats.into_iter().collect()
}

fn names(slugs: &[&str]) -> BTreeSet<String> {
    slugs.iter().map(ToString::to_string).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_stored_is_found_by_the_same_text() {
    let service = Service::start(&["--nats", "managed"]).await;
    let file = service.folder().join("fleet.jsonl");
    let lines = LABELS.iter().enumerate().map(|(number, (key, value))| {
        let body = json!({
            "slug": format!("c-{number}"), "provider": "openai", "labels": {*key: value},
            "tags": [format!("t {value}.")], "display_name": format!("{key} of Zo\u{eb}"),
        });
        body.to_string()
    });
    std::fs::write(&file, lines.collect::<Vec<_>>().join("\n")).expect("writable");
    let loaded = service.run(&["load", file.to_str().expect("text")]).await;
    assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));

    for (number, (key, value)) in LABELS.iter().enumerate() {
        let expected = BTreeSet::from([format!("c-{number}")]);
        assert_eq!(found(&service, "label", &format!("{key}={value}")).await, expected);
        assert_eq!(found(&service, "label", key).await, expected);
    }
    for accented in ["caf\u{e9}", "cafe\u{301}"] {
        assert_eq!(found(&service, "tag", &format!("t {accented}.")).await, names(&["c-6", "c-7"]));
    }
    for key in ["decomposed-\u{e9}", "decomposed-e\u{301}"] {
        assert_eq!(found(&service, "label", key).await, names(&["c-7"]));
        assert_eq!(found(&service, "text", key).await, names(&["c-7"]));
    }
    assert_eq!(found(&service, "text", "zoe\u{308}").await.len(), LABELS.len());
}
