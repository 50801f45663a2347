//! Lists over HTTP: filters, pages and links.

use serde_json::json;

use super::door::{Answer, CONNECTIONS, Door};

async fn filled() -> Door {
    let door = Door::open().await;
    for number in 0..25 {
        let provider = if number % 2 == 0 { "openai" } else { "anthropic" };
        door.create(&json!({
            "slug": format!("c-{number:02}"),
            "provider": provider,
            "environment": if number < 5 { "test" } else { "live" },
            "tags": ["all", format!("mod-{}", number % 3)],
            "labels": { "team": format!("t{}", number % 2) },
        }))
        .await;
    }
    door
}

fn slugs(answer: &Answer) -> Vec<String> {
    let page = answer.json();
    let rows = page["connections"].as_array().expect("a list").iter();
    rows.map(|row| row["slug"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Returns where a `Link` header leads.
fn link(answer: &Answer, relation: &str) -> Option<String> {
    let mut links = answer.header("link")?.split(", ");
    let wanted = format!("; rel=\"{relation}\"");
    let found = links.find_map(|link| link.strip_suffix(wanted.as_str()))?;
    Some(found.trim_matches(['<', '>']).to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_of_every_kind_narrow_the_list() {
    let door = filled().await;
    for (query, total) in [
        ("", 25),
        ("?provider=openai", 13),
        ("?provider=openai&provider=anthropic", 25),
        ("?environment=test", 5),
        ("?tag=all&tag=mod-0", 9),
        ("?label=team%3Dt1", 12),
        ("?label=team", 25),
        ("?enabled=false", 0),
        ("?lifecycle=any", 25),
        ("?health=unknown&health=failed", 25),
        ("?kind=api&auth_method=api_key", 25),
        ("?text=C-1", 10),
        ("?provider=openai&environment=test&tag=mod-0", 1),
    ] {
        let answer = door.get(&format!("{CONNECTIONS}{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        assert_eq!(answer.json()["total"], total, "{query}");
        assert_eq!(answer.header("x-total-count"), Some(total.to_string().as_str()), "{query}");
    }
    let everywhere = door.get("/api/v1/workspaces/_all/connections").await;
    assert_eq!(everywhere.json()["total"], 25);
    let abroad = door.get("/api/v1/workspaces/other/connections").await;
    assert_eq!(abroad.json()["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn links_lead_through_all_pages_by_cursor_and_by_number() {
    let door = filled().await;
    let all: Vec<String> = (0..25).map(|number| format!("c-{number:02}")).collect();
    for start in ["?page_size=4&sort=name", "?page_size=4&sort=name&page=1"] {
        let mut seen = Vec::new();
        let mut pages = Vec::new();
        let mut next = Some(format!("{CONNECTIONS}{start}"));
        while let Some(path) = next {
            let answer = door.get(&path).await;
            seen.extend(slugs(&answer));
            next = link(&answer, "next");
            pages.push(answer);
        }
        assert_eq!(seen, all, "{start}");
        assert_eq!(pages.len(), 7);
        let last = pages.last().expect("seven pages");
        let first = link(last, "first").expect("a way back");
        assert_eq!(slugs(&door.get(&first).await), slugs(&pages[0]));
        if let Some(previous) = link(last, "prev") {
            assert!(start.contains("page=1"));
            assert_eq!(slugs(&door.get(&previous).await), slugs(&pages[5]));
        }
    }
}

/// A page by number that ends early leads on by cursor, so that nothing is left out.
#[tokio::test(flavor = "multi_thread")]
async fn links_lead_through_pages_that_end_at_their_size() {
    let door = Door::open().await;
    let all: Vec<String> = (0..24).map(|number| format!("c-{number:02}")).collect();
    for slug in &all {
        let annotations = json!({ "large": "x".repeat(50_000) });
        door.create(&json!({ "slug": slug, "provider": "x", "annotations": annotations })).await;
    }
    let mut seen = Vec::new();
    let mut next = Some(format!("{CONNECTIONS}?page=1&page_size=20"));
    while let Some(path) = next {
        let answer = door.get(&path).await;
        seen.extend(slugs(&answer));
        next = link(&answer, "next");
        if answer.json()["truncated"] == true {
            assert!(next.as_ref().is_some_and(|next| next.contains("cursor=")), "{next:?}");
        }
    }
    assert_eq!(seen, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn workspaces_and_principals_go_by_the_same_links() {
    let door = Door::open().await;
    for (path, rows) in [("/api/v1/workspaces", "workspaces"), ("/api/v1/principals", "principals")]
    {
        let whole = door.get(path).await.json();
        let mut seen = Vec::new();
        let mut next = Some(format!("{path}?page_size=1"));
        while let Some(path) = next {
            let answer = door.get(&path).await;
            assert_eq!(answer.header("x-total-count"), Some(whole["total"].to_string().as_str()));
            seen.extend(answer.json()[rows].as_array().expect("rows").clone());
            next = link(&answer, "next");
        }
        assert_eq!(json!(seen), whole[rows]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn history_goes_by_the_same_links() {
    let door = filled().await;
    let path = "/api/v1/workspaces/default/history?type=connection_created&page_size=10";
    let mut seen = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(path) = next {
        let answer = door.get(&path).await;
        assert_eq!(answer.header("x-total-count"), Some("25"));
        let page = answer.json();
        let events = page["events"].as_array().expect("events").iter();
        seen.extend(events.filter_map(|event| event["position"].as_u64()));
        next = link(&answer, "next");
    }
    assert_eq!(seen, (5..=29).rev().collect::<Vec<_>>());
}
