//! Alerts by mail, given to a mail server that others wrote.

use std::collections::BTreeMap;
use std::fs;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::receiver::Receiver;
use super::relay::{Relay, Tls};
use super::{all_arrive, delivery, nothing_waits};
use crate::backup::expect_code;
use crate::canary::{expect_silence_in, secret, sings};
use crate::output::{said, told};
use crate::service::Service;
use crate::wait::eventually;

/// Where alerts are.
const ALERTS: &str = "/workspaces/default/alerts";
/// What every server here is started with.
const SOON: [&str; 6] = [
    "--nats",
    "managed",
    "--alert-retries",
    "300ms,300ms,300ms,300ms,300ms,300ms,300ms,300ms,300ms,300ms,300ms,300ms,300ms,300ms,300ms,300ms",
    "--alert-pause-max",
    "300ms",
];

async fn start(relay: &Relay) -> Service {
    let flags = relay.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    Service::start(&[&SOON[..], &flags].concat()).await
}

async fn create_alert(service: &Service) {
    let create = ["alert", "create", "ops", "--email", "ops@example.com", "--on", "marked-failed"];
    let made = service.run(&create).await;
    let words = told(&made) + &said(&made);
    assert!(!words.contains("whsec_") && words.contains("alert test ops"), "{words}");
}

async fn create(service: &Service, number: usize) {
    let draft = json!({
        "slug": format!("c{number}"), "provider": "openai",
        "display_name": format!("No. {number} ключ"), "secrets": { "api_key": secret(number) },
    });
    service.create("/workspaces/default/connections", &draft).await;
}

/// Reports a connection as failed, and returns the position of that.
async fn fail(service: &Service, number: usize, reason: &str) -> u64 {
    let path = format!("/workspaces/default/connections/c{number}/mark-failed");
    let (status, receipt) = service.ask(Method::POST, &path, &json!({ "reason": reason })).await;
    assert_eq!(status, StatusCode::OK, "{receipt}");
    receipt["position"].as_u64().expect("a position")
}

/// Waits until the receiver is down, and returns why.
async fn down(service: &Service) -> String {
    eventually("it is tried in vain", async || {
        let now = delivery(service).await;
        let because = now["last_failure"].as_str().map(str::to_owned);
        because.filter(|_| now["down_since"].is_string())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_tells_each_event_in_order_whatever_is_killed_and_a_storm_is_few_mails() {
    const CONNECTIONS: usize = 60;
    const ROUNDS: usize = 4;
    let mut relay = Relay::start(Tls::Starttls, "localhost");
    let mut service = start(&relay).await;
    create_alert(&service).await;
    let mut sent: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for number in 0..CONNECTIONS {
        create(&service, number).await;
    }
    for round in 0..ROUNDS {
        for number in 0..CONNECTIONS {
            let position = fail(&service, number, &format!("round {round} of {number}")).await;
            sent.entry(format!("c{number}")).or_default().push(position);
        }
        match round {
            0 => relay.kill().await,
            1 => {
                service.kill().await;
                relay.start_again();
                service.start_again().await;
            }
            2 => {
                service.kill().await;
                service.start_again().await;
            }
            _ => {}
        }
    }
    all_arrive(&sent, || relay.arrived()).await;
    nothing_waits(&service).await;
    let mail = relay.mail("250");
    assert!(mail.len() < CONNECTIONS / 2, "{} mails", mail.len());
    for one in &mail {
        assert_eq!((&one["tls"], &one["user"]), (&json!(true), &json!(true)), "{one}");
        assert_eq!(one["from"], "ledger@ledger.example");
        assert_eq!(one["to"], json!(["ops@example.com"]));
        let subject = one["subject"].as_str().unwrap_or_default();
        assert!(subject.starts_with("[connledger] "), "{subject}");
        let body = one["body"].as_str().unwrap_or_default();
        for words in ["connledger why c", "ключ", "round ", "default", "openai", "alert show ops"]
        {
            assert!(body.contains(words), "{words}: {body}");
        }
        let same = mail.iter().filter(|other| other["id"] == one["id"]);
        assert!(same.into_iter().all(|other| other["body"] == one["body"]), "one id, one mail");
    }
    assert!(service.stop().await.success());
    assert!(expect_silence_in(service.folder()) > 0, "log and ledger have no secret of anybody");
    assert!(!sings(&fs::read(relay.taken()).expect("readable")), "nor has mail");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_relay_refuses_for_now_is_sent_again_and_what_it_refuses_for_good_is_a_dead_letter()
{
    let relay = Relay::start(Tls::Starttls, "localhost");
    relay.answer("later");
    let mut service = start(&relay).await;
    create_alert(&service).await;
    create(&service, 0).await;
    let first = fail(&service, 0, "the first").await;
    eventually("it is refused for now", async || (!relay.mail("451").is_empty()).then_some(()))
        .await;
    // What happens meanwhile does not become a part of the mail that was begun.
    service.kill().await;
    service.start_again().await;
    fail(&service, 0, "the second").await;
    let refused = eventually("it is tried again and again", async || {
        let refused = relay.mail("451");
        (refused.len() >= 3).then_some(refused)
    })
    .await;
    let now = delivery(&service).await;
    assert!(now["down_since"].is_string() && now["dead_letters"] == 0, "{now}");
    relay.answer("take");
    told(&service.run(&["alert", "test", "ops"]).await);
    let taken = eventually("it is taken", async || relay.mail("250").into_iter().next()).await;
    for mail in refused.iter().chain([&taken]) {
        assert_eq!((&mail["id"], &mail["body"]), (&taken["id"], &taken["body"]), "the same mail");
    }
    eventually("the others are taken", async || {
        (relay.arrived().get("c0").map(Vec::len) == Some(2)).then_some(())
    })
    .await;
    assert_eq!(relay.arrived()["c0"][0], first);

    relay.answer("never");
    let third = fail(&service, 0, "the third").await;
    let now = eventually("it is given up", async || {
        let now = delivery(&service).await;
        (now["dead_letters"] == 1).then_some(now)
    })
    .await;
    assert_eq!(relay.mail("550").len(), 1, "it is not sent again: {now}");
    let letters = told(&service.run(&["alert", "dead-letters", "ops"]).await);
    assert!(letters.contains("550") && letters.contains(&third.to_string()), "{letters}");
    assert!(!letters.contains("no such user"), "it has nothing of the relay's words: {letters}");
    relay.answer("take");
    let fourth = fail(&service, 0, "the fourth").await;
    let arrives = async |position: u64| {
        eventually("it is taken", async || relay.arrived()["c0"].contains(&position).then_some(()))
            .await;
    };
    arrives(fourth).await;
    told(&service.run(&["alert", "replay", "ops"]).await);
    arrives(third).await;
    eventually("there is no dead letter", async || {
        (delivery(&service).await["dead_letters"] == 0).then_some(())
    })
    .await;
    let tested = relay.mail("250");
    assert!(
        tested.iter().any(|mail| {
            mail["body"].as_str().is_some_and(|body| body.contains("alert tested"))
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_with_the_certificate_of_another_name_gets_nothing() {
    for (tls, certified, because) in [
        (Tls::Starttls, "another.example", "the certificate is for another name"),
        (Tls::Smtps, "another.example", "the certificate is for another name"),
        (Tls::None, "localhost", "does not offer what is needed, such as STARTTLS"),
    ] {
        let relay = Relay::start(tls, certified);
        let service = start(&relay).await;
        create_alert(&service).await;
        create(&service, 0).await;
        fail(&service, 0, "the first").await;
        let said = eventually("it is tried", async || {
            // Before it listens, it is away.
            Some(down(&service).await).filter(|said| !said.contains("cannot be reached"))
        })
        .await;
        assert!(said.contains(because), "{said}");
        assert!(!relay.taken().exists(), "mail arrived");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_login_holds_mail_back_and_an_authority_that_is_not_named_too() {
    let relay = Relay::start(Tls::Smtps, "localhost");
    relay.give_password(&secret(815));
    let mut service = start(&relay).await;
    create_alert(&service).await;
    create(&service, 0).await;
    let position = fail(&service, 0, "the first").await;
    let said = eventually("it is tried", async || {
        Some(down(&service).await).filter(|said| !said.contains("cannot be reached"))
    })
    .await;
    assert!(said.contains("refuses the login with 535"), "{said}");
    assert_eq!(delivery(&service).await["dead_letters"], 0);
    assert!(service.stop().await.success());
    assert!(expect_silence_in(service.folder()) > 0, "neither password is anywhere");

    let flags = relay.flags();
    let is_ca = |pair: &[String]| pair[0] == "--smtp-ca-file";
    let kept = flags.chunks(2).filter(|pair| !is_ca(pair)).flatten().map(String::as_str);
    let mut other = service.copy(&[&SOON[..], &kept.collect::<Vec<_>>()].concat());
    relay.give_password(&Relay::password());
    other.start_again().await;
    let said = eventually("it is tried again", async || {
        Some(down(&other).await).filter(|said| !said.contains("login"))
    })
    .await;
    assert!(said.contains("from an authority that is not trusted here"), "{said}");
    assert!(other.stop().await.success());

    service.start_again().await;
    eventually("it is taken", async || {
        (relay.arrived().get("c0") == Some(&vec![position])).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_relay_there_are_no_new_alerts_by_mail() {
    let service = Service::start(&SOON).await;
    let create = ["alert", "create", "ops", "--email", "ops@example.com"];
    let refused = service.run(&create).await;
    expect_code(&refused, "mail_off");
    assert!(said(&refused).contains("--smtp-url"), "{}", said(&refused));
    let body = json!({ "alert": "ops", "email": "ops@example.com" });
    let (status, problem) = service.ask(Method::POST, ALERTS, &body).await;
    assert_eq!((status.as_u16(), problem["code"].as_str()), (422, Some("mail_off")), "{problem}");
    for body in [
        json!({ "alert": "ops" }),
        json!({ "alert": "ops", "email": "ops@example.com", "url": "https://a.example" }),
        json!({ "alert": "ops", "email": "ops@example.com", "signature": "hmac" }),
        json!({ "alert": "ops", "email": "ops" }),
        json!({ "alert": "ops", "email": "a@b\r\nBcc: c@d" }),
        json!({ "alert": "ops", "email": "<ops@example.com>" }),
        json!({ "alert": "ops", "email": format!("{}@example.com", "x".repeat(65)) }),
        json!({ "alert": "ops", "url": "mailto:ops@example.com" }),
    ] {
        let (status, problem) = service.ask(Method::POST, ALERTS, &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}: {problem}");
    }
    let body = json!({ "alert": "ops", "url": "https://alerts.invalid/hook" });
    assert_eq!(service.ask(Method::POST, ALERTS, &body).await.0, StatusCode::OK);
    let update = ["alert", "update", "ops", "--email", "ops@example.com"];
    expect_code(&service.run(&update).await, "mail_off");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_by_mail_waits_without_a_relay_and_may_go_to_a_url_instead() {
    let relay = Relay::start(Tls::Smtps, "localhost");
    let mut service = start(&relay).await;
    create_alert(&service).await;
    let (_, shown) = service.get(ALERTS).await;
    let shown = &shown["alerts"][0];
    assert_eq!(shown["email"], "ops@example.com");
    assert_eq!(
        (&shown["url"], &shown["signature"]),
        (&json!("mailto:ops@example.com"), &json!("none"))
    );
    expect_code(&service.run(&["alert", "rotate-secret", "ops"]).await, "alert_unsigned");
    create(&service, 0).await;
    let first = fail(&service, 0, "the first").await;
    eventually("it is taken", async || {
        (relay.arrived().get("c0") == Some(&vec![first])).then_some(())
    })
    .await;
    assert!(service.stop().await.success());

    // A copy of the ledger, served without a relay.
    let receiver_flags = ["--allow-alert-network", "127.0.0.0/8"];
    let mut other = service.copy(&[&SOON[..], &receiver_flags].concat());
    other.start_again().await;
    fail(&other, 0, "the second").await;
    let because = down(&other).await;
    assert!(because.contains("--smtp-url"), "{because}");
    let listed = told(&other.run(&["alert", "list"]).await);
    assert!(listed.contains("ops@example.com") && listed.contains("receiver down"), "{listed}");
    let status = told(&other.run(&["status"]).await);
    assert!(status.contains("1 with a receiver that is down"), "{status}");

    let mut receiver = Receiver::new(other.folder());
    let url = receiver.url();
    told(&other.run(&["alert", "update", "ops", "--url", &url]).await);
    let rotated =
        told(&other.run(&["alert", "rotate-secret", "ops", "--overlap-seconds", "0"]).await);
    receiver.start(rotated.lines().next().expect("the secret"));
    let all = eventually("what waited arrives as a request", async || {
        receiver.arrived().get("c0").cloned()
    });
    assert_eq!(all.await, ["the second"]);
    assert_eq!(receiver.wrong(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_as_requests_is_told_by_mail_in_a_restored_ledger_as_well() {
    let relay = Relay::start(Tls::Starttls, "localhost");
    let mut service = start(&relay).await;
    let create_url = ["alert", "create", "ops", "--url", "https://alerts.invalid/hook"];
    told(&service.run(&[&create_url[..], &["--on", "marked-failed"]].concat()).await);
    create(&service, 0).await;
    create(&service, 1).await;
    let positions = [
        fail(&service, 0, "the first").await,
        fail(&service, 1, "the second").await,
        fail(&service, 0, "the third").await,
    ];
    down(&service).await;
    assert!(service.stop().await.success());
    let (export, keys) =
        (service.folder().join("ledger.jsonl"), service.data_dir().join("dev-master.key"));
    let with_keys = ["--master-key-file", keys.to_str().expect("text")];
    let to = export.to_str().expect("text");
    told(&service.run(&[&["export", "--out", to][..], &with_keys].concat()).await);
    service.lose_ledger();
    fs::remove_dir_all(service.data_dir().join("nats")).expect("what NATS has is removed");
    told(&service.run(&[&["import", to][..], &with_keys].concat()).await);
    service.start_again().await;
    told(&service.run(&["alert", "update", "ops", "--email", "new@example.com"]).await);
    let arrived = eventually("all that waited is told", async || {
        let arrived = relay.arrived();
        (arrived.values().map(Vec::len).sum::<usize>() == 3).then_some(arrived)
    })
    .await;
    assert_eq!(arrived["c0"], [positions[0], positions[2]]);
    assert_eq!(arrived["c1"], [positions[1]]);
    let mail: Vec<Value> = relay.mail("250");
    assert!(mail.iter().all(|one| one["to"] == json!(["new@example.com"])), "{mail:?}");
    told(&service.run(&["alert", "remove", "ops"]).await);
}
