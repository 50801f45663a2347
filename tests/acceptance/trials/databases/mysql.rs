//! MySQL, here MariaDB.

use super::server::Server;
use super::{Case, expect, expect_checks};
use crate::canary::{expect_silence_in, secret};
use crate::output::told;
use crate::service::Service;
use crate::trials::HERE;

/// Starts one with a user for each way in which a login may end.
async fn server() -> Server {
    let password = secret(1);
    let mut statements =
        vec!["CREATE DATABASE orders;".to_owned(), "CREATE DATABASE payroll;".to_owned()];
    for user in ["ledger", "suspended", "encrypted"] {
        let more = match user {
            "suspended" => "ACCOUNT LOCK",
            "encrypted" => "REQUIRE SSL",
            _ => "",
        };
        statements.push(format!("CREATE USER {user}@'%' IDENTIFIED BY '{password}' {more};"));
        statements.push(format!("GRANT ALL ON orders.* TO {user}@'%';"));
    }
    Server::mariadb(&statements).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_to_mysql_tells_what_is_wrong() {
    let server = server().await;
    let mut service = Service::start(&HERE).await;
    let port = format!("port={}", server.port);
    let own = format!("ca_certificate={}", server.authority);
    let plain = ["host=127.0.0.1", port.as_str(), "ssl_mode=DISABLED"];
    let with = |more: &[&'static str]| [&plain[..], more].concat();
    let (ledger, unknown) = (
        with(&["username=ledger", "database=orders"]),
        with(&["username=mallory", "database=orders"]),
    );
    let (missing, foreign) = (
        with(&["username=ledger", "database=not-there"]),
        with(&["username=ledger", "database=payroll"]),
    );
    let suspended = with(&["username=suspended"]);
    let preferred = ["host=localhost", &port, "username=encrypted", "database=orders"];
    let proven = ["host=localhost", &port, "username=encrypted", "ssl_mode=VERIFY_IDENTITY", &own];
    let misnamed =
        ["host=127.0.0.1", &port, "username=encrypted", "ssl_mode=VERIFY_IDENTITY", &own];
    let unproven = ["host=localhost", &port, "username=encrypted", "ssl_mode=VERIFY_IDENTITY"];
    let wrong_port = ["host=127.0.0.1", "port=1", "username=ledger"];
    let elsewhere = ["host=169.254.169.254", "username=ledger", "ssl_mode=DISABLED"];
    let case = |slug, config, outcome, part| Case {
        slug,
        config,
        secret: ("password", secret(1)),
        outcome,
        part,
    };
    let wrong = Case {
        secret: ("password", secret(2)),
        ..case("wrong", &ledger, "credentials_refused", "the user or the password (1045)")
    };
    let by_url = |slug, password: String, outcome, part| Case {
        secret: (
            "connection_string",
            format!("mysql://ledger:{password}@127.0.0.1:{}/orders", server.port),
        ),
        ..case(slug, &[], outcome, part)
    };
    expect(
        &service,
        "mysql",
        &[
            case("plain", &ledger, "works", "the database accepted the login"),
            wrong,
            case("mallory", &unknown, "credentials_refused", "(1045)"),
            case("missing", &missing, "not_permitted", "(1044)"),
            case("foreign", &foreign, "not_permitted", "may not use the database (1044)"),
            case("suspended", &suspended, "not_permitted", "has locked the account"),
            case("preferred", &preferred, "works", "accepted the login"),
            case("proven", &proven, "works", "accepted the login"),
            case("misnamed", &misnamed, "unreachable", "the certificate is for another name"),
            case("unproven", &unproven, "unreachable", "not trusted here"),
            case("nowhere", &wrong_port, "unreachable", "it refuses connections"),
            case("metadata", &elsewhere, "inconclusive", "nothing was sent"),
            by_url("url", secret(1), "works", "accepted the login"),
            by_url("url-wrong", secret(2), "credentials_refused", "(1045)"),
        ],
    )
    .await;
    expect_checks(&service, "mariadb", &ledger, &secret(1)).await;
    told(&service.run(&["replay", "--verify"]).await);
    assert!(service.stop().await.success());
    expect_silence_in(service.folder());
}
