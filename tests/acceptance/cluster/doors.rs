//! Every node answers, takes commands to the writer, and waits for a position.

use ledger_contract::cluster::{AT_LEAST, POSITION};
use serde_json::{Value, json};

use super::nodes::Nodes;
use super::servers::Servers;
use crate::http::door::CONNECTIONS;

#[tokio::test(flavor = "multi_thread")]
async fn every_node_answers_and_a_reader_may_ask_for_a_position() {
    let servers = Servers::start("sync_interval: always").await;
    let mut nodes = Nodes::start(&servers).await;
    let mut end = String::new();
    for round in 0..6 {
        let (there, here) = (round % 3, (round + 1) % 3);
        let slug = format!("r-{round}");
        let url = format!("{}{CONNECTIONS}", nodes.all[there].http_url());
        let body = json!({"slug": slug, "provider": "x", "secrets": {"k": format!("v-{round}")}});
        let request = nodes.http.post(url).bearer_auth(nodes.all[there].key());
        let request = request.header("content-type", "application/json").body(body.to_string());
        let answer = request.send().await.expect("an answer");
        let header = answer.headers().get(POSITION).expect("the position");
        end = header.to_str().expect("text").to_owned();
        assert_eq!(answer.status(), 201, "{:?}", answer.text().await);
        // Another node has it, too, once it is asked for the position.
        let url = format!("{}{CONNECTIONS}/{slug}", nodes.all[here].http_url());
        let read = nodes.http.get(url).bearer_auth(nodes.all[here].key());
        let read = read.header(AT_LEAST, &end).send().await.expect("an answer");
        assert_eq!(read.status(), 200, "{:?}", read.text().await);
        // Its secret is revealed by the writer, and its data key is on every node.
        let url = format!("{}{CONNECTIONS}/{slug}/reveal-secret", nodes.all[here].http_url());
        let reveal = nodes.http.post(url).bearer_auth(nodes.all[here].key());
        let reveal = reveal.header("content-type", "application/json");
        let reveal = reveal.body(json!({"reason": "a test"}).to_string());
        let revealed = reveal.send().await.expect("an answer");
        assert_eq!(revealed.status(), 200, "{:?}", revealed.text().await);
        let revealed: Value =
            serde_json::from_slice(&revealed.bytes().await.expect("a body")).expect("JSON");
        let shown = revealed.to_string();
        assert!(shown.contains(&format!("v-{round}")), "{shown}");
    }
    let (position, incarnation) = end.split_once('@').expect("a position and a history");
    let ahead = position.parse::<u64>().expect("a number") + 1_000;
    let ask = async |at_least: String| {
        let url = format!("{}{CONNECTIONS}", nodes.all[0].http_url());
        let read = nodes.http.get(url).bearer_auth(nodes.all[0].key());
        let answer = read.header(AT_LEAST, at_least).send().await.expect("an answer");
        let status = answer.status().as_u16();
        let body: Value =
            serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON");
        (status, body["code"].as_str().unwrap_or_default().to_owned())
    };
    let not_reached = (503, "position_not_reached".to_owned());
    assert_eq!(ask(format!("{ahead}@{incarnation}")).await, not_reached);
    let other = "018f3c1e-7d1a-7e39-8c0f-5d1b2a3c4d5e";
    assert_eq!(ask(format!("1@{other}")).await, (409, "history_changed".to_owned()));
    assert_eq!(ask("x".to_owned()).await, (400, "header_invalid".to_owned()));
    let status = nodes.status().await;
    let names: Vec<&String> = status.keys().collect();
    assert_eq!(names, ["a", "b", "c"]);
    let writers = status.values().filter(|node| node["role"] == "writer").count();
    assert_eq!(writers, 1, "{status:?}");
    let logs = nodes.logs().await;
    assert!(logs.iter().all(|log| *log == logs[0]), "the logs are equal");
}
