//! Connections whose requests are signed, or sent with a token, are tested by the real program, at
//! peers that verify them.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::aws_peer::{self, ID, REGION};
use super::token_peer::{ACCOUNT, APPLICATION, KEY, TokenPeer};
use super::{HERE, health, test};
use crate::canary::{expect_none_of, expect_silence_in, secret};
use crate::output::told;
use crate::service::Service;

/// Returns a folder with built-in descriptions whose requests go to the address in the setting
/// `here`, and which are otherwise as they are.
fn descriptions() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (text, hosts) in [
        (
            include_str!("../../../schemas/providers/bedrock.json"),
            &["https://sts.${region}.amazonaws.com"][..],
        ),
        (
            include_str!("../../../schemas/providers/vertex-ai.json"),
            &["https://${region}-aiplatform.googleapis.com", "https://oauth2.googleapis.com"],
        ),
        (
            include_str!("../../../schemas/providers/azure-openai.json"),
            &["https://${resource_name}.openai.azure.com", "https://login.microsoftonline.com"],
        ),
    ] {
        let mut description: Value = serde_json::from_str(text).expect("JSON");
        let mut probe = description["probe"].to_string();
        for host in hosts {
            assert!(probe.contains(host), "{probe}");
            probe = probe.replace(host, "${here}");
        }
        description["probe"] = serde_json::from_str(&probe).expect("JSON");
        let fields = description["fields"].as_array_mut().expect("fields");
        fields.push(json!({"name": "here"}));
        let name = description["id"].as_str().expect("an id").to_owned();
        description.as_object_mut().expect("an object").remove("$schema");
        let path = folder.path().join(format!("{name}.json"));
        fs::write(path, description.to_string()).expect("writable");
    }
    folder
}

/// Creates a connection, tests it, and returns what that found out.
async fn tested(service: &Service, slug: &str, provider: &str, settings: &[String]) -> Value {
    let mut args = vec!["create", "--slug", slug, "--provider", provider];
    args.extend(settings.iter().map(String::as_str));
    told(&service.run(&args).await);
    test(service, slug).await
}

fn config(name: &str, value: &str) -> [String; 2] {
    ["--config".to_owned(), format!("{name}={value}")]
}

fn hidden(name: &str, value: &str) -> [String; 2] {
    ["--secret".to_owned(), format!("{name}={value}")]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_signed_for_aws_as_its_own_library_verifies() {
    let key = secret(1);
    let url = aws_peer::start(&key).await;
    let folder = descriptions();
    let folder = folder.path().to_str().expect("text");
    let mut service = Service::start(&[&HERE[..], &["--providers", folder]].concat()).await;
    let at = |id: &str, key: &str| {
        let own = [hidden("access_key_id", id), hidden("secret_access_key", key)];
        [[config("here", &url), config("region", REGION)], own].concat().concat()
    };
    let temporary = [at(ID, &key), hidden("session_token", &secret(5)).to_vec()].concat();
    for (slug, settings, outcome, part) in [
        ("good", at(ID, &key), "works", "answered 200"),
        ("temporary", temporary, "works", "answered 200"),
        ("stranger", at("AKIASTRANGER", &key), "credentials_refused", "answered 403"),
        ("wrong", at(ID, &secret(2)), "credentials_refused", "answered 403"),
    ] {
        let found = tested(&service, slug, "bedrock", &settings).await;
        assert_eq!(found["outcome"], outcome, "{slug}: {found}");
        let reason = found["reason"].as_str().unwrap_or_default();
        assert!(reason.contains(part), "{slug}: {reason}");
    }
    assert_eq!(health(&service, "good").await, "operational");
    assert_eq!(health(&service, "wrong").await, "failed");
    assert!(service.stop().await.success());
    expect_silence_in(service.folder());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_service_account_or_an_application_is_asked_for_first() {
    let peer = TokenPeer::start().await;
    let folder = descriptions();
    let folder = folder.path().to_str().expect("text");
    let mut service = Service::start(&[&HERE[..], &["--providers", folder]].concat()).await;
    let key_file = |email: &str, key: &str| {
        let file = json!({
            "type": "service_account", "client_email": email, "private_key": key,
            "private_key_id": "key-1", "token_uri": "https://evil.example/token",
        });
        hidden("service_account_json", &file.to_string())
    };
    let vertex = |project: &str, file: [String; 2]| {
        let own = [config("here", &peer.url), config("region", "europe-west1")];
        [&own[..], &[config("project_id", project), file]].concat().concat()
    };
    let azure = |more: &[[String; 2]]| {
        let own = [config("here", &peer.url), config("resource_name", "team")];
        [&own[..], more].concat().concat()
    };
    let entra = |secret: &str| {
        [
            config("tenant_id", "contoso"),
            config("client_id", APPLICATION),
            hidden("client_secret", secret),
        ]
    };
    let token = "POST /token";
    let application = "POST /contoso/oauth2/v2.0/token";
    let list = "GET /v1/projects/p/locations/europe-west1/endpoints";
    let models = "GET /openai/models";
    let cases = [
        ("google", "vertex-ai", vertex("p", key_file(ACCOUNT, KEY)), "works", &[token, list][..]),
        (
            "stranger",
            "vertex-ai",
            vertex("p", key_file("mallory@project.example", KEY)),
            "credentials_refused",
            &[token],
        ),
        (
            "forbidden",
            "vertex-ai",
            vertex("forbidden", key_file(ACCOUNT, KEY)),
            "not_permitted",
            &[token, "GET /v1/projects/forbidden/locations/europe-west1/endpoints"],
        ),
        ("broken", "vertex-ai", vertex("p", key_file(ACCOUNT, "no key")), "inconclusive", &[]),
        ("entra", "azure-openai", azure(&entra(&secret(1))), "works", &[application, models]),
        (
            "entra-wrong",
            "azure-openai",
            azure(&entra(&secret(2))),
            "credentials_refused",
            &[application],
        ),
        ("api-key", "azure-openai", azure(&[hidden("api_key", &secret(3))]), "works", &[models]),
    ];
    for (slug, provider, settings, outcome, paths) in &cases {
        let found = tested(&service, slug, provider, settings).await;
        assert_eq!(found["outcome"], json!(outcome), "{slug}: {found}");
        assert_eq!(peer.heard(), *paths, "{slug}");
    }
    let found = test(&service, "entra-wrong").await;
    let reason = found["reason"].as_str().unwrap_or_default();
    assert!(reason.starts_with("the token service answered 401 invalid_client"), "{reason}");
    told(&service.run(&["replay", "--verify"]).await);
    assert!(service.stop().await.success());
    expect_silence_in(service.folder());
    expect_none_of(&KEY.as_bytes()[100..160], service.folder());
}
