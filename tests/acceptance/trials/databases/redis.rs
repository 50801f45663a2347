//! Redis.

use super::server::Server;
use super::{Case, expect, expect_checks};
use crate::canary::{expect_silence_in, secret};
use crate::output::told;
use crate::service::Service;
use crate::trials::HERE;

#[tokio::test(flavor = "multi_thread")]
async fn a_login_to_redis_tells_what_is_wrong() {
    let password = secret(1);
    let server = Server::redis(&format!(
        "requirepass {password}\n\
         user app on >{password} ~* +@all\n\
         user away off >{password} ~* +@all\n\
         user narrow on >{password} ~app:* +get"
    ))
    .await;
    let open = Server::redis("").await;
    let mut service = Service::start(&[&HERE[..], &["--check-timeout", "3s"]].concat()).await;
    let [port, tls_port, open_port] =
        [server.port, server.tls_port, open.port].map(|port| format!("port={port}"));
    let own = format!("ca_certificate={}", server.authority);
    let plain = ["host=127.0.0.1", port.as_str()];
    let with = |more: &[&'static str]| [&plain[..], more].concat();
    let (app, wrong_user, away) = (
        with(&["username=app", "database=3"]),
        with(&["username=mallory"]),
        with(&["username=away"]),
    );
    let (missing, narrow) =
        (with(&["username=app", "database=99"]), with(&["username=narrow", "database=1"]));
    let encrypted = ["host=localhost", &tls_port, "tls=true", &own];
    let unproven = ["host=localhost", &tls_port, "tls=true"];
    let mistaken = ["host=localhost", &port, "tls=true", &own];
    let to_all = ["host=127.0.0.1", open_port.as_str()];
    let elsewhere = ["host=10.0.0.1"];
    let case = |slug, config, outcome, part| Case {
        slug,
        config,
        secret: ("password", secret(1)),
        outcome,
        part,
    };
    let refused = |slug, config| Case {
        secret: ("password", secret(2)),
        ..case(slug, config, "credentials_refused", "refused the user or the password")
    };
    let url = |slug, url: String, outcome, part| Case {
        secret: ("connection_string", url),
        ..case(slug, &[], outcome, part)
    };
    let at = format!("127.0.0.1:{}", server.port);
    expect(
        &service,
        "redis",
        &[
            case("default", &plain, "works", "the database accepted the login"),
            refused("wrong", &plain),
            case("app", &app, "works", "accepted the login"),
            refused("app-wrong", &app),
            case("mallory", &wrong_user, "credentials_refused", "refused the user"),
            case("away", &away, "credentials_refused", "refused the user"),
            case("missing", &missing, "not_permitted", "has no such database"),
            case("narrow", &narrow, "not_permitted", "permits no use"),
            case("encrypted", &encrypted, "works", "accepted the login"),
            case("unproven", &unproven, "unreachable", "not trusted here"),
            case("mistaken", &mistaken, "unreachable", "gave no answer"),
            case("open", &to_all, "inconclusive", "asks for no password"),
            case("private", &elsewhere, "inconclusive", "nothing was sent"),
            url("url", format!("redis://:{password}@{at}/2"), "works", "accepted the login"),
            url("url-user", format!("redis://app:{password}@{at}"), "works", "accepted"),
            url("url-wrong", format!("redis://app:{}@{at}", secret(2)), "credentials_refused", ""),
        ],
    )
    .await;
    expect_checks(&service, "redis", &plain, &password).await;
    told(&service.run(&["replay", "--verify"]).await);
    assert!(service.stop().await.success());
    expect_silence_in(service.folder());
}
