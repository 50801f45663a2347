//! PostgreSQL.

use serde_json::json;

use super::server::Server;
use super::{Case, expect, expect_checks};
use crate::canary::{expect_silence_in, secret};
use crate::output::told;
use crate::service::Service;
use crate::trials::{HERE, health, test};
use crate::wait::eventually;

/// Who may log in from where, and how.
const RULES: &str = "\
host all banned 127.0.0.1/32 reject
host all anybody 127.0.0.1/32 trust
host all all 127.0.0.1/32 scram-sha-256
";

/// Starts one with a user for each way in which a login may end.
async fn server() -> Server {
    let password = secret(1);
    let users = ["ledger", "banned", "anybody", "stranger", "crowd"];
    let mut statements: Vec<String> = users
        .iter()
        .map(|user| format!("CREATE ROLE {user} LOGIN PASSWORD '{password}';"))
        .collect();
    statements.push("ALTER ROLE crowd CONNECTION LIMIT 0;".to_owned());
    statements.push("CREATE DATABASE orders OWNER ledger;".to_owned());
    statements.push("REVOKE CONNECT ON DATABASE orders FROM PUBLIC;".to_owned());
    Server::postgresql(&statements, RULES).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_to_postgresql_tells_what_is_wrong() {
    let server = server().await;
    let mut service = Service::start(&HERE).await;
    let port = format!("port={}", server.port);
    let plain = ["host=127.0.0.1", &port, "ssl_mode=disable"];
    let with =
        |user: &'static str, database: &'static str| [&plain[..], &[user, database]].concat();
    let good = || ("password", secret(1));
    let case = |slug, config, outcome, part| Case { slug, config, secret: good(), outcome, part };
    let url =
        |rest: &str| ("connection_string", format!("postgresql://ledger:{}@{rest}", secret(1)));
    let [owner, unknown, missing, stranger] = [
        with("username=ledger", "database=orders"),
        with("username=nobody-here", "database=orders"),
        with("username=ledger", "database=not-there"),
        with("username=stranger", "database=orders"),
    ];
    let [crowd, banned, anybody] = [
        with("username=crowd", "database=postgres"),
        with("username=banned", "database=postgres"),
        with("username=anybody", "database=postgres"),
    ];
    let preferred = ["host=localhost", &port, "username=ledger", "database=orders"];
    let wrong_port = ["host=127.0.0.1", "port=1", "username=ledger", "database=orders"];
    let elsewhere = ["host=169.254.169.254", "username=ledger", "ssl_mode=disable"];
    let wrong = Case {
        secret: ("password", secret(2)),
        ..case("wrong", &owner, "credentials_refused", "refused the user or the password (28P01)")
    };
    let by_url = |slug, rest: String, outcome, part| Case {
        slug,
        config: &[],
        secret: url(&rest),
        outcome,
        part,
    };
    let at = format!("127.0.0.1:{}/orders", server.port);
    expect(
        &service,
        "postgresql",
        &[
            case("owner", &owner, "works", "the database accepted the login"),
            case("preferred", &preferred, "works", "accepted the login"),
            wrong,
            case("unknown", &unknown, "credentials_refused", "(28P01)"),
            case("missing", &missing, "not_permitted", "has no such database (3D000)"),
            case("stranger", &stranger, "not_permitted", "may not connect to the database (42501)"),
            case("crowd", &crowd, "rate_limited", "too many connections (53300)"),
            case("banned", &banned, "not_permitted", "admits no such login from here (28000)"),
            case("anybody", &anybody, "inconclusive", "asks for no password"),
            case("nowhere", &wrong_port, "unreachable", "it refuses connections"),
            case("metadata", &elsewhere, "inconclusive", "nothing was sent"),
            by_url("url", format!("{at}?sslmode=disable"), "works", "accepted the login"),
            by_url("url-tls", format!("{at}?sslmode=require"), "works", "accepted the login"),
            by_url("url-away", "localhost:1/x".to_owned(), "unreachable", "refuses connections"),
        ],
    )
    .await;
    let socket = format!("connection_string=postgresql://ledger:{}@/x?host=/tmp", secret(1));
    let args = ["create", "--slug", "socket", "--provider", "postgresql", "--secret", &socket];
    told(&service.run(&args).await);
    let refused = service.run(&["test", "socket"]).await;
    crate::backup::expect_code(&refused, "test_impossible");
    told(&service.run(&["replay", "--verify"]).await);
    assert!(service.stop().await.success());
    expect_silence_in(service.folder());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_goes_only_to_a_server_that_proves_what_the_connection_demands() {
    let server = server().await;
    let service = Service::start(&HERE).await;
    let port = format!("port={}", server.port);
    let own = format!("ca_certificate={}", server.authority);
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
    let other = format!("ca_certificate={}", other.cert.pem());
    let user = ["username=ledger", "database=orders"];
    for (slug, host, mode, authority, outcome, part) in [
        ("full", "host=localhost", "verify-full", Some(&own), "works", "accepted"),
        ("name", "host=127.0.0.1", "verify-full", Some(&own), "unreachable", "for another name"),
        ("ca", "host=127.0.0.1", "verify-ca", Some(&own), "works", "accepted"),
        ("system", "host=localhost", "verify-full", None, "unreachable", "not trusted here"),
        ("other", "host=localhost", "verify-ca", Some(&other), "unreachable", "TLS failed"),
        ("require", "host=127.0.0.1", "require", None, "works", "accepted"),
    ] {
        let mode = format!("ssl_mode={mode}");
        let mut config = vec![host, &port, &mode, user[0], user[1]];
        config.extend(authority.map(String::as_str));
        let secret = ("password", secret(1));
        expect(&service, "postgresql", &[Case { slug, config: &config, secret, outcome, part }])
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_checked_before_a_change_and_tested_by_the_schedule() {
    let mut server = server().await;
    let every = [&HERE[..], &["--check-every", "10s", "--check-timeout", "5s"]].concat();
    let service = Service::start(&every).await;
    let port = format!("port={}", server.port);
    let config = ["host=127.0.0.1", &port, "username=ledger", "database=orders"];
    expect_checks(&service, "postgresql", &config, &secret(1)).await;
    // Nobody asks for this test.
    let value = format!("password={}", secret(1));
    let mut args =
        vec!["create", "--slug", "watched", "--provider", "postgres", "--secret", &value];
    args.extend(config.iter().flat_map(|setting| ["--config", *setting]));
    told(&service.run(&args).await);
    eventually("the schedule tests it", async || {
        (health(&service, "watched").await == json!("operational")).then_some(())
    })
    .await;
    server.stop().await;
    assert_eq!(test(&service, "watched").await["outcome"], "unreachable");
    assert_eq!(health(&service, "watched").await, "operational", "that says nothing of them");
}
