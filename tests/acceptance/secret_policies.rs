//! Policies of secrets with the whole program: the command line over NATS, HTTP, and the API of
//! another product.

use std::process::Output;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::http::door;
use crate::service::Service;

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

async fn done(service: &Service, args: &[&str]) -> String {
    let output = service.run(args).await;
    assert!(output.status.success(), "{args:?}: {}", said(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

async fn refused(service: &Service, args: &[&str]) -> String {
    let output = service.run(args).await;
    assert_eq!(output.status.code(), Some(1), "{args:?}: {}", said(&output));
    said(&output)
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_are_kept_from_the_command_line_and_hold_at_every_door() {
    let mut service = Service::start(&["--nats", "managed"]).await;
    let draft = json!({
        "slug": "openai-prod", "provider": "openai",
        "secrets": {"api_key": "sk-0123456789abcdefghij"},
    });
    service.create("/workspaces/default/connections", &draft).await;
    let of_key = ["policy", "set", "--field", "api_key", "--max-age-days", "90"];
    done(&service, &of_key).await;
    let of_all = ["policy", "set", "--ledger", "--min-length", "20", "--pattern", "^sk-"];
    done(&service, &of_all).await;
    let listed = done(&service, &["policy", "list"]).await;
    assert!(listed.contains("90 days") && listed.contains("^sk-"), "{listed}");
    let listed = done(&service, &["policy", "list", "--ledger", "--json"]).await;
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(listed["policies"].as_array().map(Vec::len), Some(1), "{listed}");

    // Over HTTP, and through the API of another product.
    let short = json!({"provider": "openai", "secrets": {"api_key": "sk-canary"}});
    let path = "/workspaces/default/connections";
    let (status, problem) = service.ask(Method::POST, path, &short).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    assert_eq!(problem["code"], "policy_violated", "{problem}");
    assert!(!problem.to_string().contains("canary"), "{problem}");
    let key = json!({"name": "main", "provider": "openai", "key": "sk-canary"});
    let url = format!("{}/v1/virtual-keys", service.http_url());
    let sent = door::client().post(url).header("x-portkey-api-key", service.key());
    let answer = door::with_body(sent, &key).send().await.expect("an answer");
    let (status, text) = (answer.status(), answer.text().await.expect("a body"));
    assert!(status.is_client_error() && !text.contains("canary"), "{status} {text}");

    // What is shown of the age, and what lists find.
    let shown = done(&service, &["get", "openai-prod"]).await;
    assert!(shown.contains("fresh, to be rotated by"), "{shown}");
    let found = done(&service, &["list", "--secret-age", "fresh", "--json"]).await;
    assert!(found.contains("openai-prod"), "{found}");
    for filter in [["--secret-age", "due"], ["--secret-older-than", "1d"], ["--unused-since", "1d"]]
    {
        let mut args = vec!["list", "--json"];
        args.extend(filter);
        let found = done(&service, &args).await;
        assert!(!found.contains("openai-prod"), "{filter:?}: {found}");
    }
    // Policies outlive a restart; who removes one that is not there is told.
    assert!(service.stop().await.success());
    service.start_again().await;
    let told = refused(&service, &["policy", "remove", "--field", "token"]).await;
    assert!(told.contains("policy_unknown"), "{told}");
    done(&service, &["policy", "remove", "--ledger"]).await;
    done(&service, &["policy", "remove", "--field", "api_key"]).await;
    service.create("/workspaces/default/connections", &short).await;
    let shown = done(&service, &["get", "openai-prod"]).await;
    assert!(!shown.contains("to be rotated by"), "{shown}");
}
