//! Where secrets go and what they are, as people type it: the command line, over NATS.

use std::process::Output;

use serde_json::Value;

use crate::canary::CANARY;
use crate::output::{said, told};
use crate::service::Service;

#[track_caller]
fn expect_refusal(output: &Output, parts: &[&str]) {
    let text = said(output);
    assert!(!output.status.success(), "{text}");
    for part in parts {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains(CANARY), "{text}");
}

async fn run_as(service: &Service, key: &str, args: &[&str]) -> Output {
    service.command(args).env("CONNLEDGER_KEY", key).output().await.expect("connledger runs")
}

async fn shown(service: &Service) -> Value {
    let main = told(&service.run(&["get", "main", "--json"]).await);
    serde_json::from_str(&main).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_command_line_secrets_stay_where_they_are_and_what_they_are() {
    let service = Service::start(&["--nats", "managed"]).await;
    let create = ["create", "--slug", "main", "--provider", "openai"];
    let secret = ["--secret", "api_key=sk-first-0123456789"];
    told(&service.run(&[&create[..], &secret].concat()).await);
    let editor = ["principal", "create", "ed", "--kind", "user", "--role", "editor"];
    told(&service.run(&[&editor[..], &["-w", "default"]].concat()).await);
    let key = told(&service.run(&["key", "issue", "--for", "ed"]).await).trim().to_owned();

    let moved = ["update", "main", "--config", "base_url=https://new.example"];
    let refused = run_as(&service, &key, &moved).await;
    expect_refusal(&refused, &["[destination_forbidden]", "config.base_url", "detach_secrets"]);
    told(&run_as(&service, &key, &[&moved[..], &["--detach-secrets"]].concat()).await);
    assert_eq!(shown(&service).await["secrets"], serde_json::json!({}));
    let back = ["revert", "main", "--to-version", "1"];
    let refused = run_as(&service, &key, &back).await;
    expect_refusal(&refused, &["[destination_forbidden]"]);
    let found = ["history", "--type", "destination_changed", "--json"];
    assert!(told(&service.run(&found).await).contains("config.base_url"));

    let in_config = format!("api_key={CANARY}");
    let refused = service.run(&["update", "main", "--config", &in_config]).await;
    expect_refusal(&refused, &["[secret_exposed]", "config.api_key"]);
    for mask in ["api_key=sk-***", "api_key=********"] {
        let refused = service.run(&["update", "main", "--secret", mask]).await;
        expect_refusal(&refused, &["[field_invalid]", "secrets.api_key", "mask"]);
    }
    told(&service.run(&["update", "main", "--secret", "api_key=sk-other-0123456789"]).await);
    let same = ["rotate-secret", "main", "--secret", "api_key=sk-other-0123456789"];
    expect_refusal(&service.run(&same).await, &["[nothing_to_change]"]);

    let note = format!("note={CANARY}");
    told(&service.run(&["update", "main", "--config", &note]).await);
    let redact = ["update", "main", "--unset", "config.note", "--redact", "note"];
    told(&service.run(&redact).await);
    let auditor = ["principal", "create", "au", "--kind", "user", "--role", "auditor"];
    told(&service.run(&[&auditor[..], &["-w", "default"]].concat()).await);
    let key = told(&service.run(&["key", "issue", "--for", "au"]).await).trim().to_owned();
    let history = told(&run_as(&service, &key, &["history", "main", "--json"]).await);
    assert!(history.contains("note") && !history.contains(CANARY), "{history}");
}
