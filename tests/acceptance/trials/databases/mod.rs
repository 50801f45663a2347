//! Connections to databases are tested by the real program: by a login to a real server, or to a
//! peer that speaks the protocol.

mod mysql;
mod postgresql;
mod redis;
mod server;

use serde_json::{Value, json};

use super::{health, test};
use crate::canary::{secret, sings};
use crate::output::{said, told};
use crate::service::Service;

/// A connection, and what its test is to find out.
struct Case<'a> {
    slug: &'a str,
    /// Its settings, each as `name=value`.
    config: &'a [&'a str],
    /// Its secret field and the value.
    secret: (&'a str, String),
    outcome: &'a str,
    /// A part of the reason.
    part: &'a str,
}

/// Creates the connections and tests each. Nothing that is said repeats a value of one.
async fn expect(service: &Service, provider: &str, cases: &[Case<'_>]) {
    for Case { slug, config, secret: (field, value), outcome, part } in cases {
        let value = format!("{field}={value}");
        let mut args = vec!["create", "--slug", slug, "--provider", provider, "--secret", &value];
        args.extend(config.iter().flat_map(|setting| ["--config", *setting]));
        told(&service.run(&args).await);
        let tested = test(service, slug).await;
        assert_eq!(tested["outcome"], json!(outcome), "{slug}: {tested}");
        assert_eq!(tested["status"], Value::Null, "{slug}: {tested}");
        let reason = tested["reason"].as_str().unwrap_or_default();
        assert!(reason.contains(part), "{slug}: {reason}");
        for setting in *config {
            let (name, value) = setting.split_once('=').expect("a setting");
            let is_shown = value.len() > 3 && !matches!(name, "ssl_mode" | "tls");
            assert!(!is_shown || !reason.contains(value), "{slug}: {reason}");
        }
        let known = match *outcome {
            "works" => "operational",
            "credentials_refused" => "failed",
            _ => "unknown",
        };
        assert_eq!(health(service, slug).await, json!(known), "{slug}");
    }
}

/// Creates a connection with a check, and checks that a bad password does not replace the good one.
async fn expect_checks(service: &Service, provider: &str, config: &[&str], good: &str) {
    let value = format!("password={good}");
    let settings: Vec<&str> = config.iter().flat_map(|setting| ["--config", *setting]).collect();
    let wrong = format!("password={}", secret(7));
    let with = |slug: &'static str, value: &str| {
        let args = ["create", "--slug", slug, "--provider", provider, "--check", "--secret", value];
        args.iter().chain(&settings).map(|arg| (*arg).to_owned()).collect::<Vec<String>>()
    };
    let run = async |args: Vec<String>| {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        service.run(&args).await
    };
    let refused = run(with("never", &wrong)).await;
    crate::backup::expect_code(&refused, "check_failed");
    assert!(said(&refused).contains("credentials_refused") && !sings(&refused.stderr));
    crate::backup::expect_code(&service.run(&["get", "never"]).await, "connection_unknown");
    told(&run(with("checked", &value)).await);
    let rotate = ["rotate-secret", "checked", "--secret", &wrong, "--check"];
    crate::backup::expect_code(&service.run(&rotate).await, "check_failed");
    assert_eq!(test(service, "checked").await["outcome"], json!("works"));
    assert_eq!(health(service, "checked").await, json!("operational"));
}
