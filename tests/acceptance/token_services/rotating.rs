//! Many connections whose refresh tokens are replaced with each token.

use futures::future::join_all;
use serde_json::json;

use super::{Stage, token};
use crate::ledger::{TestCommand, send};

/// How many connections there are.
const CONNECTIONS: usize = 100;
/// How often each is refreshed.
const ROUNDS: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn no_grant_is_lost_and_no_refresh_token_used_twice() {
    let stage = Stage::new().await;
    let names: Vec<String> = (0..CONNECTIONS).map(|number| format!("c-{number}")).collect();
    for name in &names {
        stage.with_refresh_token(name).await;
    }
    for round in 0..ROUNDS {
        stage.pass(3_700);
        let work = names.iter().flat_map(|name| {
            let readers = (0..2).map(move |_| name.clone());
            readers.map(|name| {
                let engine = stage.ledger.engine.clone();
                tokio::spawn(async move { token(&engine, &name).await.map(drop) })
            })
        });
        let commands = names.iter().map(|name| {
            let (engine, name) = (stage.ledger.engine.clone(), name.clone());
            tokio::spawn(async move {
                let body = json!({ "connection": name });
                match send(&engine, TestCommand::new("refresh-token", &body)).await {
                    Err(problem) if problem.code.as_str() == "refresh_superseded" => Ok(()),
                    other => other.map(drop),
                }
            })
        });
        let running: Vec<_> = work.chain(commands).collect();
        for ended in join_all(running).await {
            ended.expect("no panic").unwrap_or_else(|problem| panic!("round {round}: {problem}"));
        }
        assert_eq!(stage.service.reused(), 0, "round {round}");
    }
    let mut sent: Vec<String> = stage.service.asked().iter().map(used).collect();
    let all = sent.len();
    assert!(all >= CONNECTIONS * ROUNDS, "{all}");
    sent.sort();
    sent.dedup();
    assert_eq!(sent.len(), all, "a refresh token was used twice");

    // What is stored in the end is what the service gave out last.
    stage.pass(3_700);
    for name in &names {
        stage.token(name).await.expect("no grant was lost");
        assert_eq!(stage.health(name), "operational");
    }
    stage.ledger.expect_replay_equal();
}

fn used(form: &std::collections::BTreeMap<String, String>) -> String {
    form["refresh_token"].clone()
}
